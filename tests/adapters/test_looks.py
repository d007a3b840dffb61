"""Rows read from the event loop: many at once, and whatever may happen to the connection."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import psycopg
import pytest

from adapters.embedded_postgres import EmbeddedPostgres
from adapters.postgres.looks import Looks
from domain.errors import LogUnavailable

T = TypeVar("T")

NAMES = "SELECT n, 'n' || n AS name FROM generate_series(1, 1000) AS n WHERE n = %(n)s::int"
TENTHS = "SELECT 10 / %(n)s::int AS tenth"
PID = "SELECT pg_backend_pid() AS pid, %(n)s::int AS n"


def looking(url: str, sql: str, act: Callable[[Looks], Awaitable[T]]) -> T:
    async def whole() -> T:
        looks = Looks(url, sql)
        try:
            return await act(looks)
        finally:
            looks.close()

    return asyncio.run(whole())


@pytest.fixture
def own_postgres() -> Iterator[EmbeddedPostgres]:
    with tempfile.TemporaryDirectory(prefix="schemaledger-tests-") as place:
        made = EmbeddedPostgres(Path(place) / "postgres")
        made.start()
        yield made
        made.stop()


def test_every_task_gets_its_own_answer_over_one_connection(database_url: str) -> None:
    async def many(looks: Looks) -> None:
        rows = await asyncio.gather(*(looks.row({"n": n}) for n in range(1, 501)))
        assert rows == [{"n": n, "name": f"n{n}"} for n in range(1, 501)]

    async def pids(looks: Looks) -> None:
        rows = await asyncio.gather(*(looks.row({"n": n}) for n in range(100)))
        assert len({row["pid"] for row in rows if row is not None}) == 1

    looking(database_url, NAMES, many)
    looking(database_url, PID, pids)


def test_nothing_found_is_none(database_url: str) -> None:
    async def act(looks: Looks) -> None:
        assert await looks.row({"n": 2_000}) is None
        assert await looks.row({"n": 2}) == {"n": 2, "name": "n2"}

    looking(database_url, NAMES, act)


def test_an_error_is_told_to_whom_it_concerns_alone(database_url: str) -> None:
    async def act(looks: Looks) -> None:
        told = await asyncio.gather(*(looks.row({"n": n}) for n in (1, 0, 2, 0, 5)), return_exceptions=True)
        assert [told[0], told[2], told[4]] == [{"tenth": 10}, {"tenth": 5}, {"tenth": 2}]
        assert isinstance(told[1], psycopg.errors.DivisionByZero)
        assert isinstance(told[3], psycopg.errors.DivisionByZero)

    looking(database_url, TENTHS, act)


def test_who_leaves_takes_no_answer_from_others(database_url: str) -> None:
    async def act(looks: Looks) -> None:
        await looks.row({"n": 1})
        tasks = [asyncio.ensure_future(looks.row({"n": n})) for n in range(1, 11)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        rows = await asyncio.gather(*tasks, return_exceptions=True)
        assert rows[1::2] == [{"n": n, "name": f"n{n}"} for n in range(2, 11, 2)]
        assert all(isinstance(row, asyncio.CancelledError) for row in rows[::2])

    looking(database_url, NAMES, act)


def test_a_connection_that_was_ended_is_opened_anew(database_url: str) -> None:
    async def act(looks: Looks) -> None:
        first = await looks.row({"n": 1})
        assert first is not None
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("SELECT pg_terminate_backend(%s, 10000)", (first["pid"],))
        rows = await asyncio.gather(*(looks.row({"n": n}) for n in range(10)))
        pids = {row["pid"] for row in rows if row is not None}
        assert len(pids) == 1
        assert first["pid"] not in pids

    looking(database_url, PID, act)


def test_while_the_database_is_away_it_is_said_so(own_postgres: EmbeddedPostgres) -> None:
    url = own_postgres.start()

    async def act(looks: Looks) -> None:
        assert await looks.row({"n": 1}) is not None
        own_postgres.stop()
        told = await asyncio.gather(*(looks.row({"n": n}) for n in range(5)), return_exceptions=True)
        assert all(isinstance(error, LogUnavailable) for error in told)
        own_postgres.start()
        assert await looks.row({"n": 3}) == {"n": 3, "name": "n3"}

    looking(url, NAMES, act)


def test_whoever_waits_at_the_end_is_told(database_url: str) -> None:
    async def act(looks: Looks) -> None:
        await looks.row({"n": 1})
        waiting = asyncio.ensure_future(looks.row({"n": 2}))
        await asyncio.sleep(0)
        looks.close()
        with pytest.raises(LogUnavailable):
            await waiting

    looking(database_url, NAMES, act)
