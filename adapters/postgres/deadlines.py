"""No wait for an answer is for ever: a connection that stays silent for too long is cut, and its caller is told.

libpq waits as long as the kernel does, which for a server that froze, or a failover that nobody announced, is hours.
One thread of a process looks at all its connections now and then, and shuts down the socket of each whose answer is
overdue. The statements themselves pay two assignments for it.
"""

import logging
import math
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Condition, Thread
from time import monotonic

import psycopg

log = logging.getLogger("schemaledger.log")

SECONDS_BETWEEN_LOOKS = 0.5


class NoAnswer(psycopg.OperationalError):
    """PostgreSQL was silent for too long. Whether it did what it was asked for is not known."""


class Line:
    """One connection, as the watchdog sees it. ``seconds`` is how long an answer may take."""

    def __init__(self, descriptor: int, seconds: float) -> None:
        # Of our own: that of libpq may be another connection's by the time it is shut down.
        self._socket = socket.socket(fileno=os.dup(descriptor))
        self.seconds, self.until, self.opened_at = seconds, math.inf, monotonic()
        self.is_cut = False
        self.on_silence: Callable[[Line], object] | None = None

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Answers may take no longer than this meanwhile."""
        before, self.seconds = self.seconds, min(self.seconds, seconds)
        try:
            yield
        finally:
            self.seconds = before

    @contextmanager
    def awaiting(self) -> Iterator[None]:
        """For what waits in Python anyway; ``statements.py`` sets ``until`` itself. Raises NoAnswer."""
        self.until = monotonic() + self.seconds
        try:
            yield
        except psycopg.Error as error:
            if self.is_cut:
                raise self.silence() from error
            raise
        finally:
            self.until = math.inf

    def silence(self) -> NoAnswer:
        return NoAnswer(f"PostgreSQL has not answered within {self.seconds:.0f} s")

    def cut(self) -> None:
        """Whoever waits is told that the connection is lost."""
        self.is_cut = True
        if self.on_silence is not None:
            try:
                self.on_silence(self)
            except Exception:
                log.exception("other connections could not be given up")
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        WATCHDOG.forget(self)
        self._socket.close()


class Watchdog:
    """A thread that lives as long as there are connections."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Nothing is watched; also after a fork, which takes no threads along."""
        self._lines, self._changed = set[Line](), Condition()
        self._thread: Thread | None = None

    def watch(self, line: Line) -> None:
        with self._changed:
            self._lines.add(line)
            if self._thread is None:
                self._thread = Thread(target=self._run, name="watchdog", daemon=True)
                self._thread.start()

    def forget(self, line: Line) -> None:
        with self._changed:
            self._lines.discard(line)
            if not self._lines:
                self._changed.notify()

    def _run(self) -> None:
        while (overdue := self._overdue()) is not None:
            for line in overdue:
                line.cut()

    def _overdue(self) -> list[Line] | None:
        """After a pause, the connections to cut. None: there is nothing left to watch."""
        with self._changed:
            if self._lines:
                self._changed.wait(SECONDS_BETWEEN_LOOKS)
            if not self._lines:
                self._thread = None
                return None
            now = monotonic()
            return [line for line in self._lines if line.until < now]


WATCHDOG = Watchdog()
os.register_at_fork(after_in_child=WATCHDOG.reset)
