"""Units prepared by threads of this process, as many at once as there are threads and as fit in memory."""

import ctypes
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Condition

from domain.engine import Job, Preparing, TableEngine, Unit
from domain.weight import refuse_what_does_not_fit

CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


class LocalExecutor:
    """Implements ``Executor``. ``memory`` is in bytes; None: no limit."""

    def __init__(self, threads: int, memory: int | None = None) -> None:
        self._threads, self._memory = threads, memory

    def begin(self, engine: TableEngine, job: Job) -> Preparing:
        refuse_what_does_not_fit(job, self._memory)
        return _Threads(engine, job, self._threads, self._memory)

    def close(self) -> None:
        """There is nothing to let go of: threads end with their attempt."""


class _Threads:
    def __init__(self, engine: TableEngine, job: Job, threads: int, memory: int | None) -> None:
        self._engine, self._job = engine, job
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="prepare")
        self._room = Room(memory)

    def submit(self, unit: Unit, prepared: Mapping[str, bytes]) -> Future[bytes]:
        return self._pool.submit(self._prepare, unit, prepared)

    def close(self, *, wait: bool) -> None:
        self._room.close()
        self._pool.shutdown(wait=wait, cancel_futures=True)

    def _prepare(self, unit: Unit, prepared: Mapping[str, bytes]) -> bytes:
        with self._room.taken(unit.memory):
            return self._engine.prepare(self._job, unit, prepared)


class Room:
    """Memory that is shared: whoever finds none waits, but never when nobody else is in."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._held, self._inside, self._closed = 0, 0, False
        self._changed = Condition()

    @contextmanager
    def taken(self, amount: int) -> Iterator[None]:
        """Holds so many bytes. Raises CancelledError when the room closes before there is place."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._fits(amount))
            if self._closed:
                raise CancelledError
            self._held += amount
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._held -= amount
                self._inside -= 1
                self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _fits(self, amount: int) -> bool:
        return self._limit is None or not self._inside or self._held + amount <= self._limit


M_MMAP_THRESHOLD, LARGE = -3, 1 << 20
READING_THREADS = "LANCE_IO_THREADS"
FEWEST_READING, MOST_READING = 2, 8
BYTES_FOR_EACH_READING = 64 << 20
"""Of the limit: what one of Lance's reading threads has in its hands is about half of that."""


def be_frugal(limit: int) -> None:
    """Has this process give large pieces of memory back at once, and read no further ahead than ``limit`` allows.

    Otherwise the allocator of glibc keeps what each of Lance's many threads freed for later: half as much again. To be
    called before anything is read; how many threads read is asked for once (pylance 14 hangs with a single one).
    """
    reading = max(FEWEST_READING, min(MOST_READING, limit // BYTES_FOR_EACH_READING))
    os.environ.setdefault(READING_THREADS, str(reading))
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE)


def memory_of_this_machine() -> int:
    """Bytes that there are for this process: those of the machine, or of the container around it if fewer."""
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in CGROUP_LIMITS:
        with suppress(OSError, ValueError):
            there = min(there, int(limit.read_text()))
    return there
