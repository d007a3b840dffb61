"""Planning and submitting migrations."""

from collections.abc import Sequence
from hashlib import sha256
from uuid import UUID, uuid5

from msgspec import Raw, Struct

from domain.access import SERVICE, Principal, Resource, Scope, authorize
from domain.changes.catalogue import AnyChange
from domain.changes.change import HazardKind
from domain.errors import (
    IdempotencyKeyReused,
    PlanMismatch,
    SchemaDrifted,
    SchemaVersionMismatch,
    StreamMoved,
    ValidationFailed,
)
from domain.facts import Append, Origin, Recorded
from domain.handlers.alarms import witness_refused_drift
from domain.handlers.asking import approval_needed
from domain.handlers.house import RACES, House
from domain.handlers.planning import Estimate, Planned, plan_for_head
from domain.migration import decider as migration_decider
from domain.migration.decider import RequestMigration
from domain.operation import decider as operation_decider
from domain.operation.decider import RequestOperation
from domain.operation.events import OperationRequested
from domain.plan import Plan
from domain.table import decider as table_decider
from domain.table.decider import Managed, QueueMigration

REPEATS = UUID("6f3f1c55-5cf4-4c8e-9d0a-0b9f5f4c8a11")
"""The namespace of operation ids made from idempotency keys. Never changes."""


class Kind(Struct, frozen=True, kw_only=True):
    """What the operation is called that carries the migration out; ``index`` when it is about one index."""

    operation_type: str = "migration"
    index: str | None = None


class NewMigration(Struct, frozen=True, kw_only=True):
    """``operations`` is the JSON array as sent, ``changes`` the same decoded.

    ``expected_version`` and ``plan_hash`` bind the migration to a plan made before. An ``idempotency_key`` makes a
    repeat of the call answer with the operation of the first. ``retries`` is the operation whose work is taken up:
    there is one such operation at most. ``emergency`` says why it cannot wait for the approval that it may need.
    """

    changes: tuple[AnyChange, ...]
    operations: Raw
    description: str | None = None
    expected_version: int | None = None
    plan_hash: str | None = None
    idempotency_key: str | None = None
    reverts: UUID | None = None
    retries: UUID | None = None
    kind: Kind = Kind()
    emergency: str | None = None
    request_fingerprint: str | None = None

    @property
    def fingerprint(self) -> str:
        """Recognises the same request: what is given, or its operations, description and conditions."""
        if self.request_fingerprint is not None:
            return self.request_fingerprint
        parts: tuple[object, ...] = (bytes(self.operations), self.description, self.expected_version, self.plan_hash)
        if self.emergency is not None:
            parts = (*parts, self.emergency)
        return sha256(repr(parts).encode()).hexdigest()


class Submitted(Struct, frozen=True, kw_only=True):
    """``replayed``: the operation was there already, from the same request with the same idempotency key.

    ``requested`` is the event that the operation begins with, where it was written just now.
    """

    operation_id: UUID
    replayed: bool
    requested: Recorded | None = None


def plan_migration(house: House, table_id: UUID, changes: Sequence[AnyChange]) -> Planned:
    """The plan against the schema the migration would start from. Writes nothing."""
    table, _ = house.table(table_id)
    return plan_for_head(house, table, changes)


def submit_migration(
    house: House, table_id: UUID, new: NewMigration, origin: Origin, by: Principal = SERVICE
) -> Submitted:
    """Queues a migration behind those of the table that have not ended, and returns the operation to follow.

    Raises ValidationFailed with every violation, SchemaVersionMismatch or PlanMismatch when it is not what was planned,
    IdempotencyKeyReused, ScopeMissing when data would be lost and ``by`` may not do that; nothing is written then.
    """
    key = new.idempotency_key if new.retries is None else str(new.retries)
    operation_id = operation_id_of(house, table_id, new.idempotency_key, origin, new.retries)
    for _ in range(RACES):
        if repeated(house, operation_id, new.fingerprint, key):
            return Submitted(operation_id=operation_id, replayed=True)
        table, version = house.table(table_id)
        try:
            appends = _accepted(house, table, version, new, operation_id, by, origin.actor)
        except SchemaDrifted:
            witness_refused_drift(house, table_id, origin)
            raise
        try:
            recorded = house.store.append(appends, origin)
        except StreamMoved:
            continue
        return Submitted(operation_id=operation_id, replayed=False, requested=recorded[-1])
    raise StreamMoved(f"table {table_id}")


