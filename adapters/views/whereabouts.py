"""Where tables and operations belong: asked once, and remembered for as long as there is room."""

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from adapters.postgres.database import Database
from domain.operation.events import OperationRequested
from domain.ports import EventStore

REMEMBERED = 20_000
"""Tables, and as many operations, that a process remembers: a few MB each."""

DATASET = "SELECT dataset_id FROM table_homes_v1 WHERE table_id = %(id)s"
TABLE = "SELECT table_id FROM operation_status_v1 WHERE operation_id = %(id)s"
T = TypeVar("T")


class PostgresWhereabouts:
    """Implements ``Whereabouts``."""

    def __init__(self, database: Database, store: EventStore) -> None:
        self._database, self._store = database, store
        self._datasets, self._tables = dict[UUID, str](), dict[UUID, UUID]()

    def dataset_of(self, table_id: UUID) -> str | None:
        return _remembered(self._datasets, table_id, self._dataset)

    def table_of(self, operation_id: UUID) -> UUID | None:
        return _remembered(self._tables, operation_id, self._table)

    def _dataset(self, table_id: UUID) -> str | None:
        row = self._database.row(DATASET, {"id": table_id})
        return str(row["dataset_id"]) if row else None

    def _table(self, operation_id: UUID) -> UUID | None:
        if row := self._database.row(TABLE, {"id": operation_id}):
            return UUID(str(row["table_id"]))
        # One that ended long ago may be off the list, and is in the log all the same.
        for event in self._store.load(operation_id):
            return event.fact.table_id if isinstance(event.fact, OperationRequested) else None
        return None


def _remembered(known: dict[UUID, T], key: UUID, look: Callable[[UUID], T | None]) -> T | None:
    """What is not there is not remembered: it may come to be. The oldest go first when there are too many."""
    if (value := known.get(key)) is not None:
        return value
    found = look(key)
    if found is not None:
        while len(known) >= REMEMBERED and (oldest := next(iter(known), None)) is not None:
            known.pop(oldest, None)
        known[key] = found
    return found
