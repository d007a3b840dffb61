"""Whether a worker gets on with its attempt: a lease is not renewed for one that does not."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LONGEST_QUIET = 300.0
"""Seconds: far beyond what an engine's call may be quiet, and any wait for the log has ended long before."""


class Vigil:
    """Over one attempt at a time; between them nobody is expected to get on with anything."""

    def __init__(self, seconds: float = LONGEST_QUIET, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._last: float | None = None

    @contextmanager
    def kept(self) -> Iterator[None]:
        self._last = self._clock()
        try:
            yield
        finally:
            self._last = None

    def progressed(self) -> None:
        if self._last is not None:
            self._last = self._clock()

    @property
    def is_quiet(self) -> bool:
        """Whether an attempt has not got on for too long."""
        last = self._last
        return last is not None and self._clock() - last > self._seconds
