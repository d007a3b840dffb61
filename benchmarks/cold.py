"""``serve`` from nothing to ready: a new data folder, PostgreSQL and token; code and libraries are in the page cache.

Beside it stands the start of a bare embedded PostgreSQL on a new folder, which is most of what cannot be done without.
"""

import statistics
import time

from benchmarks.measure import ROUNDS, Result
from benchmarks.services import postgres, service

GOAL_SECONDS = 3.0


def measure() -> Result:
    ours, peer = list[float](), list[float]()
    for round_ in range(ROUNDS + 1):
        seconds = _until_ready(), _until_started()
        if round_:
            ours.append(seconds[0])
            peer.append(seconds[1])
    one, other = statistics.median(ours), statistics.median(peer)
    return Result("cold", one, other, "PostgreSQL alone, from nothing", "s", "under 3 s", one < GOAL_SECONDS)


def _until_ready() -> float:
    began = time.perf_counter()
    with service():
        return time.perf_counter() - began


def _until_started() -> float:
    began = time.perf_counter()
    with postgres():
        return time.perf_counter() - began
