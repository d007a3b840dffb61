"""Whether a database can hold the log at all: its encoding, where tables go, and what stands between it and us.

A pooler that gives each transaction another session (PgBouncer's ``pool_mode = transaction``) takes from us what
belongs to sessions: locks that elect, news by LISTEN, settings, and what is prepared.
"""

from contextlib import ExitStack

from adapters.postgres.connecting import BRISK, WatchedConnection, open_connection
from domain.errors import DatabaseNotUsable

ENCODINGS = ("UTF8", "SQL_ASCII")
"""What any text can be stored in; SQL_ASCII takes bytes as they are."""
ENCODING = "SELECT current_setting('server_encoding') AS encoding"
SCHEMA = "SELECT coalesce(current_schema(), '') AS schema, current_setting('search_path') AS path"
PID = "SELECT pg_backend_pid() AS pid"
TRIES = 5


def refuse_unfit(connection: WatchedConnection, url: str) -> None:
    """Raises DatabaseNotUsable, with what to do about it."""
    encoding = _text(connection, ENCODING, "encoding")
    if encoding not in ENCODINGS:
        raise DatabaseNotUsable(
            f"its encoding is {encoding}, which has no place for most letters. "
            "Make one with CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0"
        )
    if not _text(connection, SCHEMA, "schema"):
        path = _text(connection, SCHEMA, "path")
        raise DatabaseNotUsable(
            f"its search_path ({path}) names no schema that is there, so tables have no place. "
            "Make that schema, or ALTER DATABASE ... SET search_path = public"
        )
    if is_pooled_by_transaction(connection, url):
        raise DatabaseNotUsable(
            "a pooler gives each of our transactions another session (pool_mode = transaction, or statement). "
            "Let DATABASE_URL lead to PostgreSQL itself, or to a pool with pool_mode = session"
        )


def is_pooled_by_transaction(connection: WatchedConnection, url: str) -> bool:
    """Whether two transactions of one connection of ours can be two sessions' of PostgreSQL.

    Behind a pooler the process that a connection is told of at its start is not the one that works. Then others are
    held in transactions: where sessions are given out by transaction, one of them gets the session that was ours, or
    we get another one.
    """
    mine = _text(connection, PID, "pid")
    if mine == str(connection.info.backend_pid):
        return False
    with ExitStack() as held:
        for _ in range(TRIES):
            other = held.enter_context(open_connection(url, BRISK))
            held.enter_context(other.transaction())
            if _text(other, PID, "pid") == mine or _text(connection, PID, "pid") != mine:
                return True
    return False


def _text(connection: WatchedConnection, sql: str, column: str) -> str:
    row = connection.execute(sql.encode()).fetchone()
    assert row is not None
    return str(row[column])
