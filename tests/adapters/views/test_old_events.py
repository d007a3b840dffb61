"""Events as they were stored once are read for ever: every view can be made out of the stored samples of every fact."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from adapters.event_log.recorder import LOG_LOCK
from adapters.event_log.store import PostgresEventStore
from adapters.postgres.database import Database
from adapters.postgres.statements import run
from adapters.views.catalogue import INLINE, VIEWS
from adapters.views.past import PostgresHistory
from adapters.views.reading import PostgresViews
from adapters.views.rebuilding import PostgresReplays
from domain.views import OperationFilter, TableFilter
from tests.adapters.views.test_rebuilding import Following

GOLDEN = Path(__file__).parents[2] / "domain" / "golden"
META = b'{"event_id":"%s","moment":"2026-03-03T09:30:00Z","origin":{"actor":"ann","authentication":"token"}}'
INSERT = "INSERT INTO stored_events (originator_id, originator_version, topic, state) VALUES (%s, %s, %s, %s)"

MIGRATION, TABLE = UUID(int=1), UUID(int=3)
"""As the samples name them."""
ENDS = ("failed", "cancelled", "completed")
LIVES: dict[UUID, list[str]] = {
    uuid4(): ["table.registered", "table.unregistered"],
    TABLE: [
        "table.registered",
        "table.migration_queued",
        "table.migration_withdrawn",
        "table.schema_changed",
        "table.outside_change_adopted",
    ],
    MIGRATION: ["migration.requested", "migration.started", "migration.succeeded"],
    uuid4(): ["migration.requested", "migration.started", "migration.failed"],
    uuid4(): ["migration.requested", "migration.cancelled"],
    uuid4(): ["migration.adopted"],
    **{
        uuid4(): [
            "operation.requested",
            "operation.started",
            "operation.progressed",
            "operation.cancellation_requested",
            "operation.cancellation_acknowledged",
            "operation.publishing",
            f"operation.{end}",
        ]
        for end in ENDS
    },
    uuid4(): ["token.issued", "token.rotated", "token.revoked"],
}
"""The samples in orders that make sense; facts that are in none of them are in streams of their own."""


def stored() -> Iterator[tuple[UUID, int, str, bytes]]:
    """What a log of the samples holds, byte for byte."""
    samples = {path.stem: path.read_bytes() for path in sorted(GOLDEN.glob("*.json"))}
    lonely = set(samples) - {topic for life in LIVES.values() for topic in life}
    for stream, life in [*LIVES.items(), *((uuid4(), [topic]) for topic in sorted(lonely))]:
        for version, topic in enumerate(life, start=1):
            meta = META % str(uuid4()).encode()
            yield stream, version, topic, b'{"meta":%s,"fact":%s}' % (meta, samples[topic])


@pytest.fixture
def old_log(database: Database, database_url: str, store: PostgresEventStore) -> Iterator[Following]:
    """The samples in the log, the inline views written event by event, the others ready to follow."""
    following = Following(database_url, store)
    for event in stored():
        following.connection.execute(INSERT, event)
    for event in store.read(0, 1_000):
        for inline in INLINE:
            for statement in inline(event.stream, event.version, event.fact):
                run(following.connection, statement)
    yield following
    following.connection.close()


def test_every_view_is_made_of_the_samples_of_every_fact(
    database: Database, database_url: str, store: PostgresEventStore, old_log: Following
) -> None:
    assert {event.fact.topic for event in store.read(0, 1_000)} == {path.stem for path in GOLDEN.glob("*.json")}
    old_log.to_the_end()
    replays = PostgresReplays(database_url, database, store, VIEWS, LOG_LOCK)
    found = replays.verify(replays.names, lambda done, total: None)
    assert {verified.view: verified.discrepancy for verified in found} == dict.fromkeys(replays.names)
    assert all(verified.rows for verified in found)
    replays.rebuild(replays.names, "k", lambda done, total: None)

    views = PostgresViews(database)
    assert [table.schema_version for table in views.tables(TableFilter(), 10)] == [3]
    assert {operation.status for operation in views.operations(OperationFilter(), 10)} == set(ENDS)
    assert [version.version for version in views.schema_versions(TABLE, 10)] == [3, 2, 1]
    migrations = [migration.status for migration in views.migrations(TABLE, 10)]
    assert sorted(migrations) == ["cancelled", "failed", "succeeded", "succeeded"]
    assert [chapter.version for chapter in PostgresHistory(database).biography(TABLE, "id")] == [1]
