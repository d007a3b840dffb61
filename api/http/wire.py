"""The shapes of answers on the wire. The published document describes exactly these."""

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from domain.errors import Violation

OperationStatus = Literal["pending", "running", "completed", "failed", "cancelled"]
FINISHED: tuple[OperationStatus, ...] = ("completed", "failed", "cancelled")
"""The statuses an operation ends in."""

MigrationStatus = Literal["pending", "running", "succeeded", "failed", "cancelled", "rejected"]


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


class OperationBody(Body, frozen=True, kw_only=True):
    """One tracked run of long work. ``progressPercent`` never goes back and is 100 only once the end is durable."""

    operation_id: str
    operation_type: str
    target_type: Literal["table", "index"]
    target_id: str
    description: str
    status: OperationStatus
    progress_percent: Annotated[float, Meta(ge=0, le=100)]
    created_at: datetime
    progress_message: str | UnsetType = UNSET
    error: OperationErrorBody | UnsetType = UNSET
    started_at: datetime | UnsetType = UNSET
    completed_at: datetime | UnsetType = UNSET
    table_id: str
    migration_id: str | UnsetType = UNSET
    cancellation_requested: bool = False
    estimated_duration_ms: int | UnsetType = UNSET
    measured_duration_ms: int | UnsetType = UNSET


class TableBody(Body, frozen=True, kw_only=True):
    table_id: str
    dataset_id: str
    table_name: str
    description: str | UnsetType = UNSET
    engine: str
    location: str
    version_number: int
    created_at: datetime
    updated_at: datetime


class FieldBody(Body, frozen=True, kw_only=True):
    """``fieldId`` survives renames and type changes and is never reused."""

    name: str
    data_type: str
    nullable: Annotated[bool, Meta(description="Whether the column may hold null.")]
    field_id: int
    initial_default: Any = None
    write_default: Any = None
    comment: str | UnsetType = UNSET
    metadata: dict[str, str] = {}


class SchemaBody(Body, frozen=True, kw_only=True):
    """``arrowSchema`` is the base64 of an Arrow IPC schema message."""

    schema_version_id: str
    version_number: int
    arrow_schema: str
    fields: tuple[FieldBody, ...]
    primary_key_columns: tuple[str, ...]
    fingerprint: str
    applied_at: datetime


class VersionBody(Body, frozen=True, kw_only=True):
    schema_version_id: str
    version_number: int
    applied_at: datetime
    fingerprint: str
    migration_id: str | UnsetType = UNSET


class MigrationBody(Body, frozen=True, kw_only=True):
    """``operations`` reads back exactly as it was sent. ``reverts`` is the migration that this one undoes.

    A change made outside and adopted has ``createdBy`` ``unknown``, ``adoptedBy``, and no operation.
    """

    migration_id: str
    dataset_id: str
    table_id: str
    from_schema_id: str
    to_schema_id: str
    operations: Raw
    description: str | UnsetType = UNSET
    status: MigrationStatus
    error: OperationErrorBody | UnsetType = UNSET
    operation_id: str | UnsetType = UNSET
    reverts: str | UnsetType = UNSET
    created_at: datetime
    created_by: str
    adopted_by: str | UnsetType = UNSET
    started_at: datetime | UnsetType = UNSET
    completed_at: datetime | UnsetType = UNSET


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


class PlanBody(Struct, frozen=True, kw_only=True, rename="camel"):
    """What the migration would do, or every reason why it cannot. Nothing has been written."""

    is_valid: bool
    validation_errors: tuple[str, ...]
    violations: tuple[Violation, ...]
    requires_rewrite: bool
    index_impacts: tuple[IndexImpactBody, ...]
    base_version: int
    target_fields: tuple[FieldBody, ...]
    steps: tuple[StepBody, ...]
    hazards: tuple[HazardBody, ...]
    plan_hash: str


class MigrationList(Body, frozen=True, kw_only=True):
    migrations: tuple[MigrationBody, ...]
    next_page_token: str | UnsetType = UNSET


class OperationList(Body, frozen=True, kw_only=True):
    operations: tuple[OperationBody, ...]
    next_page_token: str | UnsetType = UNSET


class TableList(Body, frozen=True, kw_only=True):
    tables: tuple[TableBody, ...]
    next_page_token: str | UnsetType = UNSET


class VersionList(Body, frozen=True, kw_only=True):
    versions: tuple[VersionBody, ...]
    next_page_token: str | UnsetType = UNSET
