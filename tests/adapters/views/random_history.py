"""A random history of tables, written to the log as the service would write it, with its views left to follow."""

from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID, uuid4

import msgspec
from msgspec.structs import replace

from adapters.event_log.store import PostgresEventStore
from domain.facts import Append, Fact, Origin
from domain.migration.events import (
    MigrationAdopted,
    MigrationFailed,
    MigrationRequested,
    MigrationStarted,
    MigrationSucceeded,
)
from domain.operation.events import OperationCompleted, OperationFailed, OperationRequested, OperationStarted
from domain.schema import Column, Schema, fingerprint
from domain.table.events import (
    MigrationQueued,
    MigrationWithdrawn,
    OutsideChangeAdopted,
    SchemaChanged,
    TableUnregistered,
)
from tests.adapters.conftest import registered
from tests.domain.planning import people

NO_OPERATIONS = msgspec.Raw(b"[]")


class RandomHistory:
    """Tables that come, change by request and behind our back, and go; ``tables`` are all there ever were."""

    def __init__(self, store: PostgresEventStore, seed: int) -> None:
        self._store, self._random = store, Random(seed)
        self._schemas = dict[UUID, Schema]()
        self._numbers = dict[UUID, int]()
        self._heads = dict[UUID, int]()
        self._gone = dict[UUID, list[Column]]()
        self.tables = list[UUID]()

    def step(self) -> None:
        acts = [self._change] * 6 + [self._fail, self._adopt, self._adopt]
        if len(self._schemas) < 2 or self._random.random() < 0.05:
            self._register()
        elif self._random.random() < 0.02:
            self._unregister()
        else:
            self._random.choice(acts)(self._random.choice(list(self._schemas)))

    def _register(self) -> None:
        table = uuid4()
        self.tables.append(table)
        self._schemas[table], self._numbers[table], self._gone[table] = people(), 1, []
        self._write({table: (registered(f"t{len(self.tables)}"),)})

    def _unregister(self) -> None:
        table = self._random.choice(list(self._schemas))
        self._write({table: (TableUnregistered(),)})
        del self._schemas[table]

    def _requested(self, table: UUID, after: Schema) -> tuple[UUID, UUID]:
        migration, operation, number = uuid4(), uuid4(), self._numbers[table]
        queued = MigrationQueued(migration_id=migration, operation_id=operation, to_version=number + 1, schema=after)
        asked = MigrationRequested(
            table_id=table,
            dataset_id="d",
            operation_id=operation,
            operations=NO_OPERATIONS,
            description=f"to {number + 1}",
            from_version=number,
            to_version=number + 1,
            plan_hash="h",
        )
        running = OperationRequested(
            table_id=table, operation_type="migration", target_type="table", target_id=str(table), description="why"
        )
        self._write({table: (queued,), migration: (asked,), operation: (running,)})
        self._write({migration: (MigrationStarted(),), operation: (OperationStarted(attempt=1, worker="w"),)})
        return migration, operation

    def _change(self, table: UUID) -> None:
        before, after = self._schemas[table], self._altered(table)
        migration, operation = self._requested(table, after)
        self._schemas[table], self._numbers[table] = after, self._numbers[table] + 1
        changed = SchemaChanged(
            migration_id=migration, version=self._numbers[table], schema=after, fingerprint=fingerprint(after)
        )
        succeeded = MigrationSucceeded(
            before=before,
            before_fingerprint=fingerprint(before),
            after=after,
            after_fingerprint=fingerprint(after),
            engine_version="2",
        )
        self._write({table: (changed,), migration: (succeeded,), operation: (OperationCompleted(message="done"),)})

    def _fail(self, table: UUID) -> None:
        migration, operation = self._requested(table, self._schemas[table])
        self._write(
            {
                table: (MigrationWithdrawn(migration_id=migration),),
                migration: (MigrationFailed(code="cast_failed", message="no"),),
                operation: (OperationFailed(code="cast_failed", message="no"),),
            }
        )

    def _adopt(self, table: UUID) -> None:
        """By a clock of the engine's that may be wrong."""
        before, after, migration = self._schemas[table], self._altered(table), uuid4()
        self._schemas[table], self._numbers[table] = after, self._numbers[table] + 1
        number, moment = self._numbers[table], datetime.now(UTC) + timedelta(seconds=self._random.uniform(-0.5, 0.1))
        adopted = MigrationAdopted(
            table_id=table,
            dataset_id="d",
            operations=NO_OPERATIONS,
            description="found",
            from_version=number - 1,
            to_version=number,
            before=before,
            before_fingerprint=fingerprint(before),
            after=after,
            after_fingerprint=fingerprint(after),
            engine_version="3",
            effective_at=moment,
        )
        changed = OutsideChangeAdopted(
            migration_id=migration, version=number, schema=after, fingerprint=fingerprint(after), effective_at=moment
        )
        self._write({table: (changed,), migration: (adopted,)})

    def _altered(self, table: UUID) -> Schema:
        schema, gone = self._schemas[table], self._gone[table]
        column = self._random.choice(schema.columns)
        act = self._random.choice(["add", "drop", "rename", "retype", "comment", "move", "restore"])
        if act == "drop" and len(schema.columns) > 1:
            gone.append(column)
            kept = tuple(column_id for column_id in schema.primary_key if column_id != column.id)
            return replace(schema.removed(column.id), primary_key=kept)
        if act == "restore" and gone:
            back = gone.pop(self._random.randrange(len(gone)))
            if schema.find(back.name) is None:
                return schema.revived(back, 0)
        if act == "rename":
            return schema.replaced(replace(column, name=f"n{self._random.randrange(10**9)}"))
        if act == "retype":
            return schema.replaced(replace(column, data_type="int64" if column.data_type == "int32" else "int32"))
        if act == "comment":
            return schema.replaced(replace(column, comment=f"c{self._random.randrange(10**9)}"))
        if act == "move" and len(schema.columns) > 1:
            return schema.moved(column.id, self._random.randrange(len(schema.columns)))
        return schema.inserted(Column(id=0, name=f"n{self._random.randrange(10**9)}", data_type="utf8"), None)

    def _write(self, facts: dict[UUID, tuple[Fact, ...]]) -> None:
        appends = [
            Append(stream=stream, expected_version=self._heads.get(stream, 0), facts=added)
            for stream, added in facts.items()
        ]
        self._store.append(appends, Origin(actor=self._random.choice(["ann", "bob"])))
        for append in appends:
            self._heads[append.stream] = append.expected_version + len(append.facts)
