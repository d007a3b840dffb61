"""Connections to PostgreSQL, and where its errors become ours. psycopg 3.3."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from copy import copy
from typing import Any, TypeVar

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg.sql import SQL, Identifier
from psycopg_pool import ConnectionPool, PoolTimeout

from adapters.postgres.statements import OURS_ALONE, Connection, Statement, run
from domain.errors import LogUnavailable

logging.getLogger("psycopg.pool").setLevel(logging.ERROR)

T = TypeVar("T")
SECONDS_FOR_A_CONNECTION = 2.0
"""How long a caller waits for a connection before the database counts as away."""
SECONDS_FOR_A_LOCK = 3
"""How long a statement waits for somebody else's lock: a writer that hangs must not hang everybody for ever."""

SECONDS_IDLE_IN_A_TRANSACTION = 15
"""After which the database ends a connection whose process says nothing in the midst of a transaction: one that is
paused keeps others from what it has locked for no longer."""
HASTE = f"SET idle_in_transaction_session_timeout = '{SECONDS_IDLE_IN_A_TRANSACTION}s'"

SETTINGS: dict[str, Any] = {"autocommit": True, "row_factory": dict_row, "connect_timeout": 2, **OURS_ALONE}

AWAY = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.ReadOnlySqlTransaction)
"""What says that the database is not there for us just now: gone, locked, or turned into a standby."""


class Database:
    """A pool of connections in autocommit mode. Opened at once, filled in the background."""

    def __init__(self, url: str, *, size: int = 8) -> None:
        self.url = url
        self._shown: Callable[[str], str] | None = None
        self.pool: ConnectionPool[Connection] = ConnectionPool(
            url,
            connection_class=psycopg.Connection[DictRow],
            kwargs={**SETTINGS, "client_encoding": "utf8"},
            min_size=1,
            max_size=size,
            timeout=SECONDS_FOR_A_CONNECTION,
            # Give up early and try anew on demand: the pool's own pauses grow to minutes while the server is away.
            reconnect_timeout=SECONDS_FOR_A_CONNECTION,
            configure=_configure,
            open=True,
        )

    def read(self, work: Callable[[Connection], T]) -> T:
        """What ``work`` makes of a connection; once more on a fresh one when the first turns out to be dead."""
        with border():
            try:
                with self.pool.connection() as connection:
                    return work(connection)
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                if isinstance(error, PoolTimeout):
                    raise
                self.pool.check()
                with self.pool.connection() as connection:
                    return work(connection)

    def write(self, work: Callable[[Connection], T]) -> T:
        """What ``work`` makes of a connection, tried once."""
        with border(), self.pool.connection() as connection:
            return work(connection)

    def shown(self, show: Callable[[str], str]) -> "Database":
        """The same connections; every text in a row that is asked for is what ``show`` makes of it."""
        other = copy(self)
        other._shown = show
        return other

    def rows(self, sql: str, parameters: dict[str, Any]) -> list[DictRow]:
        found = self.read(lambda connection: run(connection, Statement(sql, parameters)).rows)
        return found if self._shown is None else [with_texts(row, self._shown) for row in found]

    def row(self, sql: str, parameters: dict[str, Any]) -> DictRow | None:
        found = self.read(lambda connection: run(connection, Statement(sql, parameters)).first)
        return found if self._shown is None or found is None else with_texts(found, self._shown)

    def problem(self) -> str | None:
        """None while the database answers, else a sentence."""
        try:
            self.row("SELECT 1 AS one", {})
        except LogUnavailable as refusal:
            return str(refusal)
        return None

    def close(self) -> None:
        self.pool.close()


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """A connection of its own for long work, in autocommit mode."""
    with (
        border(),
        Connection.connect(url, **SETTINGS) as connection,
    ):
        connection.execute(HASTE.encode())
        yield connection


def make_database(url: str, name: str) -> None:
    """Makes a database beside that of the URL, unless it is there. Raises LogUnavailable."""
    with border(), psycopg.connect(url, autocommit=True, connect_timeout=2) as connection:
        if connection.execute("SELECT FROM pg_database WHERE datname = %s", (name,)).fetchone() is None:
            # Somebody else may make it at the same moment.
            with suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))


@contextmanager
def border() -> Iterator[None]:
    """A connection that cannot be had or is lost becomes LogUnavailable; other errors are bugs and stay as they are."""
    try:
        yield
    except AWAY as error:
        raise LogUnavailable(reason_of(error)) from error


def with_texts(row: DictRow, show: Callable[[str], str]) -> DictRow:
    return {name: show(value) if isinstance(value, str) else value for name, value in row.items()}


def reason_of(error: BaseException) -> str:
    """The first line of what the database said."""
    return str(error).partition("\n")[0] or type(error).__name__


def _configure(connection: Connection) -> None:
    connection.execute(f"SET lock_timeout = '{SECONDS_FOR_A_LOCK}s'; {HASTE}".encode())
