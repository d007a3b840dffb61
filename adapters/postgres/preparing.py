"""Making a database ready: the log, the views, the leases. Once for each version of the scripts, by whoever may.

A database that is ready is only looked at. To alter tables locks them, and one transaction that is open somewhere (of
a process that is paused, for one) would have everybody wait behind us.
"""

import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Composed, Identifier

from adapters.postgres.connecting import WatchedConnection
from adapters.postgres.database import connected, reason_of
from adapters.postgres.fitness import refuse_unfit
from domain.errors import DatabaseNotPrepared, LogUnavailable

PREPARE_LOCK = 0x5C4EA1EE
TABLES_SQL = (Path(__file__).parent / "tables.sql").read_text()
LOCK_TIMEOUT = "SET LOCAL lock_timeout = '5s'"
SECONDS_FOR_OTHERS = 15.0
"""How long it waits for another session that makes the database ready, before it says for whom."""
SECONDS_BETWEEN_TRIES = 0.2

HOLD = "SELECT pg_try_advisory_xact_lock(%s) AS held"
HOLDER = """
SELECT pid, usename AS role, coalesce(nullif(application_name, ''), 'no application_name') AS application,
    to_char(backend_start, 'YYYY-MM-DD HH24:MI:SS TZ') AS since
FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND granted AND classid = 0 AND objid = %s
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
THERE = "SELECT to_regclass('prepared_scripts') IS NOT NULL AS there"
READY = "SELECT EXISTS (SELECT FROM prepared_scripts WHERE digest = %s) AS ready"
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
    with connected(url) as connection:
        refuse_unfit(connection, url)
        try:
            if not _is_ready(connection, digest):
                _prepare(connection, scripts, digest)
        except psycopg.errors.InsufficientPrivilege as error:
            raise DatabaseNotPrepared(connection.info.user, reason_of(error)) from error


def grant(url: str, role: str) -> None:
    """Gives a role that is there what the service needs, and no more. Raises DatabaseNotPrepared."""
    with connected(url) as connection, connection.transaction():
        names = [row["relname"] for row in connection.execute(TABLES).fetchall()]
        try:
            for statement in _grants(names, role):
                connection.execute(statement)
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedObject) as error:
            raise DatabaseNotPrepared(connection.info.user, reason_of(error)) from error


def _is_ready(connection: WatchedConnection, digest: str) -> bool:
    there = connection.execute(THERE).fetchone()
    if there is None or not there["there"]:
        return False
    ready = connection.execute(READY, (digest,)).fetchone()
    return bool(ready and ready["ready"])


def _prepare(connection: WatchedConnection, scripts: Sequence[str], digest: str) -> None:
    deadline = time.monotonic() + SECONDS_FOR_OTHERS
    while not _prepared(connection, scripts, digest):
        if time.monotonic() > deadline:
            raise LogUnavailable(_who_holds(connection))
        time.sleep(SECONDS_BETWEEN_TRIES)


def _prepared(connection: WatchedConnection, scripts: Sequence[str], digest: str) -> bool:
    """False: another session is at it."""
    with connection.transaction():
        held = connection.execute(HOLD, (PREPARE_LOCK,)).fetchone()
        if held is None or not held["held"]:
            return False
        connection.execute(LOCK_TIMEOUT)
        for script in (MAKE, *scripts):
            connection.execute(script.encode())
        connection.execute(NOTE, (digest,))
    return True


def _who_holds(connection: WatchedConnection) -> str:
    row = connection.execute(HOLDER, (PREPARE_LOCK,)).fetchone()
    who = (
        "another session"
        if row is None
        else "session {pid} of role {role} ({application}, since {since})".format(**row)
    )
    return (
        f"{who} holds the lock under which the database is made ready (pg_advisory_lock {PREPARE_LOCK}). Wait for it "
        "if it is a service that starts; otherwise end it with pg_terminate_backend"
    )


def _grants(names: Sequence[str], role: str) -> list[Composed]:
    rights = ((name, SQL(RIGHTS.get(name, ROWS))) for name in names)
    to = Identifier(role)
    return [
        *(SQL("GRANT {} ON {} TO {}").format(right, Identifier(name), to) for name, right in rights),
        SQL("GRANT EXECUTE ON FUNCTION seal_checkpoints_thin() TO {}").format(to),
    ]
