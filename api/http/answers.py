"""From what the views and plans hold to the shapes on the wire."""

from base64 import b64encode
from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

from msgspec import UNSET, Raw, UnsetType

from api.http import migration_wire, wire
from domain.diff import Difference
from domain.diff import describe as describe_difference
from domain.handlers.outside import Drift
from domain.handlers.planning import Planned
from domain.schema import Column, Index, IndexSetting, Schema, fingerprint
from domain.steps import Step, describe
from domain.views import ApprovalView, MigrationView, OperationView, SchemaVersionView, TableView

T = TypeVar("T")

ArrowSchema = Callable[[Schema], bytes]
"""Serializes a schema as an Arrow IPC schema message."""


def operation_body(view: OperationView) -> wire.OperationBody:
    return wire.OperationBody(
        operation_id=str(view.operation_id),
        operation_type=view.operation_type,
        target_type=view.target_type,  # type: ignore[arg-type]  # the log holds what the decider allowed
        target_id=view.target_id,
        description=view.description,
        status=view.status,  # type: ignore[arg-type]
        progress_percent=view.percent,
        progress_message=present(view.message),
        error=_error(view.error_code, view.error_message),
        created_at=view.created_at,
        started_at=present(view.started_at),
        completed_at=present(view.completed_at),
        table_id=UNSET if view.target_type == "projection" else str(view.table_id),
        migration_id=id_text(view.migration_id),
        cancellation_requested=view.cancellation_requested,
        cancellation=_cancellation(view),
        retries=id_text(view.retries),
        estimated_duration_ms=present(view.estimated_ms),
        measured_duration_ms=present(view.measured_ms),
        estimate_error_percent=_estimate_error(view),
        attempt=present(view.attempt),
        units=_units(view),
        rows_done=present(view.rows_done),
        rows_total=present(view.rows_total),
        rows_per_second=present(view.rows_per_second),
        estimated_completion_at=present(view.expected_end_at),
        heartbeat_at=present(view.heartbeat_at),
        heartbeat_age_seconds=UNSET if view.heartbeat_age is None else round(view.heartbeat_age, 1),
    )


def table_body(view: TableView) -> wire.TableBody:
    return wire.TableBody(
        table_id=str(view.table_id),
        dataset_id=view.dataset_id,
        table_name=view.name,
        description=present(view.description),
        engine=view.engine,
        location=view.location,
        version_number=view.schema_version,
        created_at=view.created_at,
        updated_at=view.updated_at,
    )


def _cancellation(view: OperationView) -> wire.CancellationBody | UnsetType:
    if view.cancellation_requested_at is None:
        return UNSET
    return wire.CancellationBody(
        reason=view.cancellation_reason or "",
        requested_at=view.cancellation_requested_at,
        acknowledged_at=present(view.cancellation_acknowledged_at),
    )


def schema_body(view: SchemaVersionView, arrow_schema: ArrowSchema) -> wire.SchemaBody:
    return wire.SchemaBody(
        schema_version_id=schema_version_id(view.table_id, view.version),
        version_number=view.version,
        arrow_schema=b64encode(arrow_schema(view.schema)).decode(),
        fields=field_bodies(view.schema),
        primary_key_columns=view.schema.named(view.schema.primary_key),
        fingerprint=view.fingerprint,
        applied_at=view.applied_at,
        known_at=view.known_at,
        position=present(view.position),
    )


def version_body(view: SchemaVersionView) -> wire.VersionBody:
    return wire.VersionBody(
        schema_version_id=schema_version_id(view.table_id, view.version),
        version_number=view.version,
        applied_at=view.applied_at,
        known_at=view.known_at,
        position=present(view.position),
        fingerprint=view.fingerprint,
        migration_id=id_text(view.migration_id),
    )


NO_WORDS: tuple[str | None, str | None] = (None, None)


def approval_body(
    view: ApprovalView | None, words: tuple[str | None, str | None] = NO_WORDS
) -> migration_wire.ApprovalBody | UnsetType:
    """``words`` are those of who asked and of who decided, where they are shown."""
    if view is None:
        return UNSET
    return migration_wire.ApprovalBody(
        migration_id=str(view.migration_id),
        table_id=str(view.table_id),
        dataset_id=view.dataset_id,
        operation_id=str(view.operation_id),
        kind=view.kind,  # type: ignore[arg-type]  # the log holds what the decider allowed
        status=view.status,  # type: ignore[arg-type]
        hazards=view.hazards,
        approvers=view.approvers,
        plan_hash=view.plan_hash,
        author=view.author,
        asked_at=view.asked_at,
        emergency_reason=present(words[0]),
        decided_by=present(view.decided_by),
        decided_at=present(view.decided_at),
        reason=present(words[1]),
    )


