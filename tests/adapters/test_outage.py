"""PostgreSQL goes away and comes back: said to be away meanwhile, and nobody has to be started again."""

import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from adapters.embedded_postgres import EmbeddedPostgres
from adapters.event_log.feed import Feed
from adapters.event_log.recorder import LOG_SQL
from adapters.event_log.store import PostgresEventStore
from adapters.leases import PostgresLeases
from adapters.postgres.database import Database
from adapters.postgres.preparing import prepare_database
from adapters.system import RandomIds, SystemClock
from adapters.views.catalogue import FOLLOWED, INLINE
from adapters.views.follower import Follower
from adapters.views.reading import PostgresViews
from domain.errors import LogUnavailable
from domain.operation.events import OperationStarted
from tests.adapters.conftest import registered, requested, write
from tests.contracts.test_leases import TERM

FEW_SECONDS = 6.0
LONG_ENOUGH = 30.0


@pytest.fixture
def postgres() -> Iterator[EmbeddedPostgres]:
    with tempfile.TemporaryDirectory(prefix="schemaledger-tests-") as place:
        made = EmbeddedPostgres(Path(place) / "postgres")
        prepare_database(made.start(), LOG_SQL)
        yield made
        made.stop()


def test_while_the_database_is_away_it_is_said_so_and_afterwards_all_goes_on(postgres: EmbeddedPostgres) -> None:
    url = postgres.start()
    database = Database(url)
    store = PostgresEventStore(database, SystemClock(), RandomIds(), inline=INLINE)
    views, leases, feed = PostgresViews(database), PostgresLeases(database), Feed(url)
    follower = Follower(url, store, next(view for view in FOLLOWED if view.name == "schema_versions_v2"))
    feed.on_append(follower.wake)
    feed.start()
    follower.start()
    try:
        operation, table = uuid4(), uuid4()
        write(store, operation, 0, requested())
        postgres.stop()
        for attempt in (
            lambda: write(store, operation, 1, OperationStarted(attempt=1, worker="w")),
            lambda: store.load(operation),
            lambda: views.operation(operation),
            lambda: leases.claim("w", TERM),
        ):
            began = time.monotonic()
            with pytest.raises(LogUnavailable):
                attempt()
            assert time.monotonic() - began < FEW_SECONDS

        woken = threading.Event()
        feed.listen(operation, woken.set)
        postgres.start()
        write(store, operation, 1, OperationStarted(attempt=1, worker="w"))
        write(store, table, 0, registered())
        assert woken.wait(LONG_ENOUGH)
        deadline = time.monotonic() + LONG_ENOUGH
        while not views.schema_versions(table, 1) and time.monotonic() < deadline:
            pass
        assert [version.version for version in views.schema_versions(table, 1)] == [1]
        assert leases.claim("w", TERM) is not None
    finally:
        follower.stop()
        feed.stop()
        database.close()
