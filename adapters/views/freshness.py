"""Reading an asynchronous view only once it shows all that the log held when the read began, or after a moment."""

import time
from collections.abc import Callable

from adapters.postgres.database import Database

SECONDS_TO_CATCH_UP = 2.0
"""How long a read of an asynchronous view waits for it to reach the log's head of that moment."""
SECONDS_BETWEEN_LOOKS = 0.01

STANDS = """
SELECT (SELECT coalesce(max(notification_id), 0) FROM stored_events) AS head,
    coalesce((SELECT position FROM projections WHERE name = %(name)s), 0) AS reached
"""


class Freshness:
    """Waits for projections by their names."""

    def __init__(
        self,
        database: Database,
        seconds: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._database, self._seconds, self._sleep = database, seconds, sleep

    def catch_up(self, projection: str) -> None:
        head, reached = self._stands(projection)
        deadline = self._seconds() + SECONDS_TO_CATCH_UP
        while reached < head and self._seconds() < deadline:
            self._sleep(SECONDS_BETWEEN_LOOKS)
            _, reached = self._stands(projection)

    def _stands(self, projection: str) -> tuple[int, int]:
        """The log's last position, and the one that the projection has reached."""
        row = self._database.row(STANDS, {"name": projection})
        assert row is not None
        return row["head"], row["reached"]


class Settled(Freshness):
    """For views that nothing is added to any more."""

    def catch_up(self, projection: str) -> None:
        pass
