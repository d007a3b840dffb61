"""A log of migrations as the service writes them, straight into PostgreSQL, and the views that follow from it.

Tables are migrated in turns, fifty of them at a time, each migration with ten reports of progress.
"""

from collections.abc import Iterator
from uuid import UUID, uuid4

import msgspec
import psycopg
from msgspec.structs import replace

from adapters.event_log.mapper import Mapper
from adapters.system import SystemClock
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

AT_ONCE = 50
COPY = "COPY stored_events (originator_id, originator_version, topic, state) FROM STDIN"


def write_log(url: str, events: int, tables: int) -> None:
    """Straight into the log: its triggers give positions and moments, as to everybody."""
    mapper, now = Mapper(), SystemClock().now()
    metadata = Metadata(event_id=uuid4(), moment=now, origin=Origin(actor="bench", request_id=str(uuid4())))
    with psycopg.connect(url) as connection, connection.cursor() as cursor, cursor.copy(COPY.encode()) as writing:
        for number, (stream, version, fact) in zip(range(events), _facts(tables), strict=False):
            stored = mapper.to_stored(stream, version, replace(metadata, event_id=UUID(int=number)), fact)
            writing.write_row((stream, version, stored.topic, stored.state))


def unwatched(done: int, total: int) -> None:
    """For rebuilds whose progress nobody watches."""


def _facts(count: int) -> Iterator[tuple[UUID, int, Fact]]:
    tables = [uuid4() for _ in range(count)]
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
        under_way = [_migration(schemas, tables[(begun + n) % count], begun // count + 1) for n in range(AT_ONCE)]
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
