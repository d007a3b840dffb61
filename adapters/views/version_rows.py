"""``schema_versions`` for many events at once. What each event means: adapters/views/schema_versions.py."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg.rows import tuple_row

from adapters.postgres.statements import Connection
from adapters.views.folding import Effects
from adapters.views.sheet import copy
from domain.facts import Recorded
from domain.table.events import OutsideChangeAdopted, SchemaChanged, TableRegistered

TABLE = "schema_versions_v2"
COLUMNS = ("table_id", "version", "schema", "fingerprint", "migration_id", "effective_at", "known_at", "position")
NEWEST = f"""
SELECT DISTINCT ON (table_id) table_id, effective_at FROM {TABLE} WHERE table_id = ANY(%s)
ORDER BY table_id, version DESC
"""  # noqa: S608  # only our own SQL is put together


class VersionRows:
    """Implements ``Fold``. Rows are only added; of those before, it matters since when the newest was true."""

    def __init__(self) -> None:
        self._true_since, self._rows = dict[UUID, datetime](), list[tuple[Any, ...]]()
        self.effects: Effects = {
            TableRegistered: self._registered,
            SchemaChanged: self._changed,
            OutsideChangeAdopted: self._adopted,
        }

    def begin(self, connection: Connection, streams: Collection[UUID]) -> None:
        self._rows.clear()
        self._true_since.clear()
        if streams:
            with connection.cursor(row_factory=tuple_row, binary=True) as cursor:
                self._true_since.update(cursor.execute(NEWEST.encode(), (list(streams),)).fetchall())

    def end(self, connection: Connection) -> None:
        copy(connection, TABLE, COLUMNS, self._rows)

    def _registered(self, event: Recorded, fact: TableRegistered) -> None:
        self._add(event, fact, 1, None, event.recorded_at)

    def _changed(self, event: Recorded, fact: SchemaChanged) -> None:
        self._add(event, fact, fact.version, fact.migration_id, event.recorded_at)

    def _adopted(self, event: Recorded, fact: OutsideChangeAdopted) -> None:
        self._add(event, fact, fact.version, fact.migration_id, fact.effective_at)

    def _add(
        self,
        event: Recorded,
        fact: TableRegistered | SchemaChanged | OutsideChangeAdopted,
        version: int,
        migration_id: UUID | None,
        effective_at: datetime,
    ) -> None:
        known_at = event.recorded_at
        true_since = min(effective_at, known_at)
        if before := self._true_since.get(event.stream):
            true_since = max(true_since, before)
        self._true_since[event.stream] = true_since
        schema = msgspec.json.encode(fact.schema).decode()
        place = (known_at, event.position)
        self._rows.append((event.stream, version, schema, fact.fingerprint, migration_id, true_since, *place))
