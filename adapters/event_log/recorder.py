"""The recorder: the `eventsourcing` library's, appending in its own way.

The stock recorder (9.5.6) locks the whole table in EXCLUSIVE mode for each append; the same order comes from an
advisory lock that the table's trigger takes (log.sql): it needs no privilege, does not keep VACUUM out, and binds every
writer. The stock recorder also sends several statements through a pipeline, where a refused insert leaves prepared
statements behind that the server never saw.
Here an append, or several of them, is one message of statements that the session has prepared, which PostgreSQL runs as
one transaction: one round trip, nothing planned anew, and one flush.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg import conninfo
from psycopg.sql import SQL

from adapters.event_log.message import Message
from adapters.postgres.database import Database
from adapters.postgres.statements import Statement

CHANNEL = "stored_events"
LOG_SQL = (Path(__file__).parent / "log.sql").read_text()
LOG_LOCK = "SELECT pg_advisory_xact_lock(1548657133)"
"""Keeps every writer of the log away until the transaction ends; the number is that of log.sql."""

INSERT = """
INSERT INTO stored_events (originator_id, originator_version, topic, state, recorded_at)
SELECT stream, version, topic, state, %(now)s::timestamptz
FROM unnest(%(streams)s::uuid[], %(versions)s::bigint[], %(topics)s::text[], %(states)s::bytea[])
    WITH ORDINALITY AS event (stream, version, topic, state, turn)
ORDER BY turn
"""
"""``now`` is this machine's clock, which PostgreSQL's is held against (log.sql)."""
PLACES = """
SELECT notification_id, recorded_at FROM stored_events ORDER BY notification_id DESC LIMIT %(count)s::bigint
"""
"""Of the events just inserted: nobody else writes before the transaction ends."""
ANY = "*"
"""Told to listeners instead of what changed when that is more than a notification can carry."""
PAYLOAD_LIMIT = 7_999

NOTIFY = "SELECT pg_notify(%(channel)s::text, %(changed)s::text)"


class Insertion(NamedTuple):
    """What one append writes. ``inline`` runs after the events are in, and may read their positions.

    ``changed`` goes to listeners: the streams that they hear of, by commas.
    """

    events: Sequence[StoredEvent]
    inline: Sequence[Statement] = ()
    changed: str = ""


class Place(NamedTuple):
    """Where an event stands in the log, and since when."""

    position: int
    recorded_at: datetime


class Datastore(PostgresDatastore):
    """The library's datastore over a pool that is ours, so that log, views and leases share their connections."""

    def __init__(self, database: Database) -> None:
        parts = {key: str(value) for key, value in conninfo.conninfo_to_dict(database.url).items()}
        super().__init__(
            dbname=parts.get("dbname", ""),
            host=parts.get("host", ""),
            port=parts.get("port", "5432"),
            user=parts.get("user", ""),
            password=parts.get("password", ""),
        )
        # The library's pool was never opened.
        self.pool = database.pool  # type: ignore[assignment]

    def close(self) -> None:
        """The pool is the database's to close; the library would close it whenever a datastore is forgotten."""


class Recorder(PostgresApplicationRecorder):
    """Appends in one transaction and one round trip: events, inline statements, notification."""

    def __init__(self, datastore: PostgresDatastore, now: Callable[[], datetime] | None = None) -> None:
        """``now`` is what this machine's clock says, which the database's is held against."""
        super().__init__(datastore)
        self._now = now or (lambda: datetime.now(UTC))
        self.sql_create_statements = [SQL("{}").format(SQL(LOG_SQL))]

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int]:
        """The positions given. The library's way in."""
        if not stored_events:
            return []
        return [place.position for place in self.insert_together([Insertion(stored_events)])[0]]

    def insert_together(self, insertions: Sequence[Insertion]) -> list[list[Place]]:
        """The places given to the events of each: in one transaction, all or none.

        Tried once: what a lost connection means is for the caller to find out.
        """
        events = [event for insertion in insertions for event in insertion.events]
        with self.datastore.get_connection() as connection:
            message = Message(connection)
            message.add(_inserted(events, self._now()))
            for insertion in insertions:
                for statement in insertion.inline:
                    message.add(statement)
            message.add(_told([insertion.changed for insertion in insertions if insertion.changed]))
            message.add(Statement(PLACES, {"count": len(events)}))
            places = [Place(*row) for row in reversed(message.send())]
        return _shares(places, insertions)


def _inserted(events: Sequence[StoredEvent], now: datetime) -> Statement:
    columns = {
        "now": now,
        "streams": [event.originator_id for event in events],
        "versions": [event.originator_version for event in events],
        "topics": [event.topic for event in events],
        "states": [event.state for event in events],
    }
    return Statement(INSERT, columns)


def _told(changed: Sequence[str]) -> Statement:
    all_ = ",".join(changed)
    return Statement(NOTIFY, {"channel": CHANNEL, "changed": all_ if len(all_) <= PAYLOAD_LIMIT else ANY})


def _shares(places: list[Place], insertions: Sequence[Insertion]) -> list[list[Place]]:
    shares, begin = list[list[Place]](), 0
    for insertion in insertions:
        end = begin + len(insertion.events)
        shares.append(places[begin:end])
        begin = end
    return shares
