"""The log, the views and the leases over a database of the test's own."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest

from adapters.event_log.store import PostgresEventStore
from adapters.leases import PostgresLeases
from adapters.postgres.database import Database
from adapters.system import RandomIds, SystemClock
from adapters.views.catalogue import INLINE
from adapters.views.dataset_tables import table_conflict
from adapters.views.reading import PostgresViews
from domain.facts import Append, Fact, Origin
from domain.operation.events import OperationRequested
from domain.table.events import TableRegistered
from tests.domain.planning import people

ORIGIN = Origin(actor="tester", request_id="r-1", reason="because")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    yield made
    made.close()


@pytest.fixture
def store(database: Database) -> PostgresEventStore:
    return PostgresEventStore(database, SystemClock(), RandomIds(), inline=INLINE, conflict=table_conflict)


@pytest.fixture
def views(database: Database) -> PostgresViews:
    return PostgresViews(database)


@pytest.fixture
def leases(database: Database) -> PostgresLeases:
    return PostgresLeases(database)


def write(store: PostgresEventStore, stream: UUID, version: int, *facts: Fact) -> int:
    """The position of the last."""
    return store.append([Append(stream=stream, expected_version=version, facts=facts)], ORIGIN)[-1].position


def registered(name: str = "people", location: str | None = None) -> TableRegistered:
    return TableRegistered(
        dataset_id="d",
        name=name,
        engine="lance",
        location=location or f"/tables/{name}",
        created=True,
        schema=people(),
        fingerprint="f",
    )


def requested(table_id: UUID | None = None) -> OperationRequested:
    table = table_id or uuid4()
    return OperationRequested(
        table_id=table, operation_type="migration", target_type="table", target_id=str(table), description="why"
    )
