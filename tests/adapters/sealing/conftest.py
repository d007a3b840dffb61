"""A log, its sealer, and somebody with all rights over the database."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg.rows import dict_row

from adapters.event_log.store import PostgresEventStore
from adapters.postgres.database import Database
from adapters.postgres.statements import Connection
from adapters.sealing.copy import OutsideCopy
from adapters.sealing.reading import PostgresSeal
from adapters.sealing.sealer import Sealer
from adapters.sealing.signing import KeyFiles
from tests.adapters.conftest import requested, write

Tamper = Callable[[str], None]


@pytest.fixture
def keys(tmp_path: Path) -> KeyFiles:
    made = KeyFiles(tmp_path / "seal" / "key")
    made.make()
    return made


@pytest.fixture
def copy(tmp_path: Path) -> OutsideCopy:
    return OutsideCopy(tmp_path / "elsewhere" / "checkpoints")


@pytest.fixture
def sealer(keys: KeyFiles, copy: OutsideCopy) -> Sealer:
    return Sealer(keys, copy)


@pytest.fixture
def seal(database: Database, keys: KeyFiles) -> PostgresSeal:
    return PostgresSeal(database, keys)


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url, autocommit=True, row_factory=dict_row) as made:
        yield made


@pytest.fixture
def tamper(connection: Connection) -> Tamper:
    """As the superuser of the database would, past every trigger."""

    def carry_out(statement: str) -> None:
        named = "SELECT tgname FROM pg_trigger WHERE tgrelid = 'stored_events'::regclass AND NOT tgisinternal"
        triggers = [row["tgname"] for row in connection.execute(named).fetchall()]
        for name in triggers:
            connection.execute(f"ALTER TABLE stored_events DISABLE TRIGGER {name}".encode())
        connection.execute(statement.encode())
        for name in triggers:
            connection.execute(f"ALTER TABLE stored_events ENABLE ALWAYS TRIGGER {name}".encode())

    return carry_out


def events(store: PostgresEventStore, count: int) -> None:
    for _ in range(count):
        write(store, uuid4(), 0, requested())
