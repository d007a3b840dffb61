"""Views rebuilt from the log: equal to the live ones, in place without a pause, verified, and as of some position."""

from collections.abc import Iterator
from random import Random

import pytest

from adapters.event_log.recorder import LOG_LOCK
from adapters.event_log.store import PostgresEventStore
from adapters.postgres.database import Database
from adapters.views import rebuilding
from adapters.views.rebuilding import PostgresReplays
from api.compose import VIEWS
from tests.adapters.views.random_history import RandomHistory
from tests.adapters.views.test_rebuilding import ASYNCHRONOUS, INLINE, Following, rows

ALL = tuple(view.name for view in VIEWS)


def unwatched(done: int, total: int) -> None:
    pass


@pytest.fixture
def followed(database_url: str, store: PostgresEventStore) -> Iterator[Following]:
    made = Following(database_url, store)
    yield made
    made.connection.close()


@pytest.fixture
def replays(database_url: str, database: Database, store: PostgresEventStore) -> PostgresReplays:
    return PostgresReplays(database_url, database, store, VIEWS, LOG_LOCK)


def indexes(database: Database) -> list[dict[str, str]]:
    return database.rows(
        "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2", {}
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_rebuilt_views_are_row_for_row_what_the_live_ones_were(
    database: Database,
    store: PostgresEventStore,
    followed: Following,
    replays: PostgresReplays,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
) -> None:
    history = RandomHistory(store, seed)
    for _ in range(150):
        history.step()
    followed.to_the_end()
    monkeypatch.setattr(rebuilding, "BATCH", Random(seed).randint(7, 90))
    monkeypatch.setattr(rebuilding, "CLOSE", 5)
    live, shaped = rows(database, ASYNCHRONOUS + INLINE), indexes(database)
    assert all(live.values())
    for table in ASYNCHRONOUS + INLINE:
        followed.connection.execute(f"DELETE FROM {table}")
    rebuilt = replays.rebuild(ALL, "k", unwatched)
    assert rows(database, ASYNCHRONOUS + INLINE) == live
    assert indexes(database) == shaped
    assert rebuilt.position == len(store.read(0, 100_000))
