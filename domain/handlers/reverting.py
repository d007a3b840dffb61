"""Undoing a migration by another one, on the table as it is now."""

from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from domain.access import SERVICE, Principal
from domain.changes.catalogue import as_sent
from domain.errors import MigrationNotFound, NotRevertible
from domain.facts import Origin
from domain.handlers.house import House
from domain.handlers.migrations import NewMigration, Submitted, operation_id_of, repeated, submit_migration
from domain.migration.events import MigrationAdopted, MigrationRequested, MigrationSucceeded
from domain.revert import reversal
from domain.schema import Schema


class _Made(Struct, frozen=True, kw_only=True):
    """What a migration did: from which schema version, and both schemas."""

    from_version: int
    before: Schema
    after: Schema


def reverting(house: House, table_id: UUID, migration_id: UUID, asked: NewMigration) -> NewMigration:
    """``asked`` with the operations that undo the migration on the table as it will be.

    Raises MigrationNotFound, and NotRevertible when it did not succeed, was changed again since, or is undone already.
    """
    table, _ = house.table(table_id)
    made = _made(house, table_id, migration_id)
    back = reversal(made.before, made.after, table.head_schema, made.from_version)
    if back.superseded:
        reason = f"{'; '.join(back.superseded)}. Revert what came later first"
        raise NotRevertible(str(migration_id), reason)
    if not back.changes:
        raise NotRevertible(str(migration_id), "nothing of it is left to undo")
    return replace(
        asked,
        changes=back.changes,
        operations=as_sent(back.changes),
        description=asked.description or f"Revert migration {migration_id}",
        reverts=migration_id,
    )


def submit_revert(
    house: House, table_id: UUID, migration_id: UUID, asked: NewMigration, origin: Origin, by: Principal = SERVICE
) -> Submitted:
    """Queues the migration that undoes another. Raises as ``reverting`` and ``submit_migration`` do."""
    named = replace(asked, request_fingerprint=f"revert {migration_id} {asked.fingerprint}")
    operation_id = operation_id_of(house, table_id, asked.idempotency_key, origin)
    if repeated(house, operation_id, named.fingerprint, asked.idempotency_key):
        return Submitted(operation_id=operation_id, replayed=True)
    return submit_migration(house, table_id, reverting(house, table_id, migration_id, named), origin, by)


def _made(house: House, table_id: UUID, migration_id: UUID) -> _Made:
    requested: MigrationRequested | None = None
    for event in house.store.load(migration_id):
        match event.fact:
            case MigrationRequested() as fact if fact.table_id == table_id:
                requested = fact
            case MigrationSucceeded() as fact if requested is not None:
                return _Made(from_version=requested.from_version, before=fact.before, after=fact.after)
            case MigrationAdopted() as fact if fact.table_id == table_id:
                return _Made(from_version=fact.from_version, before=fact.before, after=fact.after)
            case _:
                pass
    if requested is None:
        raise MigrationNotFound(str(table_id), str(migration_id))
    raise NotRevertible(str(migration_id), "it has not succeeded, so the table does not show it")
