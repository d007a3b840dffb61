"""The rules of an operation's life: given what happened, when asked, then these facts or that refusal."""

from uuid import UUID

import pytest

from domain.errors import IllegalTransition, LeaseLost, OperationNotCancellable, OperationNotFound, Refusal
from domain.operation.decider import (
    AcknowledgeCancellation,
    AnnouncePublishing,
    CompleteOperation,
    ConfirmCancellation,
    FailOperation,
    OperationCommand,
    ReportProgress,
    RequestCancellation,
    RequestOperation,
    StartOperation,
    decide,
    fold,
)
from domain.operation.events import (
    OperationCancellationAcknowledged,
    OperationCancellationRequested,
    OperationCancelled,
    OperationCompleted,
    OperationFact,
    OperationFailed,
    OperationProgressed,
    OperationPublishing,
    OperationRequested,
    OperationStarted,
)

ID = UUID(int=1)
TABLE = UUID(int=2)

REQUESTED = OperationRequested(
    table_id=TABLE, operation_type="migration", target_type="table", target_id=str(TABLE), description="why"
)
STARTED = OperationStarted(attempt=1, worker="w1")
ASKED = OperationCancellationRequested(reason="no longer wanted")
COMPLETED = OperationCompleted(message="done")
PUBLISHING = OperationPublishing()


class Given:
    def __init__(self, *facts: OperationFact) -> None:
        self._facts = facts

    def when(self, command: OperationCommand) -> "When":
        return When(self._facts, command)


class When:
    def __init__(self, facts: tuple[OperationFact, ...], command: OperationCommand) -> None:
        self._facts, self._command = facts, command

    def then(self, *facts: OperationFact) -> None:
        assert decide(self._command, fold(self._facts), ID) == facts

    def refused(self, refusal: type[Refusal]) -> None:
        with pytest.raises(refusal):
            decide(self._command, fold(self._facts), ID)


def progress(done: int, total: int) -> ReportProgress:
    return ReportProgress(message="m", units_done=done, units_total=total, rows_done=done, rows_total=total)


def progressed(percent: float, done: int, total: int) -> OperationProgressed:
    return OperationProgressed(
        percent=percent, message="m", units_done=done, units_total=total, rows_done=done, rows_total=total
    )


def test_an_operation_begins_with_its_request() -> None:
    request = RequestOperation(
        table_id=TABLE, operation_type="migration", target_type="table", target_id=str(TABLE), description="why"
    )
    Given().when(request).then(REQUESTED)
    Given(REQUESTED).when(request).refused(IllegalTransition)


def test_nobody_can_start_what_nobody_asked_for() -> None:
    Given().when(StartOperation(attempt=1, worker="w1")).refused(OperationNotFound)


def test_a_later_attempt_takes_over_and_an_earlier_one_does_not() -> None:
    Given(REQUESTED, STARTED).when(StartOperation(attempt=2, worker="w2")).then(
        OperationStarted(attempt=2, worker="w2")
    )
    Given(REQUESTED, STARTED).when(StartOperation(attempt=1, worker="w2")).refused(LeaseLost)


def test_percent_counts_units_and_never_goes_back() -> None:
    Given(REQUESTED, STARTED).when(progress(1, 4)).then(progressed(25.0, 1, 4))
    Given(REQUESTED, STARTED, progressed(50.0, 2, 4)).when(progress(1, 4)).then(progressed(50.0, 1, 4))


def test_percent_stays_below_one_hundred_until_the_end() -> None:
    Given(REQUESTED, STARTED).when(progress(4, 4)).then(progressed(99.0, 4, 4))


def test_a_new_attempt_keeps_the_percent_that_was_shown() -> None:
    again = OperationStarted(attempt=2, worker="w2")
    Given(REQUESTED, STARTED, progressed(50.0, 2, 4), again).when(progress(1, 4)).then(progressed(50.0, 1, 4))


def test_only_what_runs_reports_and_completes() -> None:
    Given(REQUESTED).when(progress(1, 2)).refused(IllegalTransition)
    Given(REQUESTED).when(CompleteOperation(message="done")).refused(IllegalTransition)
    Given(REQUESTED, STARTED).when(CompleteOperation(message="done")).then(COMPLETED)


def test_an_operation_fails_before_or_while_it_runs() -> None:
    failed = OperationFailed(code="c", message="m")
    Given(REQUESTED).when(FailOperation(code="c", message="m")).then(failed)
    Given(REQUESTED, STARTED).when(FailOperation(code="c", message="m")).then(failed)


def test_asking_for_cancellation_twice_is_asking_once() -> None:
    ask = RequestCancellation(reason="no longer wanted")
    Given(REQUESTED, STARTED).when(ask).then(ASKED)
    Given(REQUESTED, STARTED, ASKED).when(ask).then()
    Given(REQUESTED, STARTED, ASKED, OperationCancelled(reason="no longer wanted")).when(ask).then()


def test_a_cancellation_is_confirmed_with_the_reason_it_was_asked_for() -> None:
    Given(REQUESTED, STARTED, ASKED).when(ConfirmCancellation()).then(OperationCancelled(reason="no longer wanted"))
    Given(REQUESTED, STARTED).when(ConfirmCancellation()).refused(IllegalTransition)


def test_what_nobody_has_begun_is_cancelled_at_once() -> None:
    acknowledged, final = OperationCancellationAcknowledged(attempt=0), OperationCancelled(reason="no longer wanted")
    Given(REQUESTED).when(RequestCancellation(reason="no longer wanted")).then(ASKED, acknowledged, final)


def test_a_cancellation_is_acknowledged_once_by_who_runs_it() -> None:
    acknowledged = OperationCancellationAcknowledged(attempt=1)
    Given(REQUESTED, STARTED, ASKED).when(AcknowledgeCancellation()).then(acknowledged)
    Given(REQUESTED, STARTED, ASKED, acknowledged).when(AcknowledgeCancellation()).then()
    Given(REQUESTED, STARTED).when(AcknowledgeCancellation()).refused(IllegalTransition)


def test_whichever_comes_first_of_publishing_and_cancellation_counts() -> None:
    Given(REQUESTED, STARTED, PUBLISHING).when(RequestCancellation(reason="late")).refused(OperationNotCancellable)
    Given(REQUESTED, STARTED, ASKED).when(AnnouncePublishing()).refused(IllegalTransition)
    Given(REQUESTED, STARTED).when(AnnouncePublishing()).then(PUBLISHING)


def test_once_announced_no_later_attempt_can_be_cancelled() -> None:
    again = OperationStarted(attempt=2, worker="w2")
    late = RequestCancellation(reason="late")
    Given(REQUESTED, STARTED, PUBLISHING, again).when(late).refused(OperationNotCancellable)


@pytest.mark.parametrize(
    "end", [COMPLETED, OperationFailed(code="c", message="m"), OperationCancelled(reason="no longer wanted")]
)
def test_what_has_ended_changes_no_more(end: OperationFact) -> None:
    ended = Given(REQUESTED, STARTED, ASKED, end)
    ended.when(progress(1, 2)).refused(IllegalTransition)
    ended.when(StartOperation(attempt=9, worker="w9")).refused(IllegalTransition)
    ended.when(FailOperation(code="c", message="m")).refused(IllegalTransition)


def test_a_finished_operation_refuses_cancellation() -> None:
    Given(REQUESTED, STARTED, COMPLETED).when(RequestCancellation(reason="late")).refused(OperationNotCancellable)
