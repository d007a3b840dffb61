"""What a follower of an operation is told: what it looked like after each of its events, from the log alone.

The inline view (adapters/views/operation_status.py) does the same in SQL, keeping the last of these only.
"""

from datetime import timedelta
from typing import assert_never

from msgspec.structs import replace

from domain.facts import Recorded
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
from domain.views import OperationView


def told(before: OperationView | None, event: Recorded) -> OperationView:
    """The operation once the event had happened; ``before`` is what the event before it made of it."""
    if isinstance(event.fact, OperationRequested):
        return _requested(event, event.fact)
    assert before is not None, "a stream begins with the request"
    after = replace(before, version=event.version)
    return _after(after, event, event.fact) if isinstance(event.fact, OperationFact) else after


def sentence(fact: OperationFact) -> str | None:
    """What the fact says to whoever watches; None where the sentence before still holds."""
    match fact:
        case OperationStarted():
            again = "" if fact.attempt == 1 else f", attempt {fact.attempt}"
            return f"Started by {fact.worker}{again}."
        case OperationProgressed() | OperationCompleted():
            return fact.message
        case OperationPublishing():
            return "Publishing."
        case OperationCancellationAcknowledged():
            return "Stopped; what was prepared is being taken away."
        case OperationCancelled():
            return f"Cancelled: {fact.reason}"
        case OperationRequested():
            return None if fact.awaits is None else f"Waiting for {fact.awaits}."
        case OperationReleased():
            return "Approved; waiting for a worker."
        case OperationCancellationRequested() | OperationFailed():
            return None
        case _:
            assert_never(fact)


def _after(view: OperationView, event: Recorded, fact: OperationFact) -> OperationView:
    moment = event.recorded_at
    view = replace(view, message=sentence(fact) or view.message)
    match fact:
        case OperationRequested():
            return view
        case OperationStarted():
            expected = None if view.estimated_ms is None else moment + timedelta(milliseconds=view.estimated_ms)
            return replace(
                view,
                status="running",
                started_at=view.started_at or moment,
                attempt=fact.attempt,
                units_done=None,
                units_total=None,
                rows_done=None,
                rows_total=None,
                rows_per_second=None,
                expected_end_at=expected,
            )
        case OperationProgressed():
            return _progressed(view, event, fact)
        case OperationPublishing():
            return view
        case OperationReleased():
            return replace(view, awaits=None)
        case OperationCancellationRequested():
            asked = replace(view, cancellation_requested=True, cancellation_reason=fact.reason)
            return replace(asked, cancellation_requested_at=moment)
        case OperationCancellationAcknowledged():
            return replace(view, cancellation_acknowledged_at=moment)
        case OperationCompleted():
            ended = replace(view, status="completed", completed_at=moment, expected_end_at=None)
            return replace(ended, percent=100.0, measured_ms=fact.measured_ms)
        case OperationFailed():
            ended = replace(view, status="failed", completed_at=moment, expected_end_at=None)
            return replace(ended, error_code=fact.code, error_message=fact.message)
        case OperationCancelled():
            return replace(view, status="cancelled", completed_at=moment, expected_end_at=None)
        case _:
            assert_never(fact)


def _progressed(view: OperationView, event: Recorded, fact: OperationProgressed) -> OperationView:
    """A later attempt begins anew, but what a reader saw as done never shrinks before his eyes."""
    expected = view.expected_end_at
    if fact.remaining_ms is not None:
        expected = event.recorded_at + timedelta(milliseconds=fact.remaining_ms)
    return replace(
        view,
        percent=max(view.percent, fact.percent),
        units_done=fact.units_done,
        units_total=fact.units_total,
        rows_done=fact.rows_done,
        rows_total=fact.rows_total,
        rows_per_second=fact.rows_per_second,
        expected_end_at=expected,
    )


def _requested(event: Recorded, fact: OperationRequested) -> OperationView:
    return OperationView(
        operation_id=event.stream,
        version=event.version,
        table_id=fact.table_id,
        migration_id=fact.migration_id,
        operation_type=fact.operation_type,
        target_type=fact.target_type,
        target_id=fact.target_id,
        description=fact.description,
        status="pending",
        percent=0.0,
        message=sentence(fact),
        cancellation_requested=False,
        error_code=None,
        error_message=None,
        request_fingerprint=fact.request_fingerprint,
        created_at=event.recorded_at,
        started_at=None,
        completed_at=None,
        estimated_ms=fact.estimated_ms,
        measured_ms=None,
        retries=fact.retries,
        awaits=fact.awaits,
    )
