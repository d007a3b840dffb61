"""The CPU of an idle ``serve``: all its processes, PostgreSQL's too, over 30 seconds, as a share of one core."""

import os
import time
from pathlib import Path

from benchmarks.measure import Result
from benchmarks.services import service

SECONDS, SETTLING = 30.0, 5.0
TICKS = os.sysconf("SC_CLK_TCK")


def measure() -> Result:
    with service() as served:
        time.sleep(SETTLING)
        before, began = _seconds_of_tree(served.process.pid), time.perf_counter()
        time.sleep(SECONDS)
        used, over = _seconds_of_tree(served.process.pid) - before, time.perf_counter() - began
    percent = 100 * used / over
    return Result("idle", percent, 100.0, "one core", "% CPU", "under 2 %", percent < 2)


def _seconds_of_tree(root: int) -> float:
    """CPU seconds of a process, of those it started, and of the children of theirs that have ended."""
    parents, used = dict[int, int](), dict[int, int]()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)], used[int(entry.name)] = int(fields[1]), sum(map(int, fields[11:15]))
    mine = [process for process in parents if _is_of(process, root, parents)]
    return sum(used[process] for process in mine) / TICKS


def _is_of(process: int, root: int, parents: dict[int, int]) -> bool:
    while process != root and process in parents:
        process = parents[process]
    return process == root
