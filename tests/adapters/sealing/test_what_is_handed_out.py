"""Evidence and proofs verify, or are refused with why: nothing else leaves the service."""

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from adapters.event_log.store import PostgresEventStore
from adapters.postgres.database import Database
from adapters.postgres.statements import Connection
from adapters.sealing.copy import OutsideCopy
from adapters.sealing.reading import PostgresSeal
from adapters.sealing.sealer import Sealer
from adapters.sealing.signing import KeyFiles, verify_ed25519
from domain.audit.evidence import Scope
from domain.audit.tree import extends, includes, leaf_hash
from domain.audit.verifying import verify_evidence
from domain.errors import NotProvable
from domain.handlers.evidence import Evidence, Period, consistency_of, evidence_of, proof_of
from domain.operation.events import OperationStarted
from tests.adapters.conftest import requested, write
from tests.adapters.sealing.conftest import Tamper, events

NOW = datetime.now(UTC)
ALL = Period(NOW - timedelta(days=1), NOW + timedelta(days=1))
FLIP = "UPDATE seal_tiles SET hashes = set_byte(hashes, {0}, get_byte(hashes, {0}) # 1) WHERE (level, number) = ({1})"
Ask = Callable[[Scope | Period], Evidence]


@pytest.fixture
def seal(database: Database, keys: KeyFiles, copy: OutsideCopy) -> PostgresSeal:
    return PostgresSeal(database, keys, copy)


@pytest.fixture
def operation(store: PostgresEventStore, sealer: Sealer, connection: Connection, tamper: Tamper) -> UUID:
    """Its two events are the last of 302, all of them sealed and shown by the views."""
    events(store, 300)
    assert sealer.advance(connection)
    stream = uuid4()
    write(store, stream, 0, requested())
    write(store, stream, 1, OperationStarted(worker="w", attempt=1))
    assert sealer.advance(connection)
    tamper("INSERT INTO projections (name, position) VALUES ('event_streams_v1', 302)")
    return stream


@pytest.fixture
def ask(seal: PostgresSeal) -> Ask:
    return lambda asked: evidence_of(seal, asked, NOW, lambda seconds: None)


def test_evidence_of_an_untouched_log_verifies(ask: Ask, operation: UUID, keys: KeyFiles) -> None:
    for asked, count in ((ALL, 302), (Scope("operation", str(operation)), 2)):
        content = io.BytesIO(b"".join(ask(asked).pieces))
        assert verify_evidence(content, keys.known(), verify_ed25519).events == count


HARM = [
    ("UPDATE stored_events SET state = convert_to('{}', 'UTF8') WHERE notification_id = 301", "position 301"),
    ("UPDATE stored_events SET recorded_at = now() WHERE notification_id = 302", "position 302"),
    ("DELETE FROM stored_events WHERE notification_id = 301", "position 301"),
    ("UPDATE seal_checkpoints SET note = replace(note, E'\\n302\\n', E'\\n303\\n') WHERE size = 302", "not signed"),
    (FLIP.format(40, "0, 1"), "the tree is no longer"),
    ("DELETE FROM seal_tiles WHERE level = 1", "missing or too short"),
    (FLIP.format(8_000, "0, 0"), "tile 0 of level 0 is not the one that was sealed"),
]


def outcome(ask: Ask, asked: Scope | Period, keys: KeyFiles) -> str:
    """Why it was refused; or that what was sent verifies."""
    try:
        found = ask(asked)
    except NotProvable as refusal:
        return str(refusal)
    verify_evidence(io.BytesIO(b"".join(found.pieces)), keys.known(), verify_ed25519)
    return "verified"


@pytest.mark.parametrize(("statement", "says"), HARM)
def test_what_would_not_verify_is_refused_before_the_first_piece(
    ask: Ask, seal: PostgresSeal, operation: UUID, tamper: Tamper, keys: KeyFiles, statement: str, says: str
) -> None:
    tamper(statement)
    for asked in (ALL, Scope("operation", str(operation))):
        assert says in outcome(ask, asked, keys)
    with pytest.raises(NotProvable, match=says):
        proof_of(seal, 301, None)


