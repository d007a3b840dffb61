"""Signs that an engine works: the processor time of its threads, on Linux; elsewhere that of the whole process."""

import os
import threading
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

TASKS = Path("/proc/self/task")
TICKS = os.sysconf("SC_CLK_TCK")
UTIME, STIME = 11, 12
"""Where user and system time stand behind a task's name (proc(5))."""


def worked(callers: Collection[int]) -> float:
    """Seconds of processor time of the threads that make the engine's calls, and of those that its library started.

    ``callers`` are the native ids of the former. What this process does beside the engine is left out: views that are
    followed and messages that are sent say nothing of a table.
    """
    if not TASKS.exists():
        return time.process_time()
    ours = {thread.native_id for thread in threading.enumerate()} - set(callers)
    total = 0
    for task in TASKS.iterdir():
        if int(task.name) not in ours:
            # A thread may end between the listing and the look.
            with suppress(OSError):
                fields = (task / "stat").read_text().rpartition(")")[2].split()
                total += int(fields[UTIME]) + int(fields[STIME])
    return total / TICKS
