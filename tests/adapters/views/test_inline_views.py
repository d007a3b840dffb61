"""Views of the append's own transaction: readable at once, from every process."""

from uuid import uuid4

import pytest
from msgspec.structs import replace

from adapters.event_log.store import PostgresEventStore
from adapters.views.reading import PostgresViews
from domain.facts import Fact
from domain.operation.events import (
    OperationCancellationRequested,
    OperationCancelled,
    OperationCompleted,
    OperationFailed,
    OperationProgressed,
    OperationPublishing,
    OperationStarted,
)
from domain.table.events import SchemaChanged, TableUnregistered
from domain.views import OperationFilter, OperationView, TableFilter
from tests.adapters.conftest import registered, requested, write
from tests.domain.planning import people

STARTED = OperationStarted(attempt=1, worker="w1")
PROGRESSED = OperationProgressed(percent=40.0, message="m", units_done=2, units_total=5, rows_done=4, rows_total=10)


def life(store: PostgresEventStore, views: PostgresViews, *facts: Fact) -> OperationView:
    operation = uuid4()
    write(store, operation, 0, requested())
    for version, fact in enumerate(facts, start=1):
        write(store, operation, version, fact)
    view = views.operation(operation)
    assert view is not None
    assert view.version == len(facts) + 1
    return view


def test_an_operation_is_readable_the_moment_it_is_written(store: PostgresEventStore, views: PostgresViews) -> None:
    view = life(store, views)
    assert (view.status, view.percent, view.started_at, view.completed_at) == ("pending", 0, None, None)


def test_progress_shows_what_was_last_reported(store: PostgresEventStore, views: PostgresViews) -> None:
    view = life(store, views, STARTED, PROGRESSED)
    assert (view.status, view.percent, view.message) == ("running", 40.0, "m")
    assert view.started_at is not None


def test_a_second_attempt_keeps_the_first_start(store: PostgresEventStore, views: PostgresViews) -> None:
    first = life(store, views, STARTED)
    assert "attempt" not in (first.message or "")
    again = life(store, views, STARTED, OperationStarted(attempt=2, worker="w2"))
    assert "attempt 2" in (again.message or "")
    assert again.started_at is not None
    assert again.started_at < (life(store, views, STARTED).started_at or again.started_at)


@pytest.mark.parametrize(
    ("end", "status", "percent"),
    [
        (OperationCompleted(message="done"), "completed", 100.0),
        (OperationFailed(code="cast_failed", message="no"), "failed", 40.0),
        (OperationCancelled(reason="no longer wanted"), "cancelled", 40.0),
    ],
)
def test_only_what_is_completed_is_at_one_hundred_percent(
    store: PostgresEventStore, views: PostgresViews, end: Fact, status: str, percent: float
) -> None:
    view = life(
        store, views, STARTED, PROGRESSED, OperationCancellationRequested(reason="r"), OperationPublishing(), end
    )
    assert (view.status, view.percent, view.cancellation_requested) == (status, percent, True)
    assert view.completed_at is not None


def test_operations_are_listed_newest_first_page_by_page(store: PostgresEventStore, views: PostgresViews) -> None:
    table, ids = uuid4(), [uuid4() for _ in range(5)]
    for operation in ids:
        write(store, operation, 0, requested(table))
    write(store, uuid4(), 0, requested())
    where = OperationFilter(table_id=table)
    first = views.operations(where, 3)
    assert [view.operation_id for view in first] == ids[:1:-1]
    assert [view.operation_id for view in views.operations(where, 3, first[-1].operation_id)] == ids[1::-1]
    assert views.operations(OperationFilter(status="failed"), 3) == []


def test_a_page_goes_on_after_a_table_that_is_gone_meanwhile(store: PostgresEventStore, views: PostgresViews) -> None:
    ids = [uuid4() for _ in range(3)]
    for number, table in enumerate(ids):
        write(store, table, 0, registered(f"t{number}"))
    (newest,) = views.tables(TableFilter(), 1)
    write(store, newest.table_id, 1, TableUnregistered())
    assert [view.table_id for view in views.tables(TableFilter(), 10, newest.table_id)] == ids[1::-1]


def test_a_second_attempt_never_shows_less_progress_than_the_first(
    store: PostgresEventStore, views: PostgresViews
) -> None:
    again = OperationStarted(attempt=2, worker="w2")
    view = life(store, views, STARTED, PROGRESSED, again, replace(PROGRESSED, percent=10.0, message="anew"))
    assert (view.percent, view.message) == (40.0, "anew")


def test_a_table_shows_its_current_schema(store: PostgresEventStore, views: PostgresViews) -> None:
    table = uuid4()
    write(store, table, 0, registered())
    changed = people().removed(4)
    write(store, table, 1, SchemaChanged(migration_id=uuid4(), version=2, schema=changed, fingerprint="g"))
    view = views.table(table)
    assert view is not None
    assert (view.schema_version, view.schema) == (2, changed)
    assert view.updated_at > view.created_at


def test_an_unregistered_table_is_gone(store: PostgresEventStore, views: PostgresViews) -> None:
    table = uuid4()
    write(store, table, 0, registered())
    write(store, table, 1, TableUnregistered())
    assert views.table(table) is None
    assert views.tables(TableFilter(dataset_id="d"), 10) == []
