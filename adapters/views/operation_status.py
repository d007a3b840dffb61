"""``operation_status``, inline: the status of every operation, readable the moment its event is."""

from collections.abc import Iterable
from typing import assert_never
from uuid import UUID

import msgspec

from adapters.postgres.statements import Statement
from adapters.views.placing import MOMENT, POSITION
from domain.facts import Fact
from domain.operation.events import (
    OperationCancellationAcknowledged,
    OperationCancellationRequested,
    OperationCancelled,
    OperationCompleted,
    OperationFact,
    OperationFailed,
    OperationProgressed,
    OperationPublishing,
    OperationReleased,
    OperationRequested,
    OperationStarted,
)
from domain.operation.telling import sentence

INSERT = f"""
INSERT INTO operation_status_v1 (
    operation_id, position, version, table_id, migration_id, operation_type, target_type, target_id, description,
    status, percent, cancellation_requested, request_fingerprint, estimated_ms,
    uncorrected_ms, retries, message, awaits, created_at)
VALUES (
    %(stream)s, {POSITION}, %(version)s, %(table_id)s, %(migration_id)s, %(operation_type)s, %(target_type)s,
    %(target_id)s, %(description)s, 'pending', 0, false, %(request_fingerprint)s, %(estimated_ms)s,
    %(uncorrected_ms)s, %(retries)s, %(message)s, %(awaits)s, {MOMENT})
"""  # noqa: S608  # only our own SQL is put together


def _update(changes: str) -> str:
    return f"UPDATE operation_status_v1 SET version = %(version)s, {changes} WHERE operation_id = %(stream)s"  # noqa: S608


STARTED = _update(
    f"status = 'running', message = %(message)s, started_at = coalesce(started_at, {MOMENT}), attempt = %(attempt)s, "
    "units_done = NULL, units_total = NULL, rows_done = NULL, rows_total = NULL, rows_per_second = NULL, "
    f"expected_end_at = {MOMENT} + estimated_ms * interval '1 millisecond'"
)
# A later attempt begins anew, but what a reader saw as done never shrinks before his eyes.
PROGRESSED = _update(
    "percent = greatest(percent, %(percent)s), message = %(message)s, units_done = %(units_done)s, "
    "units_total = %(units_total)s, rows_done = %(rows_done)s, rows_total = %(rows_total)s, "
    "rows_per_second = %(rows_per_second)s, "
    f"expected_end_at = coalesce({MOMENT} + %(remaining_ms)s * interval '1 millisecond', expected_end_at)"
)
MESSAGE = _update("message = %(message)s")
RELEASED = _update("message = %(message)s, awaits = NULL")
CANCELLATION_REQUESTED = _update(
    f"cancellation_requested = true, cancellation_reason = %(reason)s, cancellation_requested_at = {MOMENT}"
)
CANCELLATION_ACKNOWLEDGED = _update(f"message = %(message)s, cancellation_acknowledged_at = {MOMENT}")
COMPLETED = _update(
    "status = 'completed', percent = 100, message = %(message)s, measured_ms = %(measured_ms)s, "
    f"expected_end_at = NULL, completed_at = {MOMENT}"
)
FAILED = _update(
    "status = 'failed', error_code = %(code)s, error_message = %(message)s, expected_end_at = NULL, "
    f"completed_at = {MOMENT}"
)
CANCELLED = _update(f"status = 'cancelled', message = %(message)s, expected_end_at = NULL, completed_at = {MOMENT}")


def operation_status(stream: UUID, version: int, fact: Fact) -> Iterable[Statement]:
    if isinstance(fact, OperationFact):
        sql, parameters = _row(fact)
        yield Statement(sql, {"stream": stream, "version": version, **parameters})


def _row(fact: OperationFact) -> tuple[str, dict[str, object]]:
    match fact:
        case OperationRequested():
            return INSERT, {
                "table_id": fact.table_id,
                "migration_id": fact.migration_id,
                "operation_type": fact.operation_type,
                "target_type": fact.target_type,
                "target_id": fact.target_id,
                "description": fact.description,
                "request_fingerprint": fact.request_fingerprint,
                "estimated_ms": fact.estimated_ms,
                "uncorrected_ms": fact.uncorrected_ms,
                "retries": fact.retries,
                "message": sentence(fact),
                "awaits": fact.awaits,
            }
        case OperationReleased():
            return RELEASED, {"message": sentence(fact)}
        case OperationStarted():
            return STARTED, {"message": sentence(fact), "attempt": fact.attempt}
        case OperationProgressed():
            return PROGRESSED, msgspec.structs.asdict(fact)
        case OperationPublishing():
            return MESSAGE, {"message": sentence(fact)}
        case OperationCancellationRequested():
            return CANCELLATION_REQUESTED, {"reason": fact.reason}
        case OperationCancellationAcknowledged():
            return CANCELLATION_ACKNOWLEDGED, {"message": sentence(fact)}
        case OperationCompleted():
            return COMPLETED, {"message": fact.message, "measured_ms": fact.measured_ms}
        case OperationFailed():
            return FAILED, {"code": fact.code, "message": fact.message}
        case OperationCancelled():
            return CANCELLED, {"message": sentence(fact)}
        case _:
            assert_never(fact)
