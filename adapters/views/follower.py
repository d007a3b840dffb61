"""Following the log: an asynchronous projection kept up to date by one elected thread among all processes."""

import logging
from collections.abc import Callable, Iterable
from threading import Event, Thread
from typing import NamedTuple

import psycopg
from psycopg.rows import dict_row

from adapters.postgres.database import Connection, Statement, border, run
from domain.errors import LogUnavailable
from domain.facts import Recorded
from domain.ports import EventStore

log = logging.getLogger("schemaledger.views")

BATCH = 1_000
"""Events of one transaction."""
IDLE_SECONDS = 1.0
"""How long a follower sleeps at most when no wake-up reaches it, and between two candidatures."""

TRACKED = "SELECT position FROM projections WHERE name = %(name)s"
ELECT = "SELECT pg_try_advisory_lock(hashtextextended(%(name)s, 0)) AS elected"
ADVANCE = """
INSERT INTO projections (name, position) VALUES (%(name)s, %(position)s)
ON CONFLICT (name) DO UPDATE SET position = excluded.position
"""
BEGIN = "INSERT INTO projections (name, position) VALUES (%(name)s, 0) ON CONFLICT (name) DO NOTHING"
HOLD = "SELECT position FROM projections WHERE name = %(name)s FOR UPDATE"


class Projection(NamedTuple):
    """``name`` carries the version of its shape; ``statements`` is what one event does to the view."""

    name: str
    statements: Callable[[Recorded], Iterable[Statement]]


class Follower:
    """A thread that takes the projection's lock, or waits for it, and applies the log batch by batch."""

    def __init__(self, url: str, store: EventStore, projection: Projection) -> None:
        self._url, self._store, self._projection = url, store, projection
        self._wake, self._stop = Event(), Event()
        self._thread = Thread(target=self._run, name=f"follow-{projection.name}", daemon=True)

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
                self._follow()
            except LogUnavailable as refusal:
                log.warning("view %s waits for the log: %s", self._projection.name, refusal)
            except Exception:
                log.exception("view %s stopped at an event; trying again", self._projection.name)
            self._stop.wait(IDLE_SECONDS)

    def _follow(self) -> None:
        """Until stopped, or until the connection that holds the lock is lost."""
        with (
            border(),
            psycopg.connect(self._url, autocommit=True, row_factory=dict_row, connect_timeout=2) as connection,
        ):
            while not self._stop.is_set() and not self._elected(connection):
                self._stop.wait(IDLE_SECONDS)
            while not self._stop.is_set():
                self._wake.clear()
                if not self._advance(connection):
                    self._wake.wait(IDLE_SECONDS)

    def _elected(self, connection: Connection) -> bool:
        row = run(connection, Statement(ELECT, {"name": f"view {self._projection.name}"})).fetchone()
        return bool(row and row["elected"])

    def _advance(self, connection: Connection) -> bool:
        """Applies one batch with its tracking in one transaction. False: there was nothing new."""
        name = {"name": self._projection.name}
        row = run(connection, Statement(TRACKED, name)).fetchone()
        position = row["position"] if row else 0
        events = self._store.read(position, BATCH)
        if not events:
            return False
        run(connection, Statement(BEGIN, name))
        with connection.transaction():
            held = run(connection, Statement(HOLD, name)).fetchone()
            if held is None or held["position"] != position:
                # The view was rebuilt meanwhile, and stands elsewhere.
                return True
            with connection.pipeline():
                for event in events:
                    for statement in self._projection.statements(event):
                        run(connection, statement)
                run(connection, Statement(ADVANCE, {**name, "position": events[-1].position}))
        return True
