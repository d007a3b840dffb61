"""Operations: one tracked run of long work. Commands, situations, and what follows from them."""

from collections.abc import Sequence
from functools import reduce
from typing import assert_never
from uuid import UUID

from msgspec import Struct
from msgspec.structs import asdict, replace

from domain.errors import ApprovalAwaited, IllegalTransition, LeaseLost, OperationNotCancellable, OperationNotFound
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

MOST_PERCENT_UNFINISHED = 99.0
"""What progress stays at or below until the end is durable."""


class Unknown(Struct, frozen=True):
    """Nobody has asked for the operation."""


class Pending(Struct, frozen=True, kw_only=True):
    """Waiting for a worker, or first for what it ``awaits``; ``cancellation`` is the reason of who asked for that."""

    request: OperationRequested
    awaits: str | None = None
    cancellation: str | None = None


class Running(Struct, frozen=True, kw_only=True):
    request: OperationRequested
    attempt: int
    percent: float = 0.0
    cancellation: str | None = None
    acknowledged: bool = False
    publishing: bool = False


class Completed(Struct, frozen=True, kw_only=True):
    request: OperationRequested


class Failed(Struct, frozen=True, kw_only=True):
    request: OperationRequested
    code: str
    message: str


class Cancelled(Struct, frozen=True, kw_only=True):
    request: OperationRequested
    reason: str


Unfinished = Pending | Running
Finished = Completed | Failed | Cancelled
OperationSituation = Unknown | Unfinished | Finished


class RequestOperation(Struct, frozen=True, kw_only=True):
    """``migration_id`` when the work is a migration; ``request_fingerprint`` recognises the same request again."""

    table_id: UUID
    operation_type: str
    target_type: str
    target_id: str
    description: str
    migration_id: UUID | None = None
    request_fingerprint: str | None = None
    estimated_ms: int | None = None
    uncorrected_ms: int | None = None
    retries: UUID | None = None
    awaits: str | None = None


class ReleaseOperation(Struct, frozen=True, kw_only=True):
    """What it awaited has happened."""


class StartOperation(Struct, frozen=True, kw_only=True):
    attempt: int
    worker: str


class ReportProgress(Struct, frozen=True, kw_only=True):
    """``units_*`` and ``rows_*`` count what is prepared so far and in all; the rest is as in the fact."""

    message: str
    units_done: int
    units_total: int
    rows_done: int
    rows_total: int
    rows_per_second: float | None = None
    remaining_ms: int | None = None


class RequestCancellation(Struct, frozen=True, kw_only=True):
    reason: str


class AnnouncePublishing(Struct, frozen=True, kw_only=True):
    """All is prepared. Refused once somebody asked for cancellation: what comes first, counts."""


class CompleteOperation(Struct, frozen=True, kw_only=True):
    message: str
    measured_ms: int | None = None


class FailOperation(Struct, frozen=True, kw_only=True):
    code: str
    message: str


class AcknowledgeCancellation(Struct, frozen=True, kw_only=True):
    """The work has stopped; what it left is being taken away."""


class ConfirmCancellation(Struct, frozen=True, kw_only=True):
    """The work has stopped and its leftovers are gone."""


OperationCommand = (
    RequestOperation
    | ReleaseOperation
    | StartOperation
    | ReportProgress
    | RequestCancellation
    | AnnouncePublishing
    | CompleteOperation
    | FailOperation
    | AcknowledgeCancellation
    | ConfirmCancellation
)


def evolve(state: OperationSituation, fact: OperationFact) -> OperationSituation:
    """What a fact makes of an operation. Facts are believed, never refused."""
    match fact:
        case OperationRequested():
            return Pending(request=fact, awaits=fact.awaits)
        case OperationReleased():
            return _while(Pending, state, awaits=None)
        case OperationStarted():
            current = _unfinished(state)
            if isinstance(current, Running):
                # Once announced, the result may be there, whatever became of the attempt that announced it.
                return replace(current, attempt=fact.attempt)
            return Running(request=current.request, attempt=fact.attempt, cancellation=current.cancellation)
        case OperationProgressed():
            return _while(Running, state, percent=fact.percent)
        case OperationCancellationRequested():
            return replace(_unfinished(state), cancellation=fact.reason)
        case OperationCancellationAcknowledged():
            return _while(Running, state, acknowledged=True)
        case OperationPublishing():
            return _while(Running, state, publishing=True)
        case OperationCompleted():
            return Completed(request=_unfinished(state).request)
        case OperationFailed():
            return Failed(request=_unfinished(state).request, code=fact.code, message=fact.message)
        case OperationCancelled():
            return Cancelled(request=_unfinished(state).request, reason=fact.reason)
        case _:
            assert_never(fact)


def _while(situation: type[Unfinished], state: OperationSituation, **changes: object) -> Unfinished:
    current = _unfinished(state)
    return replace(current, **changes) if isinstance(current, situation) else current


