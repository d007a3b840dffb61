"""``audit_trail`` and ``event_streams`` for many events at once.

What each event means: adapters/views/audit_trail.py and event_streams.py.
"""

from collections.abc import Collection
from typing import Any, get_args
from uuid import UUID

from psycopg.rows import tuple_row

from adapters.postgres.statements import Connection
from adapters.views.audit_trail import NAME
from adapters.views.event_streams import BEGINS
from adapters.views.folding import Effects
from adapters.views.sheet import copy
from domain.all_facts import AnyFact
from domain.facts import Fact, Recorded
from domain.migration.events import MigrationFact
from domain.operation.events import OperationFact
from domain.table.events import TableRegistered
from domain.trail.entry import cause_of, table_of

COLUMNS = ("position", "stream", "version", "recorded_at", "type", "actor", "table_id", "cause")
FIRSTS = f"SELECT stream, table_id FROM {NAME} WHERE version = 1 AND stream = ANY(%s)"  # noqa: S608
LATER = {
    kind for kind in (*get_args(MigrationFact), *get_args(OperationFact)) if "table_id" not in kind.__struct_fields__
}
"""What leaves it to the first event of its stream of which table it is."""


class TrailRows:
    """Implements ``Fold``. Rows are only added; of those before, it matters of which table a stream is."""

    def __init__(self) -> None:
        self._topics = {kind: kind.__struct_config__.tag for kind in get_args(AnyFact)}
        self._tables, self._rows = dict[int, UUID | None](), list[tuple[Any, ...]]()
        self.effects: Effects = {kind: self._later if kind in LATER else self._told for kind in get_args(AnyFact)}

    def begin(self, connection: Connection, streams: Collection[UUID]) -> None:
        self._rows.clear()
        self._tables.clear()
        if streams:
            with connection.cursor(row_factory=tuple_row, binary=True) as cursor:
                for stream, table_id in cursor.execute(FIRSTS.encode(), (list(streams),)):
                    self._tables[stream.int] = table_id

    def end(self, connection: Connection) -> None:
        copy(connection, NAME, COLUMNS, self._rows)

    def _told(self, event: Recorded, fact: Fact) -> None:
        """An event that knows itself of which table it is, or is of none."""
        table_id, cause = table_of(event), cause_of(event)
        if event.version == 1:
            self._tables[event.stream.int] = table_id
        self._add(event, fact, table_id, cause)

    def _later(self, event: Recorded, fact: Fact) -> None:
        self._add(event, fact, self._tables.get(event.stream.int), event.stream)

    def _add(self, event: Recorded, fact: Fact, table_id: UUID | None, cause: UUID | None) -> None:
        self._rows.append(
            (
                event.position,
                event.stream,
                event.version,
                event.recorded_at,
                self._topics[type(fact)],
                event.metadata.origin.actor,
                table_id,
                cause,
            )
        )


class StreamRows:
    """Implements ``Fold``. Rows are only added, one for each stream."""

    def __init__(self) -> None:
        self._rows = list[tuple[UUID, UUID]]()
        self.effects: Effects = dict.fromkeys(BEGINS, self._begun)

    def begin(self, connection: Connection, streams: Collection[UUID]) -> None:
        self._rows.clear()

    def end(self, connection: Connection) -> None:
        copy(connection, "event_streams_v1", ("stream", "table_id"), self._rows)

    def _begun(self, event: Recorded, fact: Any) -> None:
        self._rows.append((event.stream, event.stream if isinstance(fact, TableRegistered) else fact.table_id))
