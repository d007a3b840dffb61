"""``migrations`` with ``column_history`` for many events at once.

What each event means: adapters/views/migrations.py and column_history.py.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from adapters.postgres.statements import Connection
from adapters.views.folding import Effects
from adapters.views.sheet import Sheet, copy
from domain.facts import Recorded
from domain.history import chapters
from domain.migration.approval import why_rejected
from domain.migration.events import (
    MigrationAdopted,
    MigrationCancelled,
    MigrationFailed,
    MigrationRejected,
    MigrationRequested,
    MigrationStarted,
    MigrationSucceeded,
)
from domain.schema import Schema
from domain.table.events import TableRegistered

CHAPTERS = "column_history_v2"
CHAPTER_COLUMNS = ("table_id", "field_id", "version", "name", "alive", "chapter")


class MigrationRow(Struct, gc=False):
    """A row of the table, column by column."""

    migration_id: UUID
    position: int
    table_id: UUID
    dataset_id: str
    from_version: int
    to_version: int
    operations: str
    description: str | None
    status: str
    created_at: datetime
    created_by: str
    operation_id: UUID | None = None
    reverts: UUID | None = None
    error_code: str | None = None
    error_message: str | None = None
    adopted_by: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None


class MigrationRows:
    """Implements ``Fold``."""

    def __init__(self) -> None:
        self._sheet, self._chapters = Sheet("migrations_v4", MigrationRow), list[tuple[Any, ...]]()
        self.effects: Effects = {
            MigrationRequested: self._requested,
            MigrationAdopted: self._adopted,
            MigrationStarted: self._started,
            MigrationSucceeded: self._succeeded,
            MigrationFailed: self._failed,
            MigrationCancelled: self._cancelled,
            MigrationRejected: self._rejected,
            TableRegistered: self._born,
        }

    def begin(self, connection: Connection, streams: Collection[UUID]) -> None:
        self._chapters.clear()
        self._sheet.read(connection, streams)

    def end(self, connection: Connection) -> None:
        self._sheet.write(connection)
        copy(connection, CHAPTERS, CHAPTER_COLUMNS, self._chapters)

    def _requested(self, event: Recorded, fact: MigrationRequested) -> None:
        row = _asked(event, fact, "pending", event.recorded_at, event.metadata.origin.actor)
        row.operation_id, row.reverts = fact.operation_id, fact.reverts
        self._sheet.add(event.stream, row)

    def _adopted(self, event: Recorded, fact: MigrationAdopted) -> None:
        row = _asked(event, fact, "succeeded", fact.effective_at, "unknown")
        row.adopted_by = event.metadata.origin.actor
        row.started_at = row.completed_at = fact.effective_at
        self._sheet.add(event.stream, row)
        self._tell(row.table_id, row.to_version, fact.before, fact.after)

    def _started(self, event: Recorded, fact: MigrationStarted) -> None:
        if row := self._sheet.change(event.stream):
            row.status, row.started_at = "running", event.recorded_at

    def _succeeded(self, event: Recorded, fact: MigrationSucceeded) -> None:
        if row := self._ended(event, "succeeded", None, None):
            self._tell(row.table_id, row.to_version, fact.before, fact.after)

    def _failed(self, event: Recorded, fact: MigrationFailed) -> None:
        self._ended(event, "failed", fact.code, fact.message)

    def _cancelled(self, event: Recorded, fact: MigrationCancelled) -> None:
        self._ended(event, "cancelled", "cancelled", fact.reason)

    def _rejected(self, event: Recorded, fact: MigrationRejected) -> None:
        self._ended(event, "rejected", fact.code, why_rejected(fact))

    def _born(self, event: Recorded, fact: TableRegistered) -> None:
        self._tell(event.stream, 1, None, fact.schema)

    def _ended(self, event: Recorded, status: str, code: str | None, message: str | None) -> MigrationRow | None:
        row = self._sheet.change(event.stream)
        if row is not None:
            row.status, row.completed_at, row.error_code, row.error_message = status, event.recorded_at, code, message
        return row

    def _tell(self, table_id: UUID, version: int, before: Schema | None, after: Schema) -> None:
        for chapter in chapters(before, after):
            told = msgspec.json.encode(chapter).decode()
            self._chapters.append((table_id, chapter.field_id, version, chapter.name, chapter.alive, told))


def _asked(
    event: Recorded, fact: MigrationRequested | MigrationAdopted, status: str, created_at: datetime, created_by: str
) -> MigrationRow:
    return MigrationRow(
        migration_id=event.stream,
        position=event.position,
        table_id=fact.table_id,
        dataset_id=fact.dataset_id,
        from_version=fact.from_version,
        to_version=fact.to_version,
        operations=bytes(fact.operations).decode(),
        description=fact.description,
        status=status,
        created_at=created_at,
        created_by=created_by,
    )
