"""What followers are told of an operation is what its view shows, after every event of every life."""

from uuid import uuid4

import pytest
from msgspec.structs import replace

from adapters.event_log.store import PostgresEventStore
from adapters.views.reading import PostgresViews
from domain.facts import Fact
from domain.operation.events import (
    OperationCancellationAcknowledged,
    OperationCancellationRequested,
    OperationCancelled,
    OperationCompleted,
    OperationFailed,
    OperationProgressed,
    OperationPublishing,
    OperationStarted,
)
from domain.operation.telling import told
from domain.views import OperationView
from tests.adapters.conftest import requested, write

STARTED, AGAIN = OperationStarted(attempt=1, worker="w1"), OperationStarted(attempt=2, worker="w2")

ASKED = OperationCancellationRequested(reason="r")


def progressed(percent: float, remaining_ms: int | None = None) -> OperationProgressed:
    return OperationProgressed(
        percent=percent,
        message=f"at {percent}",
        units_done=int(percent),
        units_total=100,
        rows_done=10,
        rows_total=1_000,
        rows_per_second=2.5,
        remaining_ms=remaining_ms,
    )


LIVES: dict[str, list[Fact]] = {
    "completed": [
        STARTED,
        progressed(10.0, 90_000),
        progressed(50.0),
        OperationPublishing(),
        OperationCompleted(message="done", measured_ms=7),
    ],
    "failed at the second attempt": [
        STARTED,
        progressed(40.0),
        AGAIN,
        progressed(5.0, 1),
        OperationFailed(code="c", message="m"),
    ],
    "cancelled": [STARTED, ASKED, OperationCancellationAcknowledged(attempt=1), OperationCancelled(reason="r")],
    "never begun": [ASKED, OperationCancellationAcknowledged(attempt=0), OperationCancelled(reason="r")],
}


@pytest.mark.parametrize("name", LIVES)
@pytest.mark.parametrize("estimated_ms", [None, 1_500])
def test_what_is_told_is_what_the_view_shows(
    store: PostgresEventStore, views: PostgresViews, name: str, estimated_ms: int | None
) -> None:
    operation = uuid4()
    view: OperationView | None = None
    facts = [replace(requested(), estimated_ms=estimated_ms, retries=uuid4()), *LIVES[name]]
    for version, fact in enumerate(facts):
        write(store, operation, version, fact)
        (event,) = store.load(operation, version)
        view = told(view, event)
        assert view == views.operation(operation)
    assert view is not None
    assert view.version == len(facts)
