"""Rows read from the event loop itself: no thread, and one connection for the questions of all tasks.

The connection is in libpq's pipeline mode: a question is sent as it is asked, and answers come in the same order. A
thread for each would cost more than the statement does. psycopg 3.3 (psycopg.pq), PostgreSQL 14 to 18.
"""

import asyncio
from collections import deque
from typing import Any, NamedTuple

import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGresult
from psycopg.rows import DictRow

from adapters.postgres.connecting import BRISK, SECONDS_FOR_AN_ANSWER, SETTINGS, network
from adapters.postgres.database import border
from adapters.postgres.deadlines import NoAnswer
from adapters.postgres.statements import columns_of, good, numbered, storable

NAME = "look"
SILENT = f"PostgreSQL has not answered within {SECONDS_FOR_AN_ANSWER:.0f} s"
Connection = psycopg.AsyncConnection[Any]


class Looks:
    """One statement that finds a row or none, for the tasks of one event loop.

    Its connection is opened when it is first needed, and again after it was lost.
    """

    def __init__(self, url: str, sql: str) -> None:
        self._url, self._query = url, numbered(sql)
        self._session: _Session | None = None
        self._opening: asyncio.Lock | None = None
        self._is_closed = False

    async def row(self, parameters: dict[str, Any]) -> DictRow | None:
        """Raises LogUnavailable."""
        given = storable(parameters)
        values = [given[name] for name in self._query.parameters]
        with border():
            try:
                return await (await self._open()).ask(values)
            except (psycopg.OperationalError, psycopg.InterfaceError):
                return await (await self._open()).ask(values)

    def close(self) -> None:
        """For good: whoever waits is told LogUnavailable."""
        self._is_closed = True
        if self._session is not None:
            self._session.end(psycopg.InterfaceError("the service stops"))

    async def _open(self) -> "_Session":
        session = self._session
        if session is None or session.is_over:
            # Made by the loop that uses it.
            self._opening = self._opening or asyncio.Lock()
            async with self._opening:
                if self._is_closed:
                    raise psycopg.InterfaceError("the service stops")
                if self._session is None or self._session.is_over:
                    self._session = await _connected(self._url, self._query.sql)
                session = self._session
        return session


async def _connected(url: str, sql: str) -> "_Session":
    connection = await Connection.connect(url, **SETTINGS, **network(url))
    try:
        async with asyncio.timeout(SECONDS_FOR_AN_ANSWER):
            await connection.execute(BRISK.session.encode())
            await connection.execute(f"PREPARE {NAME} AS {sql}".encode())
        return _Session(connection)
    except TimeoutError:
        await connection.close()
        raise NoAnswer(SILENT) from None
    except BaseException:
        await connection.close()
        raise


class _Asked(NamedTuple):
    future: "asyncio.Future[DictRow | None]"
    since: float


class _Session:
    """A connection, and who waits for an answer of it, in the order of asking."""

    def __init__(self, connection: Connection) -> None:
        self._pgconn, self._socket = connection.pgconn, connection.fileno()
        self._transformer = Transformer(connection)
        self._loop = asyncio.get_running_loop()
        self._columns: tuple[str, ...] = ()
        self._waiting = deque[_Asked]()
        self._watch: asyncio.TimerHandle | None = None
        self._result: PGresult | None = None
        self.is_over = False
        self._pgconn.nonblocking = 1
        self._pgconn.enter_pipeline_mode()
        self._loop.add_reader(self._socket, self._receive)

    def ask(self, values: list[Any]) -> "asyncio.Future[DictRow | None]":
        """Raises psycopg's errors, at once or in the future."""
        given = self._transformer.dump_sequence(values, [PyFormat.TEXT] * len(values))
        try:
            self._pgconn.send_query_prepared(NAME.encode(), given, None, Format.BINARY)
            # Until the next question: an error takes nobody else with it.
            self._pgconn.pipeline_sync()
        except psycopg.OperationalError as error:
            self.end(error)
            raise
        future = self._loop.create_future()
        self._waiting.append(_Asked(future, self._loop.time()))
        if self._watch is None:
            self._watch = self._loop.call_later(SECONDS_FOR_AN_ANSWER, self._look)
        self._flush()
        return future

    def _look(self) -> None:
        """Nobody waits for ever: a connection that is silent for too long is over."""
        self._watch = None
        if self.is_over or not self._waiting:
            return
        due = self._waiting[0].since + SECONDS_FOR_AN_ANSWER
        if due <= self._loop.time():
            self.end(NoAnswer(SILENT))
        else:
            self._watch = self._loop.call_at(due, self._look)

    def end(self, error: Exception) -> None:
        """Whoever waits still is told the error."""
        if not self.is_over:
            self.is_over = True
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._pgconn.finish()
            if self._watch is not None:
                self._watch.cancel()
            while self._waiting:
                _tell(self._waiting.popleft().future, error)

    def _flush(self) -> None:
        try:
            if self._pgconn.flush():
                self._loop.add_writer(self._socket, self._flush)
            else:
                self._loop.remove_writer(self._socket)
        except psycopg.OperationalError as error:
            self.end(error)

    def _receive(self) -> None:
        try:
            self._pgconn.consume_input()
            while self._waiting and not self._pgconn.is_busy():
                result = self._pgconn.get_result()
                if result is None:
                    continue
                if result.status == ExecStatus.PIPELINE_SYNC:
                    self._answer()
                else:
                    self._result = result
        except psycopg.OperationalError as error:
            self.end(error)

    def _answer(self) -> None:
        future, result, self._result = self._waiting.popleft().future, self._result, None
        if future.done():
            # Whoever asked has left.
            return
        try:
            future.set_result(self._row(result))
        except Exception as error:  # noqa: BLE001  # told to whom it concerns
            _tell(future, error)

    def _row(self, result: PGresult | None) -> DictRow | None:
        assert result is not None
        if not good(self._pgconn, result).ntuples:
            return None
        self._transformer.set_pgresult(result)
        self._columns = self._columns or columns_of(result)
        row = self._transformer.load_row(0, tuple)
        return None if row is None else dict(zip(self._columns, row, strict=True))


def _tell(future: "asyncio.Future[Any]", error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
