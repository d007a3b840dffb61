"""Old checkpoints are thinned, and whatever was promised of them holds."""

import pytest

from adapters.chores import PostgresChores
from adapters.event_log.recorder import LOG_LOCK
from adapters.event_log.store import PostgresEventStore
from adapters.postgres.database import Database
from adapters.postgres.statements import Connection
from adapters.sealing.copy import OutsideCopy, size_of
from adapters.sealing.inspecting import Inspection
from adapters.sealing.reading import PostgresSeal
from adapters.sealing.sealer import Sealer
from adapters.sealing.signing import KeyFiles
from domain.audit.tree import extends
from domain.handlers.evidence import consistency_of, proof_of
from tests.adapters.sealing.conftest import events

AGED = """
UPDATE seal_checkpoints SET signed_at = date_trunc('hour', now(), 'UTC') - interval '1 hour' * CASE
    WHEN size <= 6 THEN 48 WHEN size <= 12 THEN 5 ELSE -1 END + interval '20 seconds' * size
"""
"""Six of one hour two days ago, six within two minutes five hours ago, and the rest of just now."""


@pytest.fixture
def chores(database: Database) -> PostgresChores:
    return PostgresChores(database, LOG_LOCK)


def sizes(seal: PostgresSeal) -> list[int]:
    return [each.size for each in reversed(seal.checkpoints(100, None))]


def test_old_checkpoints_are_thinned_and_everything_is_proven_as_before(
    store: PostgresEventStore,
    seal: PostgresSeal,
    sealer: Sealer,
    chores: PostgresChores,
    connection: Connection,
    keys: KeyFiles,
    copy: OutsideCopy,
) -> None:
    for _ in range(15):
        events(store, 1)
        assert sealer.advance(connection)
    connection.execute(AGED.encode())
    before = {each.size: each for each in seal.checkpoints(100, None)}
    assert chores.thin_checkpoints() == 7
    # The first of all, the last of the hour, the last of each minute, and all that are young.
    assert sizes(seal) == [1, 6, 8, 11, 12, 13, 14, 15]
    assert chores.thin_checkpoints() == 0
    last = before[15]
    for size, kept in before.items():
        assert extends(size, 15, kept.root, last.root, consistency_of(seal, size, 15).path)
        assert proof_of(seal, size, None)
    # What the outside copy has more is compared as ever, and nothing is an alarm.
    assert [size_of(note) for note in copy.notes()] == list(range(1, 16))
    assert sealer.problem(connection) is None
    found = Inspection(connection, keys, copy)
    assert list(found.problems(lambda done, total: None)) == []
    assert found.checkpoints == 15 + 8
    events(store, 1)
    assert sealer.advance(connection)


def test_what_a_second_brings_is_one_checkpoint(
    store: PostgresEventStore, sealer: Sealer, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever seals rests afterwards, unless a whole batch says that more waits."""
    monkeypatch.setattr("adapters.sealing.sealer.BATCH", 3)
    events(store, 4)
    assert sealer.has_more(connection)
    assert not sealer.has_more(connection)
    assert not sealer.has_more(connection)
