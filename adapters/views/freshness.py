"""Reading an asynchronous view only once it shows all that the log held when the read began, or after a moment."""

import time
from collections.abc import Callable

from adapters.postgres.database import Database

SECONDS_TO_CATCH_UP = 2.0
"""How long a read of an asynchronous view waits for it to reach the log's head of that moment; and for how long a
view is waited for that does not move, by all its readers together: each of them holds a thread of the API."""
SECONDS_BETWEEN_LOOKS = 0.01
FAR_BEHIND = 5_000
"""Events that no view takes within that time: after an outage, who waited would wait in vain."""

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
        self._behind = dict[str, tuple[int, float]]()
        """Where each was when it was behind the log last, and since when it was seen there."""

    def catch_up(self, projection: str) -> None:
        head, reached = self._stands(projection)
        if head - reached > FAR_BEHIND:
            return
        deadline = self._seconds() + SECONDS_TO_CATCH_UP
        while reached < head and self._seconds() < min(deadline, self._expected(projection, reached)):
            self._sleep(SECONDS_BETWEEN_LOOKS)
            _, reached = self._stands(projection)

    def _expected(self, projection: str, reached: int) -> float:
        """Until when it should have moved on."""
        stood, since = self._behind.get(projection, (-1, 0.0))
        if stood != reached:
            since = self._seconds()
            self._behind[projection] = reached, since
        return since + SECONDS_TO_CATCH_UP

    def _stands(self, projection: str) -> tuple[int, int]:
        """The log's last position, and the one that the projection has reached."""
        row = self._database.row(STANDS, {"name": projection})
        assert row is not None
        return row["head"], row["reached"]


class Settled(Freshness):
    """For views that nothing is added to any more."""

    def catch_up(self, projection: str) -> None:
        pass