def fold(facts: Sequence[OperationFact]) -> OperationSituation:
    start: OperationSituation = Unknown()
    return reduce(evolve, facts, start)


def decide(command: OperationCommand, state: OperationSituation, operation_id: UUID) -> tuple[OperationFact, ...]:
    """The facts a command leads to; raises the refusal when it may not."""
    match state:
        case Unknown():
            return _ask(command, operation_id)
        case Pending() | Running():
            return _proceed(command, state, operation_id)
        case Completed() | Failed() | Cancelled():
            return _after_the_end(command, state, operation_id)
        case _:
            assert_never(state)


def _ask(command: OperationCommand, operation_id: UUID) -> tuple[OperationFact, ...]:
    if not isinstance(command, RequestOperation):
        raise OperationNotFound(str(operation_id))
    # The fact has the very members of the command.
    requested = OperationRequested(**asdict(command))
    return (requested,)


def _proceed(command: OperationCommand, state: Unfinished, operation_id: UUID) -> tuple[OperationFact, ...]:
    match command:
        case RequestOperation():
            raise IllegalTransition(f"Operation {operation_id}", _situation(state), "be requested again")
        case ReleaseOperation():
            if not isinstance(state, Pending) or state.awaits is None:
                raise IllegalTransition(f"Operation {operation_id}", _situation(state), "be released")
            return (OperationReleased(),)
        case StartOperation():
            if isinstance(state, Pending) and state.awaits is not None:
                raise ApprovalAwaited(str(operation_id), state.awaits)
            if isinstance(state, Running) and state.attempt >= command.attempt:
                raise LeaseLost(str(operation_id), command.attempt)
            return (OperationStarted(attempt=command.attempt, worker=command.worker),)
        case ReportProgress():
            return (_progress(command, _running(state, operation_id, "report progress")),)
        case RequestCancellation():
            return _request_cancellation(command, state, operation_id)
        case AnnouncePublishing():
            return (_publishing(_running(state, operation_id, "be published"), operation_id),)
        case CompleteOperation():
            _running(state, operation_id, "be completed")
            return (OperationCompleted(message=command.message, measured_ms=command.measured_ms),)
        case FailOperation():
            return (OperationFailed(code=command.code, message=command.message),)
        case AcknowledgeCancellation():
            _asked_for(state, operation_id)
            running = _running(state, operation_id, "acknowledge")
            return () if running.acknowledged else (OperationCancellationAcknowledged(attempt=running.attempt),)
        case ConfirmCancellation():
            return (OperationCancelled(reason=_asked_for(state, operation_id)),)
        case _:
            assert_never(command)


def _progress(command: ReportProgress, state: Running) -> OperationProgressed:
    """Percent is of units done, never goes back, and stays below 100 until the end is durable."""
    share = 100.0 * command.units_done / command.units_total if command.units_total else 0.0
    percent = max(state.percent, min(round(share, 1), MOST_PERCENT_UNFINISHED))
    return OperationProgressed(percent=percent, **asdict(command))


def _request_cancellation(
    command: RequestCancellation, state: Unfinished, operation_id: UUID
) -> tuple[OperationFact, ...]:
    if state.cancellation is not None:
        return ()
    requested = OperationCancellationRequested(reason=command.reason)
    if isinstance(state, Running):
        if state.publishing:
            raise OperationNotCancellable(str(operation_id), "its result is being published, or is already")
        return (requested,)
    # Nobody has begun, so there is nothing to wait for.
    return requested, OperationCancellationAcknowledged(attempt=0), OperationCancelled(reason=command.reason)


def _asked_for(state: Unfinished, operation_id: UUID) -> str:
    """The reason given by whoever asked for the operation to be cancelled."""
    if state.cancellation is None:
        raise IllegalTransition(f"Operation {operation_id}", _situation(state), "be cancelled unasked")
    return state.cancellation


def _publishing(state: Running, operation_id: UUID) -> OperationPublishing:
    if state.cancellation is not None:
        raise IllegalTransition(f"Operation {operation_id}", "to be cancelled", "be published")
    return OperationPublishing()


def _after_the_end(command: OperationCommand, state: Finished, operation_id: UUID) -> tuple[OperationFact, ...]:
    if isinstance(command, RequestCancellation):
        if isinstance(state, Cancelled):
            return ()
        raise OperationNotCancellable(str(operation_id), f"it has {_situation(state)}")
    raise IllegalTransition(f"Operation {operation_id}", _situation(state), "change any more")


def _situation(state: Unfinished | Finished) -> str:
    return type(state).__name__.lower()


def _running(state: Unfinished, operation_id: UUID, act: str) -> Running:
    if not isinstance(state, Running):
        raise IllegalTransition(f"Operation {operation_id}", _situation(state), act)
    return state


def _unfinished(state: OperationSituation) -> Unfinished:
    assert isinstance(state, Pending | Running), f"the log holds a fact after {type(state).__name__}"
    return state
