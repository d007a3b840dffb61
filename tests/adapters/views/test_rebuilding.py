"""Every view is a fold of the log: built while it grows or from nothing, in any batches, it comes out the same."""

from collections.abc import Iterator
from random import Random
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from adapters.event_log.store import PostgresEventStore
from adapters.postgres.database import Database
from adapters.postgres.statements import run
from adapters.views import follower as following
from adapters.views.catalogue import FOLLOWED
from adapters.views.dataset_tables import dataset_tables
from adapters.views.follower import Follower
from adapters.views.freshness import Freshness
from adapters.views.operation_status import operation_status
from adapters.views.past import PostgresHistory
from adapters.views.reading import PostgresViews
from domain.history import Moment
from domain.table.events import OutsideChangeAdopted, SchemaChanged, TableRegistered
from tests.adapters.views.random_history import RandomHistory

ASYNCHRONOUS = ("migrations_v4", "column_history_v2", "schema_versions_v2", "audit_trail_v1")
INLINE = ("dataset_tables_v1", "operation_status_v1")
STEPS = 150


def rows(database: Database, tables: tuple[str, ...]) -> dict[str, list[dict[str, Any]]]:
    return {table: database.rows(f"SELECT * FROM {table} ORDER BY 1, 2, 3", {}) for table in tables}


class Following:
    """The asynchronous views, advanced one batch at a time when told so."""

    def __init__(self, url: str, store: PostgresEventStore) -> None:
        self.connection = psycopg.connect(url, autocommit=True, row_factory=dict_row)
        self._followers = [Follower(url, store, projection) for projection in FOLLOWED]

    def advance(self) -> bool:
        moved = [follower._advance(self.connection) for follower in self._followers]
        return any(moved)

    def to_the_end(self) -> None:
        while self.advance():
            pass


@pytest.fixture
def followed(database_url: str, store: PostgresEventStore) -> Iterator[Following]:
    made = Following(database_url, store)
    yield made
    made.connection.close()


@pytest.mark.parametrize("seed", [1, 2])
def test_views_that_followed_equal_a_fold_of_the_log_from_nothing(
    database: Database,
    store: PostgresEventStore,
    followed: Following,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
) -> None:
    chance, history = Random(seed), RandomHistory(store, seed)
    for _ in range(STEPS):
        history.step()
        monkeypatch.setattr(following, "BATCH", chance.randint(1, 30))
        if chance.random() < 0.3:
            followed.advance()
    followed.to_the_end()
    seen = rows(database, ASYNCHRONOUS)
    assert all(seen.values())
    for table in (*ASYNCHRONOUS, "projections"):
        followed.connection.execute(f"DELETE FROM {table}".encode())
    monkeypatch.setattr(following, "BATCH", 1000)
    followed.to_the_end()
    assert rows(database, ASYNCHRONOUS) == seen

    inline = rows(database, INLINE)
    for table in INLINE:
        followed.connection.execute(f"DELETE FROM {table}".encode())
    for event in store.read(0, 100_000):
        for view in (operation_status, dataset_tables):
            for statement in view(event.stream, event.version, event.fact):
                run(followed.connection, statement)
    assert rows(database, INLINE) == inline


def test_what_was_true_and_known_is_what_a_plain_look_through_the_log_finds(
    database: Database, store: PostgresEventStore, followed: Following
) -> None:
    history, chance, unhurried = RandomHistory(store, 3), Random(3), PostgresHistory(database)
    for _ in range(STEPS):
        history.step()
    followed.to_the_end()
    views = PostgresViews(database, Freshness(database))
    for table in history.tables:
        told = _versions(store, table)
        assert [
            (view.version, view.applied_at, view.known_at, view.position)
            for view in reversed(views.schema_versions(table, 1000))
        ] == told
        moments = sorted({moment for _, true, known, _ in told for moment in (true, known)})
        for _ in range(40):
            at, known, position = chance.choice([None, *moments]), chance.choice([None, *moments]), None
            if at is None and known is None:
                position = chance.randint(1, told[-1][3] + 1)
            asked = Moment(at=at, known_at=known, position=position)
            expected = [
                version
                for version, true_at, known_at, place in told
                if (at is None or true_at <= at)
                and (known is None or known_at <= known)
                and (position is None or place <= position)
            ]
            found = unhurried.schema_at(table, asked)
            assert (found and found.version) == (max(expected) if expected else None)


def _versions(store: PostgresEventStore, table: Any) -> list[tuple[int, Any, Any, int]]:
    """Number, true since, known since and position of each version, by the book."""
    told = list[tuple[int, Any, Any, int]]()
    for event in store.load(table):
        fact = event.fact
        if isinstance(fact, TableRegistered):
            told.append((1, event.recorded_at, event.recorded_at, event.position))
        elif isinstance(fact, SchemaChanged):
            told.append((fact.version, event.recorded_at, event.recorded_at, event.position))
        elif isinstance(fact, OutsideChangeAdopted):
            true_since = max(told[-1][1], min(fact.effective_at, event.recorded_at))
            told.append((fact.version, true_since, event.recorded_at, event.position))
    return told