def test_harm_to_what_the_evidence_does_not_rest_on_refuses_nothing(
    ask: Ask, operation: UUID, tamper: Tamper, keys: KeyFiles
) -> None:
    tamper("UPDATE seal_checkpoints SET note = replace(note, E'\\n300\\n', E'\\n299\\n') WHERE size = 300")
    assert "not signed" in outcome(ask, ALL, keys)
    assert outcome(ask, Scope("operation", str(operation)), keys) == "verified"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE stored_events SET topic = 'other' WHERE notification_id = 7",
        "DELETE FROM stored_events WHERE notification_id = 7",
        FLIP.format(32 * 6, "0, 0"),
    ],
)
def test_harm_far_from_the_end_refuses_what_it_touches(
    ask: Ask, seal: PostgresSeal, operation: UUID, tamper: Tamper, keys: KeyFiles, statement: str
) -> None:
    tamper(statement)
    with pytest.raises(NotProvable):
        ask(ALL)
    with pytest.raises(NotProvable):
        proof_of(seal, 7, None)


def test_what_changes_while_it_is_sent_breaks_off(ask: Ask, operation: UUID, tamper: Tamper) -> None:
    pieces = ask(ALL).pieces
    assert next(pieces)
    tamper("UPDATE stored_events SET topic = 'other' WHERE notification_id = 250")
    with pytest.raises(NotProvable, match="position 250"):
        list(pieces)


def test_nothing_is_proven_while_the_seal_is_stopped(
    ask: Ask, seal: PostgresSeal, operation: UUID, sealer: Sealer, connection: Connection, copy: OutsideCopy
) -> None:
    away = copy.path.rename(copy.path.with_name("away"))
    assert not sealer.advance(connection)
    for proving in (
        lambda: ask(ALL),
        lambda: proof_of(seal, 1, None),
        lambda: consistency_of(seal, 300, 302),
    ):
        with pytest.raises(NotProvable, match="is not there: it was removed"):
            proving()
    away.rename(copy.path)
    assert not sealer.advance(connection)
    assert ask(ALL)


def test_a_history_forged_with_the_stolen_key_is_not_proven_also_before_the_sealer_came_by(
    ask: Ask, operation: UUID, tamper: Tamper, connection: Connection, keys: KeyFiles, tmp_path: Path
) -> None:
    tamper("UPDATE stored_events SET topic = 'other' WHERE notification_id = 250")
    tamper("TRUNCATE seal_tiles, seal_checkpoints, seal_copies")
    assert Sealer(keys, OutsideCopy(tmp_path / "another")).advance(connection)
    with pytest.raises(NotProvable, match="another root for 302 events"):
        ask(ALL)


def test_a_process_without_key_and_copy_sees_what_it_can(
    database: Database, operation: UUID, tamper: Tamper, tmp_path: Path
) -> None:
    elsewhere = PostgresSeal(
        database, KeyFiles(tmp_path / "nowhere" / "key"), OutsideCopy(tmp_path / "nowhere" / "copy")
    )
    assert elsewhere.problem() is None
    assert proof_of(elsewhere, 302, None)
    tamper("UPDATE stored_events SET topic = 'other' WHERE notification_id = 302")
    assert "position 302" in (elsewhere.problem() or "")
    tamper("UPDATE seal_checkpoints SET note = 'nonsense'")
    assert elsewhere.problem() == "it is no checkpoint"


def test_a_key_that_nobody_would_verify_with_signs_no_evidence(
    ask: Ask, operation: UUID, keys: KeyFiles, tmp_path: Path
) -> None:
    stranger = KeyFiles(tmp_path / "stranger")
    stranger.make()
    keys.private.write_text(stranger.private.read_text())
    with pytest.raises(NotProvable, match="is none of those in"):
        ask(ALL)


def test_a_checkpoint_that_somebody_kept_is_proven_also_when_it_is_kept_here_no_more(
    seal: PostgresSeal, operation: UUID, tamper: Tamper
) -> None:
    kept, last = seal.checkpoint(300), seal.latest()
    assert kept is not None
    assert last is not None
    whole = consistency_of(seal, 300, 302)
    tamper("DELETE FROM seal_checkpoints WHERE size = 300")
    found = consistency_of(seal, 300, 302)
    assert (found.path, found.earlier, whole.earlier) == (whole.path, "", kept.note)
    assert extends(300, 302, kept.root, last.root, found.path)
    proven = proof_of(seal, 300, None)
    assert includes(299, 302, leaf_hash(proven.event.entry.encoded()), proven.path, last.root)
