"""Following the log: an asynchronous projection kept up to date by one elected thread among all processes."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from adapters.postgres.database import Connection, Statement, run
from adapters.postgres.elected import Elected
from domain.facts import Recorded
from domain.ports import EventStore

BATCH = 1_000
"""Events of one transaction."""

TRACKED = "SELECT position FROM projections WHERE name = %(name)s"
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


class Follower(Elected):
    """Applies the log to the view, batch by batch."""

    def __init__(self, url: str, store: EventStore, projection: Projection) -> None:
        super().__init__(url, f"view {projection.name}", self._apply)
        self._store, self._projection = store, projection

    def _apply(self, connection: Connection) -> bool:
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
