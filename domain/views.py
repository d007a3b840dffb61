"""What readers see: one flat record per row of a view, and the ports that answer with them.

Views are folds of the log. ``operations`` and ``tables`` are written in the append's own transaction, so whoever got an
answer can read it back at once; ``migrations`` and ``schema_versions`` follow, and a read waits a moment for them.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from msgspec import Raw, Struct

from domain.access import Grant, Reach
from domain.schema import Schema


class OperationView(Struct, frozen=True, kw_only=True):
    """``version`` is the stream version it was folded from. ``percent`` is 100 only when completed.

    ``attempt`` is the latest. Units and rows are those that it reported last, its pace in rows per second.
    ``expected_end_at`` is when it should be done, by its pace or, before it has one, by the estimate; None unless
    running. ``heartbeat_at`` is when its worker was heard of last and ``heartbeat_age`` how long ago that was in
    seconds; None while no worker holds it.
    """

    operation_id: UUID
    version: int
    table_id: UUID
    migration_id: UUID | None
    operation_type: str
    target_type: str
    target_id: str
    description: str
    status: str
    percent: float
    message: str | None
    cancellation_requested: bool
    error_code: str | None
    error_message: str | None
    request_fingerprint: str | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    estimated_ms: int | None
    measured_ms: int | None
    attempt: int | None = None
    units_done: int | None = None
    units_total: int | None = None
    rows_done: int | None = None
    rows_total: int | None = None
    rows_per_second: float | None = None
    expected_end_at: datetime | None = None
    cancellation_reason: str | None = None
    cancellation_requested_at: datetime | None = None
    cancellation_acknowledged_at: datetime | None = None
    retries: UUID | None = None
    awaits: str | None = None
    heartbeat_at: datetime | None = None
    heartbeat_age: float | None = None


class TableView(Struct, frozen=True, kw_only=True):
    """A table under management with its current schema version.

    That version is true since ``effective_at`` and known since ``updated_at``. ``schema_position`` is where
    it stands in the log; None for one older than this member.
    """

    table_id: UUID
    dataset_id: str
    name: str
    description: str | None
    engine: str
    location: str
    schema_version: int
    schema: Schema
    created_at: datetime
    updated_at: datetime
    effective_at: datetime
    schema_position: int | None


class MigrationView(Struct, frozen=True, kw_only=True):
    """``operations`` is the JSON array as it was sent; ``status``: pending, running, succeeded, failed or cancelled.

    An outside change that was adopted has no operation; ``created_by`` is then ``unknown`` and ``adopted_by`` is who
    accepted it.
    """

    migration_id: UUID
    operation_id: UUID | None
    table_id: UUID
    dataset_id: str
    from_version: int
    to_version: int
    operations: Raw
    description: str | None
    reverts: UUID | None
    status: str
    error_code: str | None
    error_message: str | None
    created_at: datetime
    created_by: str
    adopted_by: str | None
    started_at: datetime | None
    completed_at: datetime | None


class SchemaVersionView(Struct, frozen=True, kw_only=True):
    """One immutable version of a table's schema. ``migration_id`` is None for the first.

    It is true since ``applied_at`` and known since ``known_at``; ``position`` is its event's in the log.
    """

    table_id: UUID
    version: int
    schema: Schema
    fingerprint: str
    migration_id: UUID | None
    applied_at: datetime
    known_at: datetime
    position: int | None = None


class ApprovalView(Struct, frozen=True, kw_only=True):
    """What somebody has to approve, or has decided. ``kind``: approval (before it is done) or emergency (afterwards).

    ``status``: waiting or open, approved, rejected, expired, lapsed, cancelled. Only ``approvers`` may decide, where
    some are named. The words of who asked and who decided are in the log alone.
    """

    migration_id: UUID
    table_id: UUID
    dataset_id: str
    operation_id: UUID
    kind: str
    status: str
    hazards: tuple[str, ...]
    approvers: tuple[str, ...]
    plan_hash: str
    author: str
    asked_at: datetime
    decided_by: str | None
    decided_at: datetime | None


class ApprovalFilter(Struct, frozen=True, kw_only=True):
    """``undecided`` leaves out what is decided; ``reach`` is where the asker may look; None means any."""

    undecided: bool = True
    asked_before: datetime | None = None
    kind: str | None = None
    reach: Reach | None = None


class PolicyView(Struct, frozen=True, kw_only=True):
    """Which kinds of hazards need approval in a dataset, and by whom, where somebody is named."""

    dataset_id: str
    hazards: tuple[str, ...]
    approvers: tuple[str, ...]
    set_by: str
    set_at: datetime


class Approvals(Protocol):
    """Written with the append, so whoever got an answer reads it back at once. Each may raise LogUnavailable."""

    def policy(self, dataset_id: str) -> PolicyView | None: ...

    def approvals(self, where: ApprovalFilter, limit: int, after: UUID | None = None) -> Sequence[ApprovalView]:
        """Newest first, after the migration given."""

    def of(self, migration_ids: Sequence[UUID]) -> Mapping[UUID, ApprovalView]:
        """Those of these migrations that there are."""


class TokenView(Struct, frozen=True, kw_only=True):
    """A bearer token, without its secret. ``last_used_at`` is rough: it is noted every few minutes at most."""

    token_id: UUID
    subject: str
    grants: tuple[Grant, ...]
    created_by: str
    made_with: UUID | None
    description: str | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class RoleBindingView(Struct, frozen=True, kw_only=True):
    """What a subject or a group of the identity provider may do. ``roles`` are the names that were asked for."""

    binding_id: UUID
    kind: str
    holder: str
    roles: tuple[str, ...]
    grant: Grant
    created_by: str
    made_with: UUID | None
    created_at: datetime
    expires_at: datetime | None


class OperationFilter(Struct, frozen=True, kw_only=True):
    """None means any; ``reach`` is where the asker may look."""

    table_id: UUID | None = None
    status: str | None = None
    operation_type: str | None = None
    target_id: str | None = None
    reach: Reach | None = None


class TableFilter(Struct, frozen=True, kw_only=True):
    """None means any; ``name`` is the exact table name, ``reach`` where the asker may look."""

    dataset_id: str | None = None
    engine: str | None = None
    name: str | None = None
    location: str | None = None
    reach: Reach | None = None


class Views(Protocol):
    """Reads, each one SQL statement on a view.

    Lists go newest first, ``limit`` rows starting after the ``after`` key of the last row seen: the id of an operation,
    a table or a migration, or a version number. Every method may raise LogUnavailable (retryable).
    """

    def operation(self, operation_id: UUID) -> OperationView | None: ...

    def operations(self, where: OperationFilter, limit: int, after: UUID | None = None) -> Sequence[OperationView]: ...

    def slowness(self, engine: str) -> float:
        """How much longer operations on tables of the engine took lately than its own rates said: 1 is as said."""

    def table(self, table_id: UUID) -> TableView | None: ...

    def tables(self, where: TableFilter, limit: int, after: UUID | None = None) -> Sequence[TableView]: ...

    def migration(self, table_id: UUID, migration_id: UUID) -> MigrationView | None: ...

    def migrations(self, table_id: UUID, limit: int, after: UUID | None = None) -> Sequence[MigrationView]: ...

    def schema_version(self, table_id: UUID, version: int) -> SchemaVersionView | None: ...

    def schema_versions(self, table_id: UUID, limit: int, after: int | None = None) -> Sequence[SchemaVersionView]: ...


class Glances(Protocol):
    """Looks at what is asked for most, without a thread."""

    async def operation(self, operation_id: UUID) -> OperationView | None:
        """As ``Views.operation``, for the tasks of one event loop. Raises LogUnavailable."""


class Changes(Protocol):
    """Wakes whoever waits for an operation to change, from any process's append."""

    def listen(self, operation_id: UUID, wake: Callable[[], object]) -> Callable[[], None]:
        """Calls ``wake``, from another thread, whenever the operation may have changed.

        It may be called for no reason, and is called after every interruption of the connection. The function returned
        ends it.
        """
