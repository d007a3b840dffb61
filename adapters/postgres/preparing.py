"""Making a database ready: the log, the views, the leases. Once for each version of the scripts, by whoever may.

A database that is ready is only looked at. To alter tables locks them, and one transaction that is open somewhere (of
a process that is paused, for one) would have everybody wait behind us.
"""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Composed, Identifier

from adapters.postgres.database import border, reason_of
from domain.errors import DatabaseNotPrepared

PREPARE_LOCK = 0x5C4EA1EE
TABLES_SQL = (Path(__file__).parent / "tables.sql").read_text()
LOCK_TIMEOUT = "SET LOCAL lock_timeout = '5s'"

THERE = "SELECT to_regclass('prepared_scripts') IS NOT NULL"
READY = "SELECT EXISTS (SELECT FROM prepared_scripts WHERE digest = %s)"
MAKE = """
CREATE TABLE IF NOT EXISTS prepared_scripts (
    digest text PRIMARY KEY,
    prepared_at timestamptz NOT NULL DEFAULT clock_timestamp()
)
"""
NOTE = "INSERT INTO prepared_scripts (digest) VALUES (%s) ON CONFLICT DO NOTHING"

TABLES = """
SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' ORDER BY relname
"""
RIGHTS = {"stored_events": "SELECT, INSERT", "seal_checkpoints": "SELECT, INSERT", "prepared_scripts": "SELECT"}
"""What the service needs of these tables; of all others it is everything one does to rows."""
ROWS = "SELECT, INSERT, UPDATE, DELETE"


def prepare_database(url: str, log_sql: str) -> None:
    """Creates what is missing, all or nothing. Safe to run again, and by several processes at once.

    Raises LogUnavailable when the database cannot be reached, DatabaseNotPrepared when this role may not do it.
    """
    scripts = (log_sql, TABLES_SQL)
    digest = sha256("\0".join(scripts).encode()).hexdigest()
    with border(), psycopg.connect(url, connect_timeout=5) as connection:
        try:
            if not _is_ready(connection, digest):
                _prepare(connection, scripts, digest)
        except psycopg.errors.InsufficientPrivilege as error:
            raise DatabaseNotPrepared(connection.info.user, reason_of(error)) from error


def grant(url: str, role: str) -> None:
    """Gives a role that is there what the service needs, and no more. Raises DatabaseNotPrepared."""
    with border(), psycopg.connect(url, connect_timeout=5) as connection:
        names = [row[0] for row in connection.execute(TABLES).fetchall()]
        try:
            for statement in _grants(names, role):
                connection.execute(statement)
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedObject) as error:
            raise DatabaseNotPrepared(connection.info.user, reason_of(error)) from error


def _is_ready(connection: psycopg.Connection, digest: str) -> bool:
    there = connection.execute(THERE).fetchone()
    if there is None or not there[0]:
        return False
    ready = connection.execute(READY, (digest,)).fetchone()
    return bool(ready and ready[0])


def _prepare(connection: psycopg.Connection, scripts: Sequence[str], digest: str) -> None:
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (PREPARE_LOCK,))
    connection.execute(LOCK_TIMEOUT)
    for script in (MAKE, *scripts):
        connection.execute(script.encode())
    connection.execute(NOTE, (digest,))


def _grants(names: Sequence[str], role: str) -> list[Composed]:
    rights = ((name, SQL(RIGHTS.get(name, ROWS))) for name in names)
    to = Identifier(role)
    return [
        *(SQL("GRANT {} ON {} TO {}").format(right, Identifier(name), to) for name, right in rights),
        SQL("GRANT EXECUTE ON FUNCTION seal_checkpoints_thin() TO {}").format(to),
    ]
