"""The shapes of answers on the wire. The published document describes exactly these."""

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from domain.errors import Violation
from domain.schema import IndexSetting

OperationStatus = Literal["pending", "running", "completed", "failed", "cancelled"]
FINISHED: tuple[OperationStatus, ...] = ("completed", "failed", "cancelled")
"""The statuses an operation ends in."""


Moment = Annotated[datetime, Meta(tz=True)]
"""RFC 3339 with its offset, and published as such."""


class Body(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A JSON object of an answer: camelCase members, those without a value left out."""


class ErrorBody(Struct, frozen=True, kw_only=True):
    """The envelope of every error of every status. ``details`` holds requestId and, when asked wrongly, violations."""

    error: str
    code: str
    details: dict[str, Any] | None
    retryable: bool


class OperationErrorBody(Body, frozen=True, kw_only=True):
    code: str
    message: str


class UnitsBody(Struct, frozen=True, kw_only=True):
    """The pieces of the work as they stand in its latest attempt."""

    done: int
    total: int


class CancellationBody(Body, frozen=True, kw_only=True):
    """Requested, acknowledged once the work has stopped, and final when the operation's status says so."""

    reason: str
    requested_at: Moment
    acknowledged_at: Moment | UnsetType = UNSET


class OperationBody(Body, frozen=True, kw_only=True):
    """One tracked run of long work. ``progressPercent`` never goes back and is 100 only once the end is durable.

    ``retries`` is the operation that ended without success and whose work this one takes up.
    ``estimateErrorPercent`` is how much longer (or, below 0, shorter) it took than was expected. ``attempt`` counts
    from 1; units, rows and the pace are what the latest attempt reported last. ``heartbeatAt`` is when the worker that
    runs it was heard of last, ``heartbeatAgeSeconds`` how long ago that was when this was answered.
    """

    operation_id: str
    operation_type: str
    target_type: Literal["table", "index", "projection"]
    target_id: str
    description: str
    status: OperationStatus
    progress_percent: Annotated[float, Meta(ge=0, le=100)]
    created_at: Moment
    progress_message: str | UnsetType = UNSET
    error: OperationErrorBody | UnsetType = UNSET
    started_at: Moment | UnsetType = UNSET
    completed_at: Moment | UnsetType = UNSET
    table_id: str | UnsetType = UNSET
    migration_id: str | UnsetType = UNSET
    cancellation_requested: bool = False
    cancellation: CancellationBody | UnsetType = UNSET
    retries: str | UnsetType = UNSET
    estimated_duration_ms: int | UnsetType = UNSET
    measured_duration_ms: int | UnsetType = UNSET
    estimate_error_percent: float | UnsetType = UNSET
    attempt: int | UnsetType = UNSET
    units: UnitsBody | UnsetType = UNSET
    rows_done: int | UnsetType = UNSET
    rows_total: int | UnsetType = UNSET
    rows_per_second: float | UnsetType = UNSET
    estimated_completion_at: Moment | UnsetType = UNSET
    heartbeat_at: Moment | UnsetType = UNSET
    heartbeat_age_seconds: float | UnsetType = UNSET


class TableBody(Body, frozen=True, kw_only=True):
    table_id: str
    dataset_id: str
    table_name: str
    description: str | UnsetType = UNSET
    engine: str
    location: str
    version_number: int
    created_at: Moment
    updated_at: Moment


class IndexBody(Body, frozen=True, kw_only=True):
    """``metric`` and the counts are those of a vector index; ``settings`` are what else is known and not usual.

    ``columns`` holds names, and dotted paths of fields inside columns.
    """

    name: str
    columns: tuple[str, ...]
    index_type: str
    metric: str | UnsetType = UNSET
    num_partitions: int | UnsetType = UNSET
    num_sub_vectors: int | UnsetType = UNSET
    settings: dict[str, IndexSetting] | UnsetType = UNSET


class FieldBody(Body, frozen=True, kw_only=True):
    """``fieldId`` survives renames and type changes and is never reused; ``fieldIds`` are those inside a struct."""

    name: str
    data_type: str
    nullable: Annotated[bool, Meta(description="Whether the column may hold null.")]
    field_id: int
    initial_default: Any = None
    write_default: Any = None
    comment: str | UnsetType = UNSET
    metadata: dict[str, str] = {}
    field_ids: dict[str, int] = {}


class SchemaBody(Body, frozen=True, kw_only=True):
    """``arrowSchema`` is the base64 of an Arrow IPC schema message.

    True since ``appliedAt`` and known since ``knownAt``, later for an outside change that was adopted. ``position`` is
    its place in the log.
    """

    schema_version_id: str
    version_number: int
    arrow_schema: str
    fields: tuple[FieldBody, ...]
    primary_key_columns: tuple[str, ...]
    fingerprint: str
    applied_at: Moment
    known_at: Moment
    position: int | UnsetType = UNSET


class VersionBody(Body, frozen=True, kw_only=True):
    schema_version_id: str
    version_number: int
    applied_at: Moment
    known_at: Moment
    position: int | UnsetType = UNSET
    fingerprint: str
    migration_id: str | UnsetType = UNSET


class IndexImpactBody(Body, frozen=True, kw_only=True):
    index_name: str
    impact: Literal["none", "rebuild", "drop"]
    reason: str


class StepBody(Body, frozen=True, kw_only=True):
    """One physical act. ``cost``: metadata, scan (rows are read), rewrite (written too) or index (built)."""

    type: str
    cost: Literal["metadata", "scan", "rewrite", "index"]
    description: str


class HazardBody(Body, frozen=True, kw_only=True):
    kind: str
    message: str


class ColumnDifference(Body, frozen=True, kw_only=True):
    """One thing that becomes of the schema, in the words of ``type`` and of ``description``."""

    type: str
    description: str


class UndoBody(Struct, frozen=True, kw_only=True, rename="camel"):
    """How the migration could be undone: what would not come back, and what has to hold until then."""

    kind: Literal["lossless", "lossy", "impossible"]
    losses: tuple[str, ...]
    conditions: tuple[str, ...]


class TargetSchemaBody(Struct, frozen=True, kw_only=True, rename="camel"):
    """A whole schema: the one that a migration leads to, or the one before or after an event."""

    fields: tuple[FieldBody, ...]
    primary_key_columns: tuple[str, ...]
    indexes: tuple[IndexBody, ...]
    fingerprint: str


class PlanBody(Body, frozen=True, kw_only=True):
    """What the migration would do, or every reason why it cannot. Nothing has been written.

    ``estimatedDurationMs`` comes from the table's real size and from how long such work took lately.
    """

    is_valid: bool
    validation_errors: tuple[str, ...]
    violations: tuple[Violation, ...]
    requires_rewrite: bool
    index_impacts: tuple[IndexImpactBody, ...]
    base_version: int
    estimated_duration_ms: int
    target_schema: TargetSchemaBody
    diff: tuple[ColumnDifference, ...]
    undo: UndoBody
    operations: Raw | UnsetType = UNSET
    steps: tuple[StepBody, ...]
    hazards: tuple[HazardBody, ...]
    plan_hash: str


class DriftBody(Struct, frozen=True, kw_only=True, rename="camel"):
    """How the real table differs from schema version ``versionNumber`` of the log."""

    drifted: bool
    version_number: int
    since: Moment | None
    diff: tuple[ColumnDifference, ...]


class IndexList(Struct, frozen=True, kw_only=True, rename="camel"):
    indexes: tuple[IndexBody, ...]


class OperationList(Body, frozen=True, kw_only=True):
    operations: tuple[OperationBody, ...]
    next_page_token: str | UnsetType = UNSET


class TableList(Body, frozen=True, kw_only=True):
    tables: tuple[TableBody, ...]
    next_page_token: str | UnsetType = UNSET


class VersionList(Body, frozen=True, kw_only=True):
    versions: tuple[VersionBody, ...]
    next_page_token: str | UnsetType = UNSET
