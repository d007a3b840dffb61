"""One ``serve`` on one data folder: a second would take away its metrics, and wait for a PostgreSQL that others end.

The lock ends with the process that holds it, however it ends; processes forked from it hold nothing.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LOOKS, SECONDS_BETWEEN_LOOKS = 20, 0.1


class Taken(Exception):
    """Another process serves the folder; its number, as far as it is known."""


_held = set[int]()


@contextmanager
def alone_on(folder: Path) -> Iterator[None]:
    """Raises Taken, and OSError where the folder cannot be written to."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / "serve.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _taken(lock):
            raise Taken(os.read(lock, 20).decode(errors="replace").strip() or "unknown")
        _held.add(lock)
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        _held.discard(lock)
        os.close(lock)


def _taken(lock: int) -> bool:
    """Waits a moment for one that is ending, or that was killed while it was forking."""
    for _ in range(LOOKS):
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(SECONDS_BETWEEN_LOOKS)
    return False


def _let_go() -> None:
    while _held:
        os.close(_held.pop())


os.register_at_fork(after_in_child=_let_go)
