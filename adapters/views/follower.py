"""Following the log: an asynchronous projection kept up to date by one elected thread among all processes."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from adapters.postgres.database import AWAY, reason_of
from adapters.postgres.elected import Elected
from adapters.postgres.statements import Connection, Statement, queue, run
from domain.errors import Refusal
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


TROUBLE = """
INSERT INTO projection_troubles (name, position, message) VALUES (%(name)s, %(position)s, %(message)s)
ON CONFLICT (name) DO UPDATE SET position = excluded.position, message = excluded.message,
    since = CASE WHEN projection_troubles.position = excluded.position
        THEN projection_troubles.since ELSE excluded.since END
"""
OVER = "DELETE FROM projection_troubles WHERE name = %(name)s"


class Projection(NamedTuple):
    """``name`` carries the version of its shape; ``statements`` is what one event does to the view."""

    name: str
    statements: Callable[[Recorded], Iterable[Statement]]


class Follower(Elected):
    """Applies the log to the view, batch by batch; one by one up to an event that it cannot get past, no further."""

    def __init__(self, url: str, store: EventStore, projection: Projection) -> None:
        super().__init__(url, f"view {projection.name}", self._advance_view)
        self._store, self._projection = store, projection
        self._key, self._batch = {"name": projection.name}, BATCH
        self._troubled = True
        """Whether there may be a note of trouble: an earlier process may have left one."""

    def _advance_view(self, connection: Connection) -> bool:
        """Applies what comes next. False: there was nothing new. Raises what an event cannot be applied for."""
        row = run(connection, Statement(TRACKED, self._key)).first
        position = row["position"] if row else 0
        try:
            events = self._store.read(position, self._batch)
            if events:
                self._apply(connection, position, events)
        except (Refusal, *AWAY):
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, it is noted, and raised in the end
            self._stumble(connection, position, error)
            return True
        if self._troubled and (events or self._batch == BATCH):
            run(connection, Statement(OVER, self._key))
            self._troubled, self._batch = False, BATCH
        return bool(events)

    def _apply(self, connection: Connection, position: int, events: Sequence[Recorded]) -> None:
        """With the tracking in one transaction."""
        run(connection, Statement(BEGIN, self._key))
        with connection.transaction():
            held = run(connection, Statement(HOLD, self._key)).first
            if held is None or held["position"] != position:
                # The view was rebuilt meanwhile, and stands elsewhere.
                return
            with connection.pipeline():
                for event in events:
                    for statement in self._projection.statements(event):
                        queue(connection, statement)
                queue(connection, Statement(ADVANCE, {**self._key, "position": events[-1].position}))

    def _stumble(self, connection: Connection, position: int, error: Exception) -> None:
        """Of many, the one that stands in the way is looked for; of one, it is noted and raised."""
        if self._batch > 1:
            self._batch = 1
            return
        self._troubled = True
        said = f"{type(error).__name__}: {reason_of(error)}"
        run(connection, Statement(TROUBLE, {**self._key, "position": position + 1, "message": said}))
        raise error
