"""Every view, and the status view alone, rebuilt from the log, beside the library's ProjectionRunner with the latter.

The log holds migrations of 200 tables as the service writes them, 50 under way at a time, with ten reports of progress
each. BENCH_EVENTS says how many events (default 100,000; a million take some minutes to write). The runner goes over
the first 2,000 of them, one commit for each, at a steady pace. Ours is checked: no operation and no version is missing.
"""

import os
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
import psycopg
from msgspec.structs import replace

from adapters.embedded_postgres import EmbeddedPostgres
from adapters.event_log.mapper import Mapper
from adapters.event_log.recorder import LOG_LOCK, LOG_SQL
from adapters.event_log.store import PostgresEventStore
from adapters.postgres.database import Database
from adapters.postgres.preparing import prepare_database
from adapters.system import RandomIds, SystemClock
from adapters.views.catalogue import VIEWS
from adapters.views.rebuilding import PostgresReplays
from benchmarks.measure import Result
from benchmarks.runner import run_status_view
from domain.facts import Fact, Metadata, Origin
from domain.migration.events import MigrationRequested, MigrationStarted, MigrationSucceeded
from domain.operation.events import (
    OperationCompleted,
    OperationProgressed,
    OperationPublishing,
    OperationRequested,
    OperationStarted,
)
from domain.schema import Column, Schema, fingerprint, schema_of
from domain.table.events import MigrationQueued, SchemaChanged, TableRegistered

EVENTS = int(os.environ.get("BENCH_EVENTS", "100000"))
TABLES, AT_ONCE, PEER_EVENTS, ROUNDS = 200, 50, 2_000, 3
COPY = "COPY stored_events (originator_id, originator_version, topic, state) FROM STDIN"
CHECK = """
SELECT (SELECT count(*) FROM operation_status_v1) AS operations, (SELECT count(*) FROM schema_versions_v2) AS versions,
    (SELECT count(*) FROM stored_events WHERE topic = 'operation.requested') AS requested,
    (SELECT count(*) FROM stored_events WHERE topic IN ('table.registered', 'table.schema_changed')) AS changed
"""


def measure() -> list[Result]:
    with tempfile.TemporaryDirectory() as folder:
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        url = postgres.start()
        database = Database(url)
        try:
            prepare_database(url, LOG_SQL)
            _write(url)
            return _measure(url, database)
        finally:
            database.close()
            postgres.stop()


def _measure(url: str, database: Database) -> list[Result]:
    store = PostgresEventStore(database, SystemClock(), RandomIds())
    replays = PostgresReplays(url, database, store, VIEWS, LOG_LOCK)
    ours, alone, peer = list[float](), list[float](), list[float]()
    for _ in range(ROUNDS):
        alone.append(_rebuild(replays, ("operation_status",)))
        ours.append(_rebuild(replays, replays.names))
        _check(database)
        peer.append(PEER_EVENTS / run_status_view(url, PEER_EVENTS))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{EVENTS:,} events; the process held {peak:,.0f} MB at most")
    runner = statistics.median(peer)
    return [
        _result("replay", statistics.median(ours), runner, f"ProjectionRunner with one view, not {len(VIEWS)}"),
        _result("replay_1", statistics.median(alone), runner, "ProjectionRunner, the same one view"),
    ]


def _result(name: str, ours: float, peer: float, peer_name: str) -> Result:
    return Result(name, ours, peer, peer_name, "events/s", "at least 50 x", ours >= 50 * peer)


def _rebuild(replays: PostgresReplays, names: Sequence[str]) -> float:
    began = time.perf_counter()
    rebuilt = replays.rebuild(names, uuid4().hex, _unwatched)
    return rebuilt.events / (time.perf_counter() - began)


def _unwatched(done: int, total: int) -> None:
    pass


def _check(database: Database) -> None:
    row = database.row(CHECK, {})
    assert row is not None
    assert row["operations"] == row["requested"] > 0
    assert row["versions"] == row["changed"] > 0


def _write(url: str) -> None:
    """Straight into the log: its triggers give positions and moments, as to everybody."""
    mapper, now = Mapper(), SystemClock().now()
    metadata = Metadata(event_id=uuid4(), moment=now, origin=Origin(actor="bench", request_id=str(uuid4())))
    with psycopg.connect(url) as connection, connection.cursor() as cursor, cursor.copy(COPY.encode()) as writing:
        for number, (stream, version, fact) in zip(range(EVENTS), _facts(), strict=False):
            stored = mapper.to_stored(stream, version, replace(metadata, event_id=UUID(int=number)), fact)
            writing.write_row((stream, version, stored.topic, stored.state))


def _facts() -> Iterator[tuple[UUID, int, Fact]]:
    tables = [uuid4() for _ in range(TABLES)]
    schema = schema_of(tuple(Column(id=0, name=f"c{n}", data_type="int64") for n in range(10)), ("c0",))
    for number, table in enumerate(tables):
        registered = TableRegistered(
            dataset_id="d",
            name=f"t{number}",
            engine="lance",
            location=f"/tables/{table}",
            created=True,
            schema=schema,
            fingerprint=fingerprint(schema),
        )
        yield table, 1, registered
    schemas, begun = dict.fromkeys(tables, schema), 0
    while True:
        under_way = [_migration(schemas, tables[(begun + n) % TABLES], begun // TABLES + 1) for n in range(AT_ONCE)]
        begun += AT_ONCE
        for together in zip(*under_way, strict=True):
            yield from together


def _migration(schemas: dict[UUID, Schema], table: UUID, number: int) -> Iterator[tuple[UUID, int, Fact]]:
    """A comment on a column: what the service writes of it, from the request to the end."""
    before, migration, operation = schemas[table], uuid4(), uuid4()
    after = before.replaced(replace(before.column(f"c{number % 10}"), comment=f"as of {number}"))
    schemas[table], seen, mark = after, 1 + 2 * (number - 1), fingerprint(after)
    yield (
        table,
        seen + 1,
        MigrationQueued(migration_id=migration, operation_id=operation, to_version=number + 1, schema=after),
    )
    asked = MigrationRequested(
        table_id=table,
        dataset_id="d",
        operation_id=operation,
        operations=msgspec.Raw(b'[{"type":"set_column_comment","params":{"name":"c1","comment":"as of then"}}]'),
        from_version=number,
        to_version=number + 1,
        plan_hash="sha256-v1:0",
    )
    yield migration, 1, asked
    requested = OperationRequested(
        table_id=table,
        migration_id=migration,
        operation_type="migration",
        target_type="table",
        target_id=str(table),
        description="Migrate",
        estimated_ms=60,
    )
    yield operation, 1, requested
    yield operation, 2, OperationStarted(attempt=1, worker="w")
    yield migration, 2, MigrationStarted()
    for done in range(10):
        report = OperationProgressed(
            percent=10.0 * done, message="m", units_done=done, units_total=10, rows_done=done, rows_total=10
        )
        yield operation, 3 + done, report
    yield operation, 13, OperationPublishing()
    succeeded = MigrationSucceeded(
        before=before, before_fingerprint=mark, after=after, after_fingerprint=mark, engine_version="2"
    )
    yield migration, 3, succeeded
    yield operation, 14, OperationCompleted(message="Published.", measured_ms=60)
    yield table, seen + 2, SchemaChanged(migration_id=migration, version=number + 1, schema=after, fingerprint=mark)
