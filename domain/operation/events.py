"""What can become true of an operation. Written for ever: a tag never changes its meaning."""

from typing import ClassVar
from uuid import UUID

from domain.facts import Fact, FreeText


class OperationRequested(Fact, frozen=True, kw_only=True, tag="operation.requested"):
    """``table_id`` is the table that the work is on, or else stands for what no other work may be on meanwhile.

    ``migration_id`` is set when the work is a migration; ``fingerprint`` recognises a repeated request.
    ``estimated_ms`` is how long the work was expected to take, ``uncorrected_ms`` the same by the engine's own rates
    alone, before what earlier operations turned out to take was considered. ``retries`` is the operation that ended
    without success and whose work this one takes up. ``awaits`` says what has to happen before anybody may begin.
    """

    table_id: UUID
    operation_type: str
    target_type: str
    target_id: str
    description: FreeText
    migration_id: UUID | None = None
    request_fingerprint: str | None = None
    estimated_ms: int | None = None
    uncorrected_ms: int | None = None
    retries: UUID | None = None
    awaits: str | None = None


class OperationReleased(Fact, frozen=True, kw_only=True, tag="operation.released"):
    """What was awaited has happened; a worker may begin."""


class OperationStarted(Fact, frozen=True, kw_only=True, tag="operation.started"):
    """``attempt`` counts from 1; ``worker`` names the process that took it."""

    attempt: int
    worker: str


class OperationProgressed(Fact, frozen=True, kw_only=True, tag="operation.progressed"):
    """``percent`` is of units done, 0 to below 100; ``units_*`` and ``rows_*`` count what is prepared and all.

    ``rows_per_second`` is the attempt's pace so far, ``remaining_ms`` how long the rest takes at this pace.
    A long operation has hundreds of these.
    """

    supersedes_itself: ClassVar[bool] = True

    percent: float
    message: str
    units_done: int
    units_total: int
    rows_done: int
    rows_total: int
    rows_per_second: float | None = None
    remaining_ms: int | None = None


class OperationCancellationRequested(Fact, frozen=True, kw_only=True, tag="operation.cancellation_requested"):
    reason: FreeText


class OperationCancellationAcknowledged(Fact, frozen=True, kw_only=True, tag="operation.cancellation_acknowledged"):
    """The work has stopped, and what it left is being taken away. ``attempt`` is 0 where none had begun."""

    attempt: int


class OperationPublishing(Fact, frozen=True, kw_only=True, tag="operation.publishing"):
    """All is prepared and the engine is about to publish: from here on it is too late to cancel."""


class OperationCompleted(Fact, frozen=True, kw_only=True, tag="operation.completed"):
    """``measured_ms`` is how long the attempt that ended it worked, by its worker's monotonic clock."""

    message: str
    measured_ms: int | None = None


class OperationFailed(Fact, frozen=True, kw_only=True, tag="operation.failed"):
    code: str
    message: str


class OperationCancelled(Fact, frozen=True, kw_only=True, tag="operation.cancelled"):
    reason: FreeText


OperationFact = (
    OperationRequested
    | OperationReleased
    | OperationStarted
    | OperationProgressed
    | OperationCancellationRequested
    | OperationCancellationAcknowledged
    | OperationPublishing
    | OperationCompleted
    | OperationFailed
    | OperationCancelled
)
