"""Work beside the log that one thread among all processes does: whoever holds its lock."""

import logging
from collections.abc import Callable
from threading import Event, Thread

from adapters.postgres.connecting import ELECTION
from adapters.postgres.database import connected
from adapters.postgres.statements import Connection, Statement, run
from domain.errors import LogUnavailable

log = logging.getLogger("schemaledger.views")

IDLE_SECONDS = 1.0
"""How long it sleeps at most when no wake-up reaches it, and between two candidatures."""

SECONDS_TO_GATHER = 0.005
"""How long a call may wait for what comes right after it: an operation's events come in a burst, each with its news."""
LONGEST_PAUSE = 60.0
"""Seconds between two tries at most while something does not go."""

ELECT = "SELECT pg_try_advisory_lock(hashtextextended(%(name)s, 0)) AS elected"


class Elected:
    """A thread that takes the lock of the name, or waits for it, and calls ``advance`` as long as there is work.

    ``advance`` is given the connection that holds the lock, and says whether there was something to do. ``stands`` says
    whether it stands for election at all.
    """

    def __init__(
        self,
        url: str,
        name: str,
        advance: Callable[[Connection], bool],
        stands: Callable[[Connection], bool] = lambda _: True,
    ) -> None:
        self._url, self._name, self._advance, self._stands = url, name, advance, stands
        self._wake, self._stop = Event(), Event()
        self._pause = IDLE_SECONDS
        self._thread = Thread(target=self._run, name=name.replace(" ", "-"), daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """There may be something new in the log."""
        self._wake.set()

    def stop(self) -> None:
        self._stop.set()
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._work()
            except LogUnavailable as refusal:
                log.warning("%s waits for the log: %s", self._name, refusal)
            except Exception:
                log.exception("%s cannot go on; trying again in %s s", self._name, self._pause)
                self._stop.wait(self._pause)
                self._pause = min(2 * self._pause, LONGEST_PAUSE)
                continue
            self._stop.wait(IDLE_SECONDS)

    def _work(self) -> None:
        """Until stopped, or until the connection that holds the lock is lost."""
        with connected(self._url, ELECTION) as connection:
            while not self._stop.is_set() and not self._elected(connection):
                self._stop.wait(IDLE_SECONDS)
            while not self._stop.is_set():
                self._wake.clear()
                found = self._advance(connection)
                self._pause = IDLE_SECONDS
                if not found and self._wake.wait(IDLE_SECONDS):
                    # What follows within a moment is done with it; and who starts an operation goes before.
                    self._stop.wait(SECONDS_TO_GATHER)

    def _elected(self, connection: Connection) -> bool:
        if not self._stands(connection):
            return False
        row = run(connection, Statement(ELECT, {"name": self._name})).first
        return bool(row and row["elected"])
