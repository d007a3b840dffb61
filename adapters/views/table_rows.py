"""``dataset_tables`` for many events at once. What each event means: adapters/views/dataset_tables.py."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import Struct

from adapters.postgres.statements import Connection
from adapters.views.folding import Effects
from adapters.views.sheet import Sheet
from domain.facts import Recorded
from domain.table.events import OutsideChangeAdopted, SchemaChanged, TableRegistered, TableUnregistered


class TableRow(Struct, gc=False):
    """A row of the table, column by column."""

    table_id: UUID
    position: int
    dataset_id: str
    name: str
    description: str | None
    engine: str
    location: str
    schema_version: int
    schema: str
    created_at: datetime
    updated_at: datetime
    effective_at: datetime
    schema_position: int


class TableRows:
    """Implements ``Fold``."""

    def __init__(self) -> None:
        self._sheet = Sheet("dataset_tables_v1", TableRow)
        self.effects: Effects = {
            TableRegistered: self._registered,
            SchemaChanged: self._changed,
            OutsideChangeAdopted: self._adopted,
            TableUnregistered: self._unregistered,
        }

    def begin(self, connection: Connection, streams: Collection[UUID]) -> None:
        self._sheet.read(connection, streams)

    def end(self, connection: Connection) -> None:
        self._sheet.write(connection)

    def _registered(self, event: Recorded, fact: TableRegistered) -> None:
        row = TableRow(
            table_id=event.stream,
            position=event.position,
            dataset_id=fact.dataset_id,
            name=fact.name,
            description=fact.description,
            engine=fact.engine,
            location=fact.location,
            schema_version=1,
            schema=msgspec.json.encode(fact.schema).decode(),
            created_at=event.recorded_at,
            updated_at=event.recorded_at,
            effective_at=event.recorded_at,
            schema_position=event.position,
        )
        self._sheet.add(event.stream, row)

    def _changed(self, event: Recorded, fact: SchemaChanged) -> None:
        self._version(event, fact, event.recorded_at)

    def _adopted(self, event: Recorded, fact: OutsideChangeAdopted) -> None:
        self._version(event, fact, fact.effective_at)

    def _version(self, event: Recorded, fact: SchemaChanged | OutsideChangeAdopted, effective_at: datetime) -> None:
        row = self._sheet.change(event.stream)
        if row is not None:
            row.schema_version, row.schema = fact.version, msgspec.json.encode(fact.schema).decode()
            row.updated_at, row.schema_position = event.recorded_at, event.position
            row.effective_at = max(row.effective_at, min(effective_at, event.recorded_at))

    def _unregistered(self, event: Recorded, fact: TableUnregistered) -> None:
        self._sheet.remove(event.stream)