def operation_id_of(house: House, table_id: UUID, key: str | None, origin: Origin, retries: UUID | None = None) -> UUID:
    """A new id, or the one that the caller's key or the operation to retry stands for."""
    if retries is not None:
        return uuid5(REPEATS, f"retry|{retries}")
    return house.ids.new() if key is None else uuid5(REPEATS, f"{origin.actor}|{table_id}|{key}")


def repeated(house: House, operation_id: UUID, fingerprint: str, key: str | None) -> bool:
    """Whether the operation is there already; raises IdempotencyKeyReused when for another request."""
    events = house.store.load(operation_id) if key is not None else ()
    if not events:
        return False
    first = events[0].fact
    assert isinstance(first, OperationRequested)
    if first.request_fingerprint != fingerprint:
        raise IdempotencyKeyReused(key or "")
    return True


def _accepted(
    house: House, table: Managed, version: int, new: NewMigration, operation_id: UUID, by: Principal, author: str
) -> list[Append]:
    """The facts of table, migration and operation for a migration that makes sense on this table.

    One that waits for approval is not in the table's queue: it holds nobody up, and what it was planned on may change.
    """
    plan, expected = _agreed(house, table, new)
    place = Resource(dataset_id=table.dataset_id, table_id=table.table_id)
    if any(hazard.kind is HazardKind.DATA_LOSS for hazard in plan.hazards):
        authorize(by, Scope.MIGRATIONS_DESTRUCTIVE, place)
    migration_id = house.ids.new()
    need = approval_needed(house, table, plan)
    if need is not None and new.emergency is not None:
        authorize(by, Scope.MIGRATIONS_EMERGENCY, place)
    waits = need is not None and new.emergency is None
    request_migration = RequestMigration(
        table_id=table.table_id,
        dataset_id=table.dataset_id,
        operation_id=operation_id,
        operations=new.operations,
        description=new.description,
        from_version=plan.base_version,
        to_version=plan.base_version + 1,
        plan_hash=plan.plan_hash,
        reverts=new.reverts,
    )
    awaits = need.what(author) if need is not None and waits else None
    request_operation = _operation(table, new, migration_id, expected, awaits)
    asked = migration_decider.decide(request_migration, migration_decider.Unknown())
    noted = () if need is None else (need.fact(request_migration, author, new.emergency),)
    tracked = operation_decider.decide(request_operation, operation_decider.Unknown(), operation_id)
    return [
        *(() if waits else (queued(table, version, migration_id, operation_id, plan),)),
        Append(stream=migration_id, expected_version=0, facts=(*asked, *noted)),
        Append(stream=operation_id, expected_version=0, facts=tracked),
    ]


def _agreed(house: House, table: Managed, new: NewMigration) -> Planned:
    """The plan, when it makes sense and is what the caller has seen."""
    if new.expected_version is not None and new.expected_version != table.head_version:
        raise SchemaVersionMismatch(str(new.expected_version), table.head_version)
    planned = plan_for_head(house, table, new.changes)
    if not planned.plan.is_valid:
        raise ValidationFailed(planned.plan.violations)
    if new.plan_hash is not None and new.plan_hash != planned.plan.plan_hash:
        raise PlanMismatch(new.plan_hash, planned.plan.plan_hash)
    return planned


def _operation(
    table: Managed, new: NewMigration, migration_id: UUID, expected: Estimate, awaits: str | None
) -> RequestOperation:
    return RequestOperation(
        table_id=table.table_id,
        operation_type=new.kind.operation_type,
        target_type="table" if new.kind.index is None else "index",
        target_id=str(table.table_id) if new.kind.index is None else new.kind.index,
        description=new.description or _described(new.changes, table),
        migration_id=migration_id,
        request_fingerprint=new.fingerprint,
        estimated_ms=expected.expected,
        uncorrected_ms=expected.uncorrected,
        retries=new.retries,
        awaits=awaits,
    )


def queued(table: Managed, version: int, migration_id: UUID, operation_id: UUID, plan: Plan) -> Append:
    """The migration takes its place behind those of the table that have not ended."""
    queue = QueueMigration(
        migration_id=migration_id, operation_id=operation_id, from_version=plan.base_version, schema=plan.target
    )
    facts = table_decider.decide(queue, table, table.table_id)
    return Append(stream=table.table_id, expected_version=version, facts=facts)


def _described(changes: Sequence[AnyChange], table: Managed) -> str:
    tags = [str(change.__struct_config__.tag) for change in changes]
    shown = ", ".join(tags[:3]) + (f" and {len(tags) - 3} more" if len(tags) > 3 else "")
    return f"Migrate {table.dataset_id}.{table.name}: {shown}"
