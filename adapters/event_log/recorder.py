"""The recorder: the `eventsourcing` library's, appending in its own way.

The stock recorder (9.5.6) locks the whole table in EXCLUSIVE mode for each append; the same order comes from an
advisory lock that the table's trigger takes (log.sql): it needs no privilege, does not keep VACUUM out, and binds every
writer. The stock recorder also sends several statements through a pipeline, where a refused insert leaves prepared
statements behind that the server never saw.
Here an append is one message of several statements, which PostgreSQL runs as one transaction: one round trip.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg import ClientCursor, conninfo
from psycopg.sql import SQL

from adapters.postgres.database import Database, Statement, storable

CHANNEL = "stored_events"
LOG_SQL = (Path(__file__).parent / "log.sql").read_text()
LOG_LOCK = "SELECT pg_advisory_xact_lock(1548657133)"
"""Keeps every writer of the log away until the transaction ends; the number is that of log.sql."""

INSERT = """
INSERT INTO stored_events (originator_id, originator_version, topic, state)
VALUES (%(stream)s, %(version)s, %(topic)s, %(state)s) RETURNING notification_id
"""
ANY = "*"
"""Told to listeners instead of what changed when that is more than a notification can carry."""
PAYLOAD_LIMIT = 7_999

NOTIFY = "SELECT pg_notify(%(channel)s, %(changed)s)"


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

    def __init__(self, datastore: PostgresDatastore) -> None:
        super().__init__(datastore)
        self.sql_create_statements = [SQL("{}").format(SQL(LOG_SQL))]

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        inline: Sequence[Statement] = (),
        changed: str = "",
        **_: Any,
    ) -> Sequence[int]:
        """The positions given. ``inline`` runs after the events are in and may read their positions.

        ``changed`` goes to listeners. Tried once: what a lost connection means is for the caller to find out.
        """
        if not stored_events:
            return []
        told = changed if len(changed) <= PAYLOAD_LIMIT else ANY
        statements = [
            *(_insertion(event) for event in stored_events),
            *inline,
            Statement(NOTIFY, {"channel": CHANNEL, "changed": told}),
        ]
        with self.datastore.get_connection() as connection, ClientCursor(connection) as cursor:
            text = ";\n".join(cursor.mogrify(sql.encode(), storable(parameters)) for sql, parameters in statements)
            cursor.execute(text.encode())
            return _positions(cursor, len(stored_events))


def _insertion(event: StoredEvent) -> Statement:
    place = {"stream": event.originator_id, "version": event.originator_version}
    return Statement(INSERT, {**place, "topic": event.topic, "state": event.state})


def _positions(cursor: "psycopg.Cursor[Any]", count: int) -> list[int]:
    """The insertions' results, which come first."""
    positions = list[int]()
    for _ in range(count):
        positions += [row["notification_id"] for row in cursor.fetchall()]
        cursor.nextset()
    return positions
