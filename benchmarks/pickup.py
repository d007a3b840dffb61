"""From the answer 202 to the worker's ``operation.started`` in the log, beside one NOTIFY round trip.

One migration at a time, each on a table of its own, so that none waits for another. Both ends are read off this
machine's clock: the answer by the caller, the start by the database.
"""

import statistics
import time
from datetime import datetime

import psycopg

from benchmarks.measure import Result
from benchmarks.services import Served, postgres, service
from benchmarks.submit import COMMENT, new_tables

MIGRATIONS, WARM_UP, TRIPS = 60, 10, 200
STARTED = """
SELECT recorded_at FROM stored_events WHERE originator_id = %s AND topic = 'operation.started'
ORDER BY originator_version LIMIT 1
"""


def measure() -> Result:
    with postgres() as url, service(url) as served, psycopg.connect(url, autocommit=True) as connection:
        taken = [_pickup(served, connection, table) for table in new_tables(served, MIGRATIONS + WARM_UP)]
        ours, peer = 1_000 * statistics.median(taken[WARM_UP:]), 1_000 * _round_trip(url)
    met = ours <= 10 * peer and ours < 20
    return Result("pickup", ours, peer, "one NOTIFY round trip", "ms", "at most 10 x, under 20 ms", met)


def _pickup(served: Served, connection: "psycopg.Connection[tuple[datetime]]", table: str) -> float:
    """Seconds; the migration has ended when this returns."""
    answer = served.http.post(
        f"/dataset-tables/{table}/migrations",
        content=COMMENT % (1, 1),
        headers={"Content-Type": "application/json"},
    )
    answered = time.time()
    assert answer.status_code == 202, answer.text
    operation, status = answer.json()["operationId"], "pending"
    while status in ("pending", "running"):
        status = served.http.get(f"/operations/{operation}", params={"wait": 5}).json()["status"]
    assert status == "completed"
    row = connection.execute(STARTED, (operation,)).fetchone()
    assert row is not None
    return row[0].timestamp() - answered


def _round_trip(url: str) -> float:
    """The median of the seconds from NOTIFY on one connection to its arrival on another, waiting one."""
    taken = []
    with (
        psycopg.connect(url, autocommit=True) as speaker,
        psycopg.connect(url, autocommit=True) as listener,
    ):
        listener.execute("LISTEN bench")
        for _ in range(TRIPS):
            began = time.perf_counter()
            speaker.execute("NOTIFY bench")
            next(listener.notifies(timeout=5))
            taken.append(time.perf_counter() - began)
    return statistics.median(taken)
