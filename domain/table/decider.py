"""Dataset tables: commands, situations, and what follows from them."""

from datetime import datetime
from functools import reduce
from typing import assert_never
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from domain.errors import IllegalTransition, SchemaVersionMismatch, TableBusy, TableNotFound, TooManyQueued
from domain.schema import Schema, fingerprint
from domain.table.events import (
    MigrationQueued,
    MigrationWithdrawn,
    OutsideChangeAdopted,
    SchemaChanged,
    TableFact,
    TableRegistered,
    TableUnregistered,
)
from domain.table.identity import Identity

MAX_QUEUED = 100
"""Migrations that may wait for one table."""


class Unknown(Struct, frozen=True):
    """Nobody has registered the table."""


class Managed(Struct, frozen=True, kw_only=True):
    """Under management: ``schema`` is version ``version``; ``queue`` holds the migrations not yet ended, in order."""

    table_id: UUID
    dataset_id: str
    name: str
    engine: str
    location: str
    version: int
    schema: Schema
    identity: Identity | None = None
    queue: tuple[MigrationQueued, ...] = ()

    @property
    def head_version(self) -> int:
        """The schema version that the next migration will meet if all before it succeed."""
        return self.queue[-1].to_version if self.queue else self.version

    @property
    def head_schema(self) -> Schema:
        """The schema that the next migration will meet if all before it succeed."""
        return self.queue[-1].schema if self.queue else self.schema

    def queued(self, migration_id: UUID) -> MigrationQueued | None:
        return next((entry for entry in self.queue if entry.migration_id == migration_id), None)


class Unregistered(Struct, frozen=True):
    """Was under management once."""


TableSituation = Unknown | Managed | Unregistered


class RegisterTable(Struct, frozen=True, kw_only=True):
    dataset_id: str
    name: str
    description: str | None
    engine: str
    location: str
    created: bool
    schema: Schema
    identity: Identity | None = None


class QueueMigration(Struct, frozen=True, kw_only=True):
    """``from_version`` is what the migration was planned against; ``schema`` is what it leads to."""

    migration_id: UUID
    operation_id: UUID
    from_version: int
    schema: Schema


class SettleMigration(Struct, frozen=True, kw_only=True):
    """The engine has published the migration; ``identity`` is the table's since then."""

    migration_id: UUID
    identity: Identity | None = None


class WithdrawMigration(Struct, frozen=True, kw_only=True):
    """The migration failed or was cancelled; the table is as it was."""

    migration_id: UUID


class AdoptOutsideChange(Struct, frozen=True, kw_only=True):
    """The table has ``schema`` since ``effective_at``, and nobody here did it. Refused while migrations are queued."""

    migration_id: UUID
    schema: Schema
    effective_at: datetime
    identity: Identity | None = None


class UnregisterTable(Struct, frozen=True, kw_only=True):
    pass


TableCommand = (
    RegisterTable | QueueMigration | SettleMigration | WithdrawMigration | AdoptOutsideChange | UnregisterTable
)


def evolve(state: TableSituation, fact: TableFact, table_id: UUID) -> TableSituation:
    """What a fact makes of a table. Facts are believed, never refused."""
    match fact:
        case TableRegistered():
            return Managed(
                table_id=table_id,
                dataset_id=fact.dataset_id,
                name=fact.name,
                engine=fact.engine,
                location=fact.location,
                version=1,
                schema=fact.schema,
                identity=fact.identity,
            )
        case MigrationQueued():
            return replace(_managed(state, table_id), queue=(*_managed(state, table_id).queue, fact))
        case SchemaChanged():
            table = _without(_managed(state, table_id), fact.migration_id)
            return replace(table, version=fact.version, schema=fact.schema, identity=fact.identity)
        case OutsideChangeAdopted():
            table = _managed(state, table_id)
            return replace(table, version=fact.version, schema=fact.schema, identity=fact.identity)
        case MigrationWithdrawn():
            return _without(_managed(state, table_id), fact.migration_id)
        case TableUnregistered():
            return Unregistered()
        case _:
            assert_never(fact)


def fold(facts: tuple[TableFact, ...], table_id: UUID) -> TableSituation:
    start: TableSituation = Unknown()
    return reduce(lambda state, fact: evolve(state, fact, table_id), facts, start)


def decide(command: TableCommand, state: TableSituation, table_id: UUID) -> tuple[TableFact, ...]:
    """The facts a command leads to; raises the refusal when it may not."""
    match command:
        case RegisterTable():
            return _register(command, state, table_id)
        case QueueMigration():
            return _queue(command, _managed(state, table_id))
        case SettleMigration():
            return _settle(command, _managed(state, table_id))
        case WithdrawMigration():
            known = _managed(state, table_id).queued(command.migration_id)
            return (MigrationWithdrawn(migration_id=command.migration_id),) if known else ()
        case AdoptOutsideChange():
            return _adopt(command, _managed(state, table_id))
        case UnregisterTable():
            return _unregister(_managed(state, table_id))
        case _:
            assert_never(command)


def _register(command: RegisterTable, state: TableSituation, table_id: UUID) -> tuple[TableFact, ...]:
    if not isinstance(state, Unknown):
        raise IllegalTransition(f"Table {table_id}", "registered already", "be registered again")
    registered = TableRegistered(
        dataset_id=command.dataset_id,
        name=command.name,
        description=command.description,
        engine=command.engine,
        location=command.location,
        created=command.created,
        schema=command.schema,
        fingerprint=fingerprint(command.schema),
        identity=command.identity,
    )
    return (registered,)


def _queue(command: QueueMigration, table: Managed) -> tuple[TableFact, ...]:
    if command.from_version != table.head_version:
        raise SchemaVersionMismatch(str(command.from_version), table.head_version)
    if len(table.queue) >= MAX_QUEUED:
        raise TooManyQueued(str(table.table_id), len(table.queue))
    queued = MigrationQueued(
        migration_id=command.migration_id,
        operation_id=command.operation_id,
        to_version=table.head_version + 1,
        schema=command.schema,
    )
    return (queued,)


def _settle(command: SettleMigration, table: Managed) -> tuple[TableFact, ...]:
    entry = table.queued(command.migration_id)
    if entry is None:
        return ()
    changed = SchemaChanged(
        migration_id=entry.migration_id,
        version=table.version + 1,
        schema=entry.schema,
        fingerprint=fingerprint(entry.schema),
        identity=command.identity,
    )
    return (changed,)


def _adopt(command: AdoptOutsideChange, table: Managed) -> tuple[TableFact, ...]:
    if table.queue:
        raise TableBusy(str(table.table_id), len(table.queue))
    adopted = OutsideChangeAdopted(
        migration_id=command.migration_id,
        version=table.version + 1,
        schema=command.schema,
        fingerprint=fingerprint(command.schema),
        effective_at=command.effective_at,
        identity=command.identity,
    )
    return (adopted,)


def _unregister(table: Managed) -> tuple[TableFact, ...]:
    if table.queue:
        raise TableBusy(str(table.table_id), len(table.queue))
    return (TableUnregistered(),)


def _managed(state: TableSituation, table_id: UUID) -> Managed:
    if not isinstance(state, Managed):
        raise TableNotFound(str(table_id))
    return state


def _without(table: Managed, migration_id: UUID) -> Managed:
    return replace(table, queue=tuple(entry for entry in table.queue if entry.migration_id != migration_id))
