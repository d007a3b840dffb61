"""Durable appends of one-event commands by 8 writers: our recorder (lock, inline view and lease included) beside the
library's stock recorder on the same pool. Both are checked to have written every event."""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder

from adapters.embedded_postgres import EmbeddedPostgres
from adapters.event_log.recorder import LOG_SQL, Datastore
from adapters.event_log.store import PostgresEventStore
from adapters.postgres.database import Database
from adapters.postgres.preparing import prepare_database
from adapters.system import RandomIds, SystemClock
from api.compose import INLINE
from benchmarks.measure import Result, in_turns
from domain.facts import Append, Origin
from domain.operation.events import OperationRequested

WRITERS, EVENTS = 8, 400


def measure() -> Result:
    with tempfile.TemporaryDirectory() as folder:
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        url = postgres.start()
        database = Database(url, size=WRITERS)
        try:
            return _measure(url, database)
        finally:
            database.close()
            postgres.stop()


def _measure(url: str, database: Database) -> Result:
    prepare_database(url, LOG_SQL)
    store = PostgresEventStore(database, SystemClock(), RandomIds(), inline=INLINE)
    stock = PostgresApplicationRecorder(Datastore(database), events_table_name="stock_events")
    stock.create_table()
    state = bytes(300)

    def ours(_: int) -> None:
        table = uuid4()
        asked = OperationRequested(
            table_id=table, operation_type="migration", target_type="table", target_id=str(table), description="why"
        )
        store.append([Append(stream=uuid4(), expected_version=0, facts=(asked,))], Origin(actor="bench"))

    def peer(_: int) -> None:
        stock.insert_events([StoredEvent(uuid4(), 1, "operation.requested", state)])

    with ThreadPoolExecutor(WRITERS) as pool:
        seconds = in_turns(lambda: list(pool.map(ours, range(EVENTS))), lambda: list(pool.map(peer, range(EVENTS))))
    for name in ("stored_events", "stock_events"):
        row = database.row(f"SELECT count(*) AS written FROM {name}", {})
        assert row is not None
        assert row["written"] % EVENTS == 0
    rates = EVENTS / seconds[0], EVENTS / seconds[1]
    return Result("append", *rates, "stock recorder, same pool", "appends/s", "at least 3 x", rates[0] >= 3 * rates[1])
