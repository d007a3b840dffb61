"""``operation_status`` for many events at once. What each event means: adapters/views/operation_status.py."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct

from adapters.postgres.statements import Connection
from adapters.views.folding import Effects
from adapters.views.sheet import Sheet
from domain.facts import Recorded
from domain.operation.events import (
    OperationCancellationAcknowledged,
    OperationCancellationRequested,
    OperationCancelled,
    OperationCompleted,
    OperationFailed,
    OperationProgressed,
    OperationPublishing,
    OperationReleased,
    OperationRequested,
    OperationStarted,
)
from domain.operation.telling import sentence


class OperationRow(Struct, gc=False):
    """A row of the table, column by column."""

    operation_id: UUID
    position: int
    version: int
    table_id: UUID
    operation_type: str
    target_type: str
    target_id: str
    description: str
    status: str
    percent: float
    cancellation_requested: bool
    created_at: datetime
    migration_id: UUID | None = None
    message: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    request_fingerprint: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    estimated_ms: int | None = None
    uncorrected_ms: int | None = None
    measured_ms: int | None = None
    attempt: int | None = None
    units_done: int | None = None
    units_total: int | None = None
    rows_done: int | None = None
    rows_total: int | None = None
    rows_per_second: float | None = None
    expected_end_at: datetime | None = None
    cancellation_reason: str | None = None
    cancellation_requested_at: datetime | None = None
    cancellation_acknowledged_at: datetime | None = None
    retries: UUID | None = None
    awaits: str | None = None


class OperationRows:
    """Implements ``Fold``."""

    def __init__(self) -> None:
        self._sheet = Sheet("operation_status_v1", OperationRow)
        self.effects: Effects = {
            OperationRequested: self._requested,
            OperationStarted: self._started,
            OperationProgressed: self._progressed,
            OperationPublishing: self._publishing,
            OperationReleased: self._released,
            OperationCancellationRequested: self._cancellation_requested,
            OperationCancellationAcknowledged: self._cancellation_acknowledged,
            OperationCompleted: self._completed,
            OperationFailed: self._failed,
            OperationCancelled: self._cancelled,
        }

    def begin(self, connection: Connection, streams: Collection[UUID]) -> None:
        self._sheet.read(connection, streams)

    def end(self, connection: Connection) -> None:
        self._sheet.write(connection)

    def _requested(self, event: Recorded, fact: OperationRequested) -> None:
        row = OperationRow(
            operation_id=event.stream,
            position=event.position,
            version=event.version,
            table_id=fact.table_id,
            migration_id=fact.migration_id,
            operation_type=fact.operation_type,
            target_type=fact.target_type,
            target_id=fact.target_id,
            description=fact.description,
            status="pending",
            percent=0.0,
            cancellation_requested=False,
            request_fingerprint=fact.request_fingerprint,
            created_at=event.recorded_at,
            estimated_ms=fact.estimated_ms,
            uncorrected_ms=fact.uncorrected_ms,
            retries=fact.retries,
            message=sentence(fact),
            awaits=fact.awaits,
        )
        self._sheet.add(event.stream, row)

    def _moved(self, event: Recorded) -> OperationRow | None:
        row = self._sheet.change(event.stream)
        if row is not None:
            row.version = event.version
        return row

    def _started(self, event: Recorded, fact: OperationStarted) -> None:
        if row := self._moved(event):
            row.status, row.message, row.attempt = "running", sentence(fact), fact.attempt
            row.started_at = row.started_at or event.recorded_at
            row.units_done = row.units_total = row.rows_done = row.rows_total = row.rows_per_second = None
            row.expected_end_at = _later(event, row.estimated_ms)

    def _progressed(self, event: Recorded, fact: OperationProgressed) -> None:
        if row := self._moved(event):
            row.percent, row.message = max(row.percent, fact.percent), fact.message
            row.units_done, row.units_total = fact.units_done, fact.units_total
            row.rows_done, row.rows_total, row.rows_per_second = fact.rows_done, fact.rows_total, fact.rows_per_second
            row.expected_end_at = _later(event, fact.remaining_ms) or row.expected_end_at

    def _publishing(self, event: Recorded, fact: OperationPublishing) -> None:
        if row := self._moved(event):
            row.message = sentence(fact)

    def _released(self, event: Recorded, fact: OperationReleased) -> None:
        if row := self._moved(event):
            row.message, row.awaits = sentence(fact), None

    def _cancellation_requested(self, event: Recorded, fact: OperationCancellationRequested) -> None:
        if row := self._moved(event):
            row.cancellation_requested, row.cancellation_reason = True, fact.reason
            row.cancellation_requested_at = event.recorded_at

    def _cancellation_acknowledged(self, event: Recorded, fact: OperationCancellationAcknowledged) -> None:
        if row := self._moved(event):
            row.message, row.cancellation_acknowledged_at = sentence(fact), event.recorded_at

    def _completed(self, event: Recorded, fact: OperationCompleted) -> None:
        if row := self._ended(event, "completed"):
            row.percent, row.message, row.measured_ms = 100.0, fact.message, fact.measured_ms

    def _failed(self, event: Recorded, fact: OperationFailed) -> None:
        if row := self._ended(event, "failed"):
            row.error_code, row.error_message = fact.code, fact.message

    def _cancelled(self, event: Recorded, fact: OperationCancelled) -> None:
        if row := self._ended(event, "cancelled"):
            row.message = sentence(fact)

    def _ended(self, event: Recorded, status: str) -> OperationRow | None:
        row = self._moved(event)
        if row is not None:
            row.status, row.completed_at, row.expected_end_at = status, event.recorded_at, None
        return row


def _later(event: Recorded, milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else event.recorded_at + timedelta(milliseconds=milliseconds)
