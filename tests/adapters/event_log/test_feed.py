"""News of the log reach whoever waits, also after an interruption."""

import threading
from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest

from adapters.event_log.feed import Feed
from adapters.event_log.store import PostgresEventStore
from tests.adapters.conftest import requested, write

LONG_ENOUGH = 20.0


@pytest.fixture
def feed(database_url: str) -> Iterator[Feed]:
    made = Feed(database_url)
    made.start()
    assert made.listening.wait(LONG_ENOUGH)
    yield made
    made.stop()


def test_whoever_waits_for_an_operation_is_woken_by_its_events_only(feed: Feed, store: PostgresEventStore) -> None:
    operation, other = uuid4(), uuid4()
    woken, not_mine = threading.Event(), threading.Event()
    unlisten = feed.listen(operation, woken.set)
    feed.listen(uuid4(), not_mine.set)
    write(store, operation, 0, requested())
    assert woken.wait(LONG_ENOUGH)
    unlisten()
    woken.clear()
    anything = threading.Event()
    feed.on_append(anything.set)
    write(store, other, 0, requested())
    assert anything.wait(LONG_ENOUGH)
    assert not woken.is_set()
    assert not not_mine.is_set()


def test_the_feed_reconnects_by_itself_and_wakes_everybody(
    feed: Feed, store: PostgresEventStore, database_url: str
) -> None:
    woken = threading.Event()
    feed.listen(uuid4(), woken.set)
    with psycopg.connect(database_url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
    assert woken.wait(LONG_ENOUGH)
    again = threading.Event()
    operation = uuid4()
    feed.listen(operation, again.set)
    write(store, operation, 0, requested())
    assert again.wait(LONG_ENOUGH)


def test_a_listener_that_fails_does_not_keep_the_others_asleep(feed: Feed, store: PostgresEventStore) -> None:
    def fail() -> None:
        raise RuntimeError("Event loop is closed")

    feed.on_append(fail)
    woken = threading.Event()
    feed.on_append(woken.set)
    write(store, uuid4(), 0, requested())
    assert woken.wait(LONG_ENOUGH)


@pytest.mark.parametrize("payload", ["*", "no id at all"])
def test_news_that_name_nobody_wake_everybody(feed: Feed, database_url: str, payload: str) -> None:
    woken = threading.Event()
    feed.listen(uuid4(), woken.set)
    woken.clear()
    with psycopg.connect(database_url, autocommit=True) as other:
        other.execute("SELECT pg_notify('stored_events', %s)", (payload,))
    assert woken.wait(LONG_ENOUGH)
