"""Submit, status and history again, with 1,000,000 events and 10,000 tables in the log, beside the same in a small log.

Both services run at once, on databases of one PostgreSQL, and are put under load in turns. BENCH_EVENTS and
BENCH_TABLES make the large log another size. History is read at its port, at random moments of random tables.
"""

import os
import statistics
from collections.abc import Callable
from random import Random
from uuid import UUID, uuid4

import psycopg
from psycopg import conninfo

from adapters.event_log.recorder import LOG_LOCK, LOG_SQL
from adapters.event_log.store import PostgresEventStore
from adapters.postgres.database import Database
from adapters.postgres.preparing import prepare_database
from adapters.system import RandomIds, SystemClock
from adapters.views.catalogue import VIEWS
from adapters.views.past import PostgresHistory
from adapters.views.rebuilding import PostgresReplays
from benchmarks.measure import ROUNDS, Result, rate_of
from benchmarks.migrated_log import unwatched, write_log
from benchmarks.services import Served, postgres, service
from benchmarks.status import look, new_operations
from benchmarks.submit import new_tables, submit
from domain.history import Moment

EVENTS = int(os.environ.get("BENCH_EVENTS", "1000000"))
TABLES = int(os.environ.get("BENCH_TABLES", "10000"))
SMALL_EVENTS, SMALL_TABLES = 1_000, 50
SUBMISSIONS, LOOKS, READS = 400, 1_000, 500
MOST = 1.3


def measure() -> list[Result]:
    with postgres() as url:
        large, small = _log(url, "large", EVENTS, TABLES), _log(url, "small", SMALL_EVENTS, SMALL_TABLES)
        # While no migration is submitted: reads of the past wait for the views to follow, and nobody makes them here.
        history = _compared("history", _reading(large), _reading(small), READS)
        with service(large, workers=0) as grown, service(small, workers=0) as young:
            pairs = {
                name: (_submitting(served), _looking(served)) for name, served in (("large", grown), ("small", young))
            }
            return [
                _compared("submit", pairs["large"][0], pairs["small"][0], SUBMISSIONS),
                _compared("status", pairs["large"][1], pairs["small"][1], LOOKS),
                history,
            ]


def _compared(name: str, large: Callable[[], object], small: Callable[[], object], count: int) -> Result:
    """Milliseconds of each, in the large log and in the small one."""
    taken: tuple[list[float], list[float]] = ([], [])
    for round_ in range(ROUNDS + 1):
        for times, act in zip(taken, (large, small), strict=True):
            milliseconds = 1_000 / rate_of(act, count)
            if round_:
                times.append(milliseconds)
    ours, peer = map(statistics.median, taken)
    return Result(
        f"growth: {name}", ours, peer, "a log of 1,000 events", "ms", f"at most {MOST} x", ours <= MOST * peer
    )


def _log(url: str, name: str, events: int, tables: int) -> str:
    """The URL of a database with such a log and all its views."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    parts = conninfo.conninfo_to_dict(url)
    place = f"postgresql://{parts['user']}@/{name}?host={parts['host']}"
    prepare_database(place, LOG_SQL)
    write_log(place, events, tables)
    database = Database(place)
    try:
        store = PostgresEventStore(database, SystemClock(), RandomIds())
        replays = PostgresReplays(place, database, store, VIEWS, LOG_LOCK)
        replays.rebuild(replays.names, uuid4().hex, unwatched)
    finally:
        database.close()
    with psycopg.connect(place, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    return place


def _submitting(served: Served) -> Callable[[], object]:
    tables, rounds = new_tables(served, 40), iter(range(1_000))
    return lambda: submit(served, tables, next(rounds), SUBMISSIONS)


def _looking(served: Served) -> Callable[[], object]:
    operations = new_operations(served)
    return lambda: look(served, operations, LOOKS)


def _reading(url: str) -> Callable[[], object]:
    with psycopg.connect(url) as connection:
        query = "SELECT table_id, min(known_at), max(known_at) FROM schema_versions_v2 GROUP BY 1"
        lives: list[tuple[UUID, object, object]] = connection.execute(query).fetchall()
    chance, database = Random(7), Database(url, size=1)
    history = PostgresHistory(database)

    def read() -> None:
        for _ in range(READS):
            table, first, last = chance.choice(lives)
            moment = first + chance.random() * (last - first)  # type: ignore[operator]
            assert history.schema_at(table, Moment(at=moment, known_at=moment)) is not None

    return read
