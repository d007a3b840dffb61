"""Making a database ready: the log, the views, the leases. Safe to run again, and by several processes at once."""

from pathlib import Path

import psycopg

from adapters.postgres.database import border

PREPARE_LOCK = 0x5C4EA1EE
TABLES_SQL = (Path(__file__).parent / "tables.sql").read_text()


def prepare_database(url: str, log_sql: str) -> None:
    """Creates what is missing, all or nothing. Raises LogUnavailable when the database cannot be reached."""
    with border(), psycopg.connect(url, connect_timeout=5) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (PREPARE_LOCK,))
        for script in (log_sql, TABLES_SQL):
            connection.execute(script.encode())
