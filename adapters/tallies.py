"""What callers do, counted by the hour in one small table."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import asdict

from adapters.postgres.database import Database
from adapters.postgres.statements import Statement, run
from domain.ports import Clock, Tally
from domain.trail.events import Deed

COUNT = """
INSERT INTO caller_tallies (deed, caller, hour, count) VALUES (%(deed)s, %(caller)s, %(hour)s, 1)
ON CONFLICT (deed, caller, hour) DO UPDATE SET count = caller_tallies.count + 1
RETURNING deed, caller, hour, count
"""
PAST = "SELECT deed, caller, hour, count FROM caller_tallies WHERE hour < %(hour)s ORDER BY hour, caller, deed"
FORGET = "DELETE FROM caller_tallies WHERE deed = %(deed)s AND caller = %(caller)s AND hour = %(hour)s"


class PostgresTallies:
    """Implements ``Tallies``."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def count(self, deed: Deed, caller: str) -> Tally:
        row = self._written(COUNT, {"deed": deed, "caller": caller, "hour": self._hour()})
        return Tally(deed=row["deed"], caller=caller, hour=row["hour"], count=row["count"])

    def past(self) -> Sequence[Tally]:
        return [Tally(**row) for row in self._database.rows(PAST, {"hour": self._hour()})]

    def forget(self, tally: Tally) -> None:
        self._database.write(lambda connection: run(connection, Statement(FORGET, asdict(tally))))

    def _hour(self) -> datetime:
        return self._clock.now().replace(minute=0, second=0, microsecond=0)

    def _written(self, sql: str, given: dict[str, Any]) -> dict[str, Any]:
        row = self._database.write(lambda connection: run(connection, Statement(sql, given)).first)
        assert row is not None
        return row
