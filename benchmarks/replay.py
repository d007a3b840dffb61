"""Every view, and the status view alone, rebuilt from the log, beside the library's ProjectionRunner with the latter.

The log holds migrations of 200 tables as the service writes them, 50 under way at a time, with ten reports of progress
each. BENCH_EVENTS says how many events (default 100,000; a million take some minutes to write). The runner goes over
the first 2,000 of them, one commit for each, at a steady pace. Ours is checked: no operation and no version is missing.
"""

import os
import resource
import statistics
import time
from collections.abc import Sequence
from uuid import uuid4

from adapters.event_log.recorder import LOG_LOCK, LOG_SQL
from adapters.event_log.store import PostgresEventStore
from adapters.postgres.database import Database
from adapters.postgres.preparing import prepare_database
from adapters.system import RandomIds, SystemClock
from adapters.views.catalogue import VIEWS
from adapters.views.rebuilding import PostgresReplays
from benchmarks.measure import Result
from benchmarks.migrated_log import unwatched, write_log
from benchmarks.runner import run_status_view
from benchmarks.services import postgres

EVENTS = int(os.environ.get("BENCH_EVENTS", "100000"))
TABLES, PEER_EVENTS, ROUNDS = 200, 2_000, 3
CHECK = """
SELECT (SELECT count(*) FROM operation_status_v1) AS operations, (SELECT count(*) FROM schema_versions_v2) AS versions,
    (SELECT count(*) FROM stored_events WHERE topic = 'operation.requested') AS requested,
    (SELECT count(*) FROM stored_events WHERE topic IN ('table.registered', 'table.schema_changed')) AS changed
"""


def measure() -> list[Result]:
    with postgres() as url:
        database = Database(url)
        try:
            prepare_database(url, LOG_SQL)
            write_log(url, EVENTS, TABLES)
            return _measure(url, database)
        finally:
            database.close()


def _measure(url: str, database: Database) -> list[Result]:
    store = PostgresEventStore(database, SystemClock(), RandomIds())
    replays = PostgresReplays(url, database, store, VIEWS, LOG_LOCK)
    ours, alone, peer = list[float](), list[float](), list[float]()
    for _ in range(ROUNDS):
        alone.append(_rebuild(replays, ("operation_status",)))
        ours.append(_rebuild(replays, replays.names))
        _check(database)
        peer.append(PEER_EVENTS / run_status_view(url, PEER_EVENTS))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{EVENTS:,} events; the process held {peak:,.0f} MB at most")
    runner = statistics.median(peer)
    return [
        _result("replay", statistics.median(ours), runner, f"ProjectionRunner with one view, not {len(VIEWS)}"),
        _result("replay_1", statistics.median(alone), runner, "ProjectionRunner, the same one view"),
    ]


def _result(name: str, ours: float, peer: float, peer_name: str) -> Result:
    return Result(name, ours, peer, peer_name, "events/s", "at least 50 x", ours >= 50 * peer)


def _rebuild(replays: PostgresReplays, names: Sequence[str]) -> float:
    began = time.perf_counter()
    rebuilt = replays.rebuild(names, uuid4().hex, unwatched)
    return rebuilt.events / (time.perf_counter() - began)


def _check(database: Database) -> None:
    row = database.row(CHECK, {})
    assert row is not None
    assert row["operations"] == row["requested"] > 0
    assert row["versions"] == row["changed"] > 0
