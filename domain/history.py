"""What was so, and when: the past of a schema, derived from the log.

Two clocks: a version is true from ``effective_at`` on, and known from ``known_at`` on. They differ for changes made
outside and adopted later. Neither goes back from one version to the next.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from domain.diff import (
    ColumnAdded,
    ColumnDropped,
    ColumnsReordered,
    Difference,
    FieldRenamed,
    IndexAdded,
    IndexDropped,
    PrimaryKeyChanged,
    diff,
)
from domain.schema import Schema
from domain.views import SchemaVersionView


class Moment(Struct, frozen=True, kw_only=True):
    """What was true ``at`` a moment, as ``known_at`` another; None is now. Or as of a ``position`` of the log."""

    at: datetime | None = None
    known_at: datetime | None = None
    position: int | None = None


class Chapter(Struct, frozen=True, kw_only=True):
    """What one schema version did to one column. ``name`` is the last it had; ``alive``: it is in that version.

    ``restored`` says of a column that is added that it had lived before.
    """

    field_id: int
    name: str
    alive: bool
    restored: bool
    differences: tuple[Difference, ...]


class ChapterView(Struct, frozen=True, kw_only=True):
    """A chapter with when, by whom and why. Without a migration it is the table's registration."""

    chapter: Chapter
    version: int
    effective_at: datetime
    known_at: datetime
    position: int
    migration_id: UUID | None
    created_by: str | None
    adopted_by: str | None
    description: str | None


class History(Protocol):
    """Reads of the past, each one indexed SQL statement. Every method may raise LogUnavailable (retryable)."""

    def schema_at(self, table_id: UUID, moment: Moment) -> SchemaVersionView | None:
        """The schema version that held then; None before the first."""

    def two_versions(self, table_id: UUID, first: int, second: int) -> Sequence[SchemaVersionView]:
        """The two versions, in the order asked for; without those that do not exist."""

    def biography(self, table_id: UUID, name: str) -> Sequence[ChapterView]:
        """Every chapter of the column that has the name, or else had it last, oldest first; empty for no column."""


def chapters(before: Schema | None, after: Schema) -> tuple[Chapter, ...]:
    """What became of each column from one version to the next, or at the first; columns that stayed have none."""
    past = before or Schema(columns=(), last_column_id=0)
    by_column: dict[int, list[Difference]] = {}
    for difference in diff(past, after):
        for field_id in _concerned(difference, past, after):
            by_column.setdefault(field_id, []).append(difference)
    return tuple(_chapter(field_id, tuple(found), past, after) for field_id, found in sorted(by_column.items()))


def _chapter(field_id: int, differences: tuple[Difference, ...], before: Schema, after: Schema) -> Chapter:
    now = after.by_id(field_id)
    column = now or before.by_id(field_id)
    assert column is not None, "a difference is of a column that one of both has"
    return Chapter(
        field_id=field_id,
        name=column.name,
        alive=now is not None,
        restored=before.by_id(field_id) is None and field_id <= before.last_column_id,
        differences=differences,
    )


def _concerned(difference: Difference, before: Schema, after: Schema) -> Sequence[int]:
    """The ids of the columns whose own story the difference belongs to."""
    match difference:
        case ColumnAdded() | ColumnDropped():
            return (difference.column.id,)
        case IndexAdded() | IndexDropped():
            ids = difference.index.column_ids
            return tuple(before.owners(ids) | after.owners(ids))
        case PrimaryKeyChanged():
            return tuple(set(before.primary_key).symmetric_difference(after.primary_key))
        case FieldRenamed():
            column = after.find(difference.after.partition(".")[0])
            return () if column is None else (column.id,)
        case ColumnsReordered():
            # Where a column stands is a matter of all of them.
            return ()
        case _:
            return (difference.field_id,)