def migration_body(
    view: MigrationView, approval: migration_wire.ApprovalBody | UnsetType = UNSET
) -> migration_wire.MigrationBody:
    return migration_wire.MigrationBody(
        migration_id=str(view.migration_id),
        dataset_id=view.dataset_id,
        table_id=str(view.table_id),
        from_schema_id=schema_version_id(view.table_id, view.from_version),
        to_schema_id=schema_version_id(view.table_id, view.to_version),
        operations=view.operations,
        description=present(view.description),
        status=view.status,  # type: ignore[arg-type]
        error=_error(view.error_code, view.error_message),
        operation_id=id_text(view.operation_id),
        reverts=id_text(view.reverts),
        approval=approval,
        created_at=view.created_at,
        created_by=view.created_by,
        adopted_by=present(view.adopted_by),
        started_at=present(view.started_at),
        completed_at=present(view.completed_at),
    )


def plan_body(planned: Planned, operations: Raw | UnsetType = UNSET) -> wire.PlanBody:
    """``operations`` are shown where the caller did not send them."""
    plan = planned.plan
    return wire.PlanBody(
        operations=operations,
        estimated_duration_ms=planned.estimate.expected,
        target_schema=schema_shape(plan.target),
        diff=difference_bodies(plan.differences),
        undo=wire.UndoBody(kind=plan.undo.kind.value, losses=plan.undo.losses, conditions=plan.undo.conditions),
        is_valid=plan.is_valid,
        validation_errors=tuple(violation.message for violation in plan.violations),
        violations=plan.violations,
        requires_rewrite=plan.requires_rewrite,
        index_impacts=tuple(
            wire.IndexImpactBody(index_name=impact.index_name, impact=impact.impact, reason=impact.reason)  # type: ignore[arg-type]
            for impact in plan.index_impacts
        ),
        base_version=plan.base_version,
        steps=tuple(step_body(step) for step in plan.steps),
        hazards=tuple(wire.HazardBody(kind=hazard.kind, message=hazard.message) for hazard in plan.hazards),
        plan_hash=plan.plan_hash,
    )


def schema_shape(schema: Schema) -> wire.TargetSchemaBody:
    return wire.TargetSchemaBody(
        fields=field_bodies(schema),
        primary_key_columns=schema.named(schema.primary_key),
        indexes=tuple(index_body(index, schema) for index in schema.indexes),
        fingerprint=fingerprint(schema),
    )


def difference_bodies(differences: Sequence[Difference]) -> tuple[wire.ColumnDifference, ...]:
    return tuple(
        wire.ColumnDifference(type=str(one.__struct_config__.tag), description=describe_difference(one))
        for one in differences
    )


def drift_body(drift: Drift) -> wire.DriftBody:
    return wire.DriftBody(
        drifted=bool(drift.differences),
        version_number=drift.version,
        since=drift.since,
        diff=difference_bodies(drift.differences),
    )


def index_body(index: Index, schema: Schema) -> wire.IndexBody:
    settings = dict(index.settings)
    partitions, sub_vectors = (settings.pop(name, None) for name in ("num_partitions", "num_sub_vectors"))
    return wire.IndexBody(
        name=index.name,
        columns=schema.indexed(index),
        index_type=index.index_type,
        metric=present(index.metric),
        num_partitions=present(_count(partitions)),
        num_sub_vectors=present(_count(sub_vectors)),
        settings=settings or UNSET,
    )


def _count(setting: IndexSetting) -> int | None:
    return setting if isinstance(setting, int) else None


def step_body(step: Step) -> wire.StepBody:
    return wire.StepBody(type=str(step.__struct_config__.tag), cost=step.cost.value, description=describe(step))


def field_bodies(schema: Schema) -> tuple[wire.FieldBody, ...]:
    return tuple(field_body(column) for column in schema.columns)


def schema_version_id(table_id: UUID, version: int) -> str:
    return f"{table_id}-v{version}"


def present(value: T | None) -> T | UnsetType:
    """A member that is left out when there is no value."""
    return UNSET if value is None else value


def id_text(value: UUID | None) -> str | UnsetType:
    """An id, left out when there is none."""
    return UNSET if value is None else str(value)


def field_body(column: Column) -> wire.FieldBody:
    return wire.FieldBody(
        name=column.name,
        data_type=column.data_type,
        nullable=column.nullable,
        field_id=column.id,
        initial_default=column.initial_default,
        write_default=column.write_default,
        comment=present(column.comment),
        metadata=column.metadata,
        field_ids=column.field_ids,
    )


def _estimate_error(view: OperationView) -> float | UnsetType:
    if view.estimated_ms is None or view.measured_ms is None:
        return UNSET
    return round(100.0 * (view.measured_ms - view.estimated_ms) / max(1, view.estimated_ms), 1)


def _units(view: OperationView) -> wire.UnitsBody | UnsetType:
    if view.units_done is None or view.units_total is None:
        return UNSET
    return wire.UnitsBody(done=view.units_done, total=view.units_total)


def _error(code: str | None, message: str | None) -> wire.OperationErrorBody | UnsetType:
    return UNSET if code is None else wire.OperationErrorBody(code=code, message=message or "")
