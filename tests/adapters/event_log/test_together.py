"""What commands of one transaction write is what they would have written one after the other."""

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.event_log.recorder import Datastore, Insertion, Recorder
from adapters.event_log.store import PostgresEventStore
from adapters.postgres.database import Database
from adapters.system import RandomIds, SystemClock
from adapters.views.catalogue import INLINE
from domain.facts import Append, Origin
from domain.operation.events import OperationFact, OperationRequested, OperationStarted

TABLES = [uuid4() for _ in range(3)]
LEASES = "SELECT operation_id, table_id, held, turn IS NULL AS waits, rank() OVER (ORDER BY turn) FROM operation_leases"
STATUS = "SELECT operation_id, version, table_id, status, description, awaits, message FROM operation_status_v1"

Asked = tuple[int, bool]
"""Of which table, and whether it awaits an approval."""


@pytest.fixture
def database(database_url: str) -> Any:
    database = Database(database_url)
    yield database
    database.close()


def requested(asked: Asked, number: int) -> OperationRequested:
    table = TABLES[asked[0]]
    return OperationRequested(
        table_id=table,
        operation_type="migration",
        target_type="table",
        target_id=str(table),
        description=f"the {number}th, it's \\ {{said}}",
        awaits="approval" if asked[1] else None,
    )


def insertion_of(store: PostgresEventStore, stream: UUID, *facts: OperationFact) -> Insertion:
    append = Append(stream=stream, expected_version=0, facts=facts)
    made, locked = store._locked([append], Origin())
    return Insertion([event.stored for event in made], [each for one in locked for each in store._views(one)])


def written(database: Database, insertions: Sequence[Insertion], write: Callable[[Recorder], object]) -> list[Any]:
    """The rows of the views afterwards, with operations by their number."""
    with database.pool.connection() as connection:
        connection.execute("TRUNCATE operation_leases, operation_status_v1 CASCADE")
    write(Recorder(Datastore(database)))
    number = {insertion.events[0].originator_id: n for n, insertion in enumerate(insertions)}
    rows = [tuple(row.values()) for sql in (LEASES, STATUS) for row in database.rows(sql, {})]
    return sorted(str((number[row[0]], *row[1:])) for row in rows)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=6),
)
def test_together_is_as_one_after_the_other(database: Database, before: list[Asked], asked: list[Asked]) -> None:
    store = PostgresEventStore(database, SystemClock(), RandomIds(), inline=INLINE)

    def batch() -> tuple[list[Insertion], list[Insertion]]:
        numbers = count()
        return (
            [insertion_of(store, uuid4(), requested(each, next(numbers))) for each in before],
            [insertion_of(store, uuid4(), requested(each, next(numbers))) for each in asked],
        )

    first, then = batch()
    together = written(
        database, first + then, lambda recorder: [recorder.insert_together(first), recorder.insert_together(then)]
    )
    first, then = batch()
    apart = written(database, first + then, lambda recorder: [recorder.insert_together([one]) for one in first + then])
    assert together == apart


def test_what_is_not_alike_keeps_its_order(database: Database) -> None:
    store = PostgresEventStore(database, SystemClock(), RandomIds(), inline=INLINE)
    one, two = uuid4(), uuid4()
    started = OperationStarted(attempt=1, worker="w")
    insertions = [
        insertion_of(store, one, requested((0, False), 0), started),
        insertion_of(store, two, requested((0, False), 1)),
    ]
    places = Recorder(Datastore(database)).insert_together(insertions)
    assert [len(share) for share in places] == [2, 1]
    positions = [place.position for share in places for place in share]
    assert positions == list(range(positions[0], positions[0] + 3))
    rows = database.rows("SELECT operation_id, status FROM operation_status_v1 ORDER BY position", {})
    assert [(row["operation_id"], row["status"]) for row in rows] == [(one, "running"), (two, "pending")]
