"""Connections fall silent without being closed, as when a failover goes unannounced: every wait for an answer ends."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from adapters.event_log import feed as feeding
from adapters.event_log.feed import Feed
from adapters.event_log.store import PostgresEventStore
from adapters.postgres import connecting, looks
from adapters.postgres.connecting import BRISK, ELECTION, LISTENING
from adapters.postgres.database import Database
from adapters.postgres.deadlines import NoAnswer
from adapters.postgres.elected import Elected
from adapters.postgres.looks import Looks
from adapters.postgres.statements import Connection, Statement, run
from adapters.system import RandomIds, SystemClock
from adapters.views.catalogue import INLINE
from domain.errors import LogUnavailable
from domain.operation.events import OperationStarted
from tests.adapters.conftest import requested, write
from tests.silent_proxy import SilentProxy, silent_proxy

LONG_ENOUGH = 30.0


@pytest.fixture
def proxy(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[SilentProxy]:
    """A way to PostgreSQL that can fall silent; answers may take half a second only."""
    monkeypatch.setattr("adapters.postgres.database.BRISK", BRISK._replace(seconds=0.5))
    monkeypatch.setattr("adapters.postgres.elected.ELECTION", ELECTION._replace(seconds=0.5))
    monkeypatch.setattr(feeding, "LISTENING", LISTENING._replace(seconds=0.5))
    monkeypatch.setattr(feeding, "SECONDS_BETWEEN_TOUCHES", 0.2)
    monkeypatch.setattr(looks, "SECONDS_FOR_AN_ANSWER", 0.5)
    with silent_proxy(database_url) as made:
        yield made


@pytest.fixture
def behind(proxy: SilentProxy) -> Iterator[Database]:
    made = Database(proxy.url)
    yield made
    made.close()


def test_appends_and_reads_go_on_over_new_connections(proxy: SilentProxy, behind: Database) -> None:
    store = PostgresEventStore(behind, SystemClock(), RandomIds(), inline=INLINE)
    operations = [uuid4() for _ in range(12)]
    with ThreadPoolExecutor(12) as callers:
        for operation in operations:
            callers.submit(write, store, operation, 0, requested()).result(LONG_ENOUGH)
        list(callers.map(store.load, operations))
        assert proxy.freeze() > 1
        # Leaders and followers of shared commits alike.
        started = OperationStarted(attempt=1, worker="w")
        places = [callers.submit(write, store, operation, 1, started) for operation in operations]
        answered = [place for place in places if place.exception(LONG_ENOUGH) is None]
        assert all(isinstance(place.exception(), LogUnavailable | None) for place in places)
        assert answered
        assert behind.problem() is None
        for operation, place in zip(operations, places, strict=True):
            assert len(store.load(operation)) == (2 if place in answered else 1)


def test_the_cut_connection_is_named_as_silent(proxy: SilentProxy, behind: Database) -> None:
    with behind.pool.connection() as connection:
        assert run(connection, Statement("SELECT 1 AS one", {})).rows == [{"one": 1}]
        proxy.freeze()
        for ask in (lambda: run(connection, Statement("SELECT 1 AS one", {})),):
            with pytest.raises(NoAnswer, match="has not answered within"):
                ask()


def test_what_the_event_loop_asks_goes_on(proxy: SilentProxy) -> None:
    async def act() -> None:
        asking = Looks(proxy.url, "SELECT %(n)s::int AS n")
        assert await asking.row({"n": 1}) == {"n": 1}
        proxy.freeze()
        answers = await asyncio.gather(*(asking.row({"n": n}) for n in range(5)))
        assert answers == [{"n": n} for n in range(5)]
        asking.close()

    asyncio.run(act())


def test_the_feed_listens_again(proxy: SilentProxy, database_url: str) -> None:
    direct = Database(database_url)
    store, feed, woken = PostgresEventStore(direct, SystemClock(), RandomIds()), Feed(proxy.url), threading.Event()
    feed.start()
    try:
        assert feed.listening.wait(LONG_ENOUGH)
        proxy.freeze()
        feed.on_append(woken.set)
        # The first wake-up is for the new connection; from then on, news come in.
        assert woken.wait(LONG_ENOUGH)
        woken.clear()
        write(store, uuid4(), 0, requested())
        assert woken.wait(LONG_ENOUGH)
    finally:
        feed.stop()
        direct.close()


def test_an_election_is_let_go_by_who_has_fallen_silent(
    proxy: SilentProxy, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connection stays open at PostgreSQL: it says nothing for too long, and the session is ended there."""
    gone, lives = threading.Event(), threading.Event()

    def advance(event: threading.Event) -> bool:
        event.set()
        return False

    settings = "SET idle_session_timeout = '1500ms'"
    monkeypatch.setattr("adapters.postgres.elected.ELECTION", ELECTION._replace(settings=settings))
    first = Elected(proxy.url, "view v", lambda _: advance(gone))
    second = Elected(database_url, "view v", lambda _: advance(lives))
    first.start()
    assert gone.wait(LONG_ENOUGH)
    second.start()
    try:
        proxy.freeze()
        assert lives.wait(LONG_ENOUGH)
    finally:
        second.stop()
        proxy.close()
        first.stop()


def test_sessions_are_set_as_we_rely_on_whatever_the_database_has(database_url: str) -> None:
    odd = {
        "datestyle": "German, DMY",
        "intervalstyle": "sql_standard",
        "bytea_output": "escape",
        "synchronous_commit": "off",
        "default_transaction_isolation": "serializable",
        "statement_timeout": "250ms",
    }
    with connecting.open_connection(database_url, BRISK) as connection:
        for name, value in odd.items():
            connection.execute(f"ALTER DATABASE {connection.info.dbname} SET {name} = '{value}'".encode())
    database = Database(database_url)
    try:
        shown = database.read(lambda connection: {name: _shown(connection, name) for name in odd})
    finally:
        database.close()
    assert shown == {
        "datestyle": "ISO, MDY",
        "intervalstyle": "postgres",
        "bytea_output": "hex",
        "synchronous_commit": "on",
        "default_transaction_isolation": "read committed",
        "statement_timeout": "10s",
    }


def _shown(connection: Connection, name: str) -> str:
    row = run(connection, Statement("SELECT current_setting(%(name)s) AS value", {"name": name})).first
    assert row is not None
    return str(row["value"])
