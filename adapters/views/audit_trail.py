"""``audit_trail``, asynchronous: where in the log whatever somebody may ask for stands. It holds no word of anybody.

Who, what, why, before and after are read from the events themselves: what is erased in the log is nowhere else.
"""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from psycopg.rows import DictRow

from adapters.postgres.database import Database
from adapters.postgres.statements import Statement
from adapters.views.freshness import Freshness
from adapters.views.subject_names import names_of
from domain.facts import Recorded
from domain.ports import LogReader
from domain.trail.entry import TrailEntry, TrailFilter, cause_of, table_of

NAME = "audit_trail_v1"

# A later event of a migration or an operation is about the table that its first event names.
INSERT = """
INSERT INTO audit_trail_v1 (position, stream, version, recorded_at, type, actor, table_id, cause)
VALUES (
    %(position)s, %(stream)s, %(version)s, %(recorded_at)s, %(type)s, %(actor)s,
    coalesce(%(table_id)s, (SELECT table_id FROM audit_trail_v1 WHERE stream = %(cause)s AND version = 1)),
    %(cause)s)
"""
ENTRIES = """
SELECT trail.position, trail.table_id, first.position AS cause
FROM audit_trail_v1 AS trail LEFT JOIN audit_trail_v1 AS first ON first.stream = trail.cause AND first.version = 1
"""
REACHED = "SELECT coalesce((SELECT position FROM projections WHERE name = %(name)s), 0) AS position"

# Moments never go back from one position to the next, so a moment is a position.
CONDITIONS = {
    "table_id": "trail.table_id = %(table_id)s",
    "actor": "trail.actor = %(actor)s",
    "type": "trail.type = %(type)s",
    "since": """trail.position >= (SELECT coalesce(min(position), 9223372036854775807) FROM audit_trail_v1
        WHERE recorded_at >= %(since)s)""",
    "until": """trail.position < (SELECT coalesce(min(position), 9223372036854775807) FROM audit_trail_v1
        WHERE recorded_at >= %(until)s)""",
    "after_position": "trail.position > %(after_position)s",
    "last_position": "trail.position <= %(last_position)s",
}


def audit_trail(event: Recorded) -> Iterable[Statement]:
    place = {"position": event.position, "stream": event.stream, "version": event.version}
    kind = {"type": event.fact.topic, "actor": event.metadata.origin.actor, "recorded_at": event.recorded_at}
    yield Statement(INSERT, {**place, **kind, "table_id": table_of(event), "cause": cause_of(event)})


class PostgresTrail:
    """Implements ``Trail``: one statement on the view, one on the log."""

    def __init__(self, database: Database, reader: LogReader, freshness: Freshness | None = None) -> None:
        self._database, self._reader, self._freshness = database, reader, freshness or Freshness(database)

    def head(self) -> int:
        self._freshness.catch_up(NAME)
        row = self._database.row(REACHED, {"name": NAME})
        assert row is not None
        return int(row["position"])

    def entries(self, where: TrailFilter, limit: int, *, newest: bool = False) -> Sequence[TrailEntry]:
        given = {name: value for name in CONDITIONS if (value := getattr(where, name)) is not None}
        conditions = " AND ".join(CONDITIONS[name] for name in given)
        order = f"ORDER BY trail.position {'DESC' if newest else 'ASC'} LIMIT %(limit)s"
        return self._told(self._database.rows(f"{ENTRIES} WHERE {conditions} {order}", {**given, "limit": limit}))

    def _told(self, rows: Sequence[DictRow]) -> Sequence[TrailEntry]:
        positions = {row[column] for row in rows for column in ("position", "cause")} - {None}
        events = {event.position: event for event in self._reader.at(sorted(positions))}
        names = self._names(events.values())
        return [_entry(events, names, row["position"], row["table_id"], row["cause"]) for row in rows]

    def _names(self, events: Iterable[Recorded]) -> Mapping[str, str]:
        origins = [event.metadata.origin for event in events]
        return names_of(
            self._database, (one for origin in origins for one in (origin.actor, origin.on_behalf_of) if one)
        )


def _entry(
    events: dict[int, Recorded], names: Mapping[str, str], position: int, table_id: UUID | None, cause: int | None
) -> TrailEntry:
    event = events[position]
    return TrailEntry(
        event=event,
        table_id=table_id,
        cause=None if cause is None else events.get(cause),
        name=names.get(event.metadata.origin.actor),
        name_on_behalf_of=names.get(event.metadata.origin.on_behalf_of or ""),
    )
