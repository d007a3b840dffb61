"""Durable appends of one-event commands by 8 writers: our recorder (lock, inline view and lease included) beside the
library's stock recorder on the same pool. Both are checked to have written every event."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from uuid import uuid4

import psycopg
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder

from adapters.event_log.recorder import LOG_SQL, Datastore
from adapters.event_log.store import PostgresEventStore
from adapters.postgres.database import Database
from adapters.postgres.preparing import prepare_database
from adapters.system import RandomIds, SystemClock
from adapters.views.catalogue import INLINE
from benchmarks.measure import ROUNDS, Result, in_turns
from benchmarks.services import postgres
from domain.facts import Append, Origin
from domain.operation.events import OperationRequested

WRITERS, EVENTS = 8, 400


def measure() -> Result:
    with postgres() as url, appending(url) as append, _stock(url) as peer:
        seconds = in_turns(append, peer)
        _check(url)
    rates = EVENTS / seconds[0], EVENTS / seconds[1]
    return Result("append", *rates, "stock recorder, same pool", "appends/s", "at least 3 x", rates[0] >= 3 * rates[1])


@contextmanager
def appending(url: str) -> Iterator[Callable[[], object]]:
    """Writes EVENTS requests for operations, each an append of its own, by as many threads as there are WRITERS."""
    prepare_database(url, LOG_SQL)
    database = Database(url, size=WRITERS)
    store = PostgresEventStore(database, SystemClock(), RandomIds(), inline=INLINE)

    def append(_: int) -> None:
        table = uuid4()
        asked = OperationRequested(
            table_id=table, operation_type="migration", target_type="table", target_id=str(table), description="why"
        )
        store.append([Append(stream=uuid4(), expected_version=0, facts=(asked,))], Origin(actor="bench"))

    with _by_many(append) as act:
        yield act
    database.close()


@contextmanager
def _stock(url: str) -> Iterator[Callable[[], object]]:
    database = Database(url, size=WRITERS)
    stock = PostgresApplicationRecorder(Datastore(database), events_table_name="stock_events")
    stock.create_table()
    state = bytes(300)
    with _by_many(lambda _: stock.insert_events([StoredEvent(uuid4(), 1, "operation.requested", state)])) as act:
        yield act
    database.close()


@contextmanager
def _by_many(act: Callable[[int], object]) -> Iterator[Callable[[], object]]:
    with ThreadPoolExecutor(WRITERS) as pool:
        yield lambda: list(pool.map(act, range(EVENTS)))


def _check(url: str) -> None:
    with psycopg.connect(url) as connection:
        for name in ("stored_events", "stock_events", "operation_status_v1", "operation_leases"):
            row = connection.execute(f"SELECT count(*) FROM {name}".encode()).fetchone()
            assert row == ((ROUNDS + 1) * EVENTS,), (name, row)
