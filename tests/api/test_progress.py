# ruff: noqa: F401, F811  # fixtures of the adapters' tests
"""What progress says, at which rate, and what a reader sees of it while the work goes on."""

from datetime import timedelta
from uuid import uuid4

from api.http.answers import operation_body
from api.progress import Progress
from domain.engine import Unit
from domain.operation.decider import ReportProgress
from domain.operation.events import OperationCompleted, OperationProgressed, OperationStarted
from tests.adapters.conftest import database, leases, requested, store, views, write


class Seconds:
    """A clock that only moves when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def units(count: int, rows: int) -> list[Unit]:
    return [Unit(name=f"u{number}", rows=rows) for number in range(count)]


def test_pace_and_the_rest_are_counted_by_rows() -> None:
    clock = Seconds()
    pieces = units(4, 1_000)
    progress = Progress(pieces, clock)
    clock.now += 2
    report = progress.unit_done(pieces[0])
    assert report == ReportProgress(
        message="Preparing: 1 of 4 units, 1,000 of 4,000 rows, 500 rows/s",
        units_done=1,
        units_total=4,
        rows_done=1_000,
        rows_total=4_000,
        rows_per_second=500.0,
        remaining_ms=6_000,
    )


def test_units_without_rows_have_no_pace_but_an_end() -> None:
    clock = Seconds()
    pieces = units(2, 0)
    progress = Progress(pieces, clock)
    clock.now += 3
    report = progress.unit_done(pieces[0])
    assert report is not None
    assert (report.rows_per_second, report.remaining_ms) == (None, 3_000)


def test_what_was_prepared_before_counts_as_done_but_not_for_the_pace() -> None:
    clock = Seconds()
    before, pieces = units(3, 1_000), units(1, 1_000)
    progress = Progress(pieces, clock, before)
    clock.now += 10
    report = progress.unit_done(pieces[0])
    assert report is not None
    assert (report.units_done, report.units_total, report.rows_done, report.rows_per_second) == (4, 4, 4_000, 100.0)


def test_a_thousand_fast_units_are_told_in_twenty_reports_and_slow_ones_once_a_second() -> None:
    clock = Seconds()
    pieces = units(1_000, 1)
    progress = Progress(pieces, clock)
    fast = [report for unit in pieces[:500] if (report := progress.unit_done(unit))]
    assert 10 <= len(fast) <= 11
    slow = list[ReportProgress]()
    for unit in pieces[500:540]:
        clock.now += 0.25
        if report := progress.unit_done(unit):
            slow.append(report)
    assert len(slow) == 10


def test_a_reader_sees_the_attempt_its_units_and_when_it_should_end(store, views) -> None:  # type: ignore[no-untyped-def]
    operation = uuid4()
    write(store, operation, 0, requested())
    write(store, operation, 1, OperationStarted(attempt=2, worker="w"))
    progressed = OperationProgressed(
        percent=25.0,
        message="m",
        units_done=1,
        units_total=4,
        rows_done=10,
        rows_total=40,
        rows_per_second=2.5,
        remaining_ms=12_000,
    )
    write(store, operation, 2, progressed)
    recorded = store.load(operation)[-1].recorded_at
    body = operation_body(views.operation(operation))
    assert (body.attempt, body.units.done, body.units.total) == (2, 1, 4)
    assert (body.rows_done, body.rows_total, body.rows_per_second) == (10, 40, 2.5)
    assert body.estimated_completion_at == recorded + timedelta(seconds=12)
    write(store, operation, 3, OperationCompleted(message="done"))
    ended = views.operation(operation)
    assert (ended.percent, ended.expected_end_at, ended.heartbeat_at) == (100.0, None, None)


def test_the_heartbeat_is_that_of_the_worker_that_holds_the_operation(store, views, leases) -> None:  # type: ignore[no-untyped-def]
    operation = uuid4()
    write(store, operation, 0, requested())
    assert views.operation(operation).heartbeat_at is None
    lease = leases.claim("w", timedelta(minutes=1))
    first = views.operation(operation).heartbeat_at
    assert leases.renew(lease, timedelta(minutes=1))
    seen = views.operation(operation)
    assert seen.heartbeat_at > first
    assert seen.heartbeat_age >= 0
    leases.release(lease)
    assert views.operation(operation).heartbeat_at is None
