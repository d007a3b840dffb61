"""Connections to PostgreSQL, and where its errors become ours. psycopg 3.3."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from copy import copy
from math import inf
from time import monotonic
from typing import Any, TypeVar

import psycopg
from psycopg.rows import DictRow
from psycopg.sql import SQL, Identifier
from psycopg_pool import ConnectionPool, PoolTimeout

from adapters.postgres.connecting import (
    BRISK,
    LONG,
    SETTINGS,
    Kind,
    WatchedConnection,
    begin_session,
    network,
    open_connection,
)
from adapters.postgres.deadlines import Line
from adapters.postgres.statements import Statement, run
from domain.errors import LogUnavailable

logging.getLogger("psycopg.pool").setLevel(logging.ERROR)

T = TypeVar("T")
SECONDS_FOR_A_CONNECTION = 2.0
"""How long a caller waits for a connection before the database counts as away."""
AWAY = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.ReadOnlySqlTransaction)
"""What says that the database is not there for us just now: gone, locked, or turned into a standby."""
NOT_FOR_WANT_OF_A_CONNECTION = (PoolTimeout, psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable)
"""Errors that another connection would end with as well."""


class Database:
    """A pool of connections in autocommit mode. Opened at once, filled in the background."""

    def __init__(self, url: str, *, size: int = 8) -> None:
        self.url = url
        self._shown: Callable[[str], str] | None = None
        self._given_up_at = -inf
        self.pool: ConnectionPool[WatchedConnection] = _Pool(
            url,
            connection_class=WatchedConnection,
            kwargs={**SETTINGS, **network(url)},
            min_size=1,
            max_size=size,
            timeout=SECONDS_FOR_A_CONNECTION,
            # Give up early and try anew on demand: the pool's own pauses grow to minutes while the server is away.
            reconnect_timeout=SECONDS_FOR_A_CONNECTION,
            configure=self._configure,
            open=True,
        )

    def read(self, work: Callable[[WatchedConnection], T]) -> T:
        """What ``work`` makes of a connection; once more on a fresh one when the first turns out to be dead."""
        with border():
            try:
                with self.pool.connection() as connection:
                    return work(connection)
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                if isinstance(error, NOT_FOR_WANT_OF_A_CONNECTION):
                    raise
                self.pool.check()
                with self.pool.connection() as connection:
                    return work(connection)

    def write(self, work: Callable[[WatchedConnection], T]) -> T:
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
            with border(), self.pool.connection() as connection, connection.line.within(SECONDS_FOR_A_CONNECTION):
                run(connection, Statement("SELECT 1 AS one", {}))
        except LogUnavailable as refusal:
            return str(refusal)
        return None

    def close(self) -> None:
        self.pool.close()

    def _configure(self, connection: WatchedConnection) -> None:
        begin_session(connection, BRISK)
        connection.line.on_silence = self._give_up

    def _give_up(self, line: Line) -> None:
        """Where one connection has fallen silent, those beside it did too, as after a failover: none is tried again."""
        if line.opened_at > self._given_up_at:
            self._given_up_at = monotonic()
            self.pool.drain()


class _Pool(ConnectionPool[WatchedConnection]):
    """A pool that does not wait long to know whether a connection works."""

    @staticmethod
    def check_connection(conn: WatchedConnection) -> None:
        with conn.line.within(SECONDS_FOR_A_CONNECTION):
            ConnectionPool.check_connection(conn)


@contextmanager
def unhurried(connection: WatchedConnection) -> Iterator[None]:
    """For a statement that may take long: one that counts, tidies, or mends all there is."""
    before = connection.line.seconds
    connection.execute(f"SET statement_timeout = '{LONG.seconds:.0f}s'".encode())
    connection.line.seconds = LONG.seconds
    try:
        yield
    finally:
        if not connection.closed:
            begin_session(connection, BRISK._replace(seconds=before))


@contextmanager
def connected(url: str, kind: Kind = LONG) -> Iterator[WatchedConnection]:
    """A connection of its own, in autocommit mode."""
    with border(), open_connection(url, kind) as connection:
        yield connection


def make_database(url: str, name: str) -> None:
    """Makes a database beside that of the URL, unless it is there. Raises LogUnavailable."""
    with connected(url) as connection:
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
