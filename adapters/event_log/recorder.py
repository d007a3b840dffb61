"""The recorder: the `eventsourcing` library's, with another lock, gapless positions, and room for inline views.

The stock recorder (9.5.6) locks the whole table in EXCLUSIVE mode for each append; the same order comes from an
advisory lock, which needs no privilege and does not keep VACUUM out. Every writer must take it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg import Cursor, conninfo
from psycopg.rows import DictRow
from psycopg.sql import SQL

from adapters.postgres.database import Database, Statement, run

APPEND_LOCK = 0x5C4EA1ED
"""The key of the advisory lock that every append holds to its commit."""

CHANNEL = "stored_events"
LOG_SQL = (Path(__file__).parent / "log.sql").read_text()


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


class Recorder(PostgresApplicationRecorder):
    """Appends in one transaction: lock, events, inline statements, notification; one round trip in a pipeline."""

    def __init__(self, datastore: PostgresDatastore) -> None:
        super().__init__(datastore)
        self.sql_create_statements = [SQL("{}").format(SQL(LOG_SQL))]
        self.lock_table_statements = [SQL(f"SELECT pg_advisory_xact_lock({APPEND_LOCK})")]

    def _insert_stored_events(
        self,
        curs: Cursor[DictRow],
        stored_events: Sequence[StoredEvent],
        inline: Sequence[Statement] = (),
        changed: str = "",
        **kwargs: Any,
    ) -> None:
        """``inline`` runs after the events are in, so it may read their positions; ``changed`` goes to listeners."""
        super()._insert_stored_events(curs, stored_events, **kwargs)
        for statement in inline:
            run(curs.connection, statement)
        curs.connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, changed))

    def _notify_channel(self, curs: Cursor[DictRow]) -> None:
        """Notified with what changed, after the events."""
