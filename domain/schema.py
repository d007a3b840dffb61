"""Schemas: what a table's columns are, by ids that survive every rename and type change."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from domain.column_types import DataType
from domain.errors import ColumnNotFound
from domain.fields import numbered
from domain.type_text import parse_type

FINGERPRINT_ALGORITHM = "sha256-v1"


class Column(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One column of a schema version.

    ``id`` is never reused within a table. ``data_type`` is canonical type text. ``initial_default`` is what rows older
    than the column read and never changes; ``write_default`` is for rows written later. Both are JSON values of the
    column's type (see domain/literals.py); None is no default. ``field_ids`` are the ids of the fields inside a struct,
    by path; a column written in the log before fields had ids has none until its type changes.
    """

    id: int
    name: str
    data_type: str
    nullable: bool = True
    initial_default: Any = None
    write_default: Any = None
    comment: str | None = None
    metadata: dict[str, str] = {}
    field_ids: dict[str, int] = {}

    @property
    def type(self) -> DataType:
        return parse_type(self.data_type)

    def with_type(self, data_type: DataType) -> "Column":
        """The same column with that type, as canonical text."""
        return replace(self, data_type=str(data_type))


class Index(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A secondary index; ``index_type`` is the engine's lower-case name for it (``btree``, ``bitmap``, ``ivf_pq``).

    A vector index has a ``metric`` (``l2``, ``cosine``, ...) and may have ``settings`` (``num_partitions``, ...).
    """

    name: str
    column_ids: tuple[int, ...]
    index_type: str
    metric: str | None = None
    settings: dict[str, int] = {}


class Schema(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Columns in order, the primary key by column ids, the indexes, and the highest column id ever given."""

    columns: tuple[Column, ...]
    primary_key: tuple[int, ...] = ()
    indexes: tuple[Index, ...] = ()
    last_column_id: int

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def find(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)

    def column(self, name: str) -> Column:
        """The column of that exact name; raises ColumnNotFound."""
        if column := self.find(name):
            return column
        raise ColumnNotFound(name)

    def by_id(self, column_id: int) -> Column | None:
        return next((column for column in self.columns if column.id == column_id), None)

    def without_index(self, name: str) -> "Schema":
        return replace(self, indexes=tuple(index for index in self.indexes if index.name != name))

    def without_indexes(self) -> "Schema":
        return replace(self, indexes=())

    def index(self, name: str) -> Index | None:
        return next((index for index in self.indexes if index.name == name), None)

    def named(self, column_ids: Iterable[int]) -> tuple[str, ...]:
        """The names of the columns of those ids."""
        return tuple(column.name for column_id in column_ids if (column := self.by_id(column_id)) is not None)

    def inserted(self, column: Column, position: int | None) -> "Schema":
        """With a new column at ``position`` (0 is first; None is last), its id taken from ``last_column_id + 1``."""
        own_id = self.last_column_id + 1
        field_ids, last_id = numbered(column.type, {}, own_id)
        new = replace(column, id=own_id, field_ids=field_ids)
        at = len(self.columns) if position is None else position
        columns = (*self.columns[:at], new, *self.columns[at:])
        return replace(self, columns=columns, last_column_id=last_id)

    def revived(self, column: Column, position: int) -> "Schema":
        """With a column that was here before, under its own id."""
        return replace(self, columns=(*self.columns[:position], column, *self.columns[position:]))

    def moved(self, column_id: int, position: int) -> "Schema":
        """With the column at ``position``, 0 is first, and the others in their order."""
        column = next(column for column in self.columns if column.id == column_id)
        others = tuple(other for other in self.columns if other.id != column_id)
        return replace(self, columns=(*others[:position], column, *others[position:]))

    def replaced(self, column: Column) -> "Schema":
        """With the column of the same id replaced, in its place. Fields inside it keep their ids by path."""
        field_ids, last_id = numbered(column.type, column.field_ids, self.last_column_id)
        new = replace(column, field_ids=field_ids)
        columns = tuple(new if old.id == column.id else old for old in self.columns)
        return replace(self, columns=columns, last_column_id=last_id)

    def removed(self, column_id: int) -> "Schema":
        """Without the column, and without the indexes on it."""
        columns = tuple(column for column in self.columns if column.id != column_id)
        indexes = tuple(index for index in self.indexes if column_id not in index.column_ids)
        return replace(self, columns=columns, indexes=indexes)

    def indexes_on(self, column_id: int) -> tuple[Index, ...]:
        return tuple(index for index in self.indexes if column_id in index.column_ids)


def schema_of(columns: tuple[Column, ...], primary_key: tuple[str, ...] = ()) -> Schema:
    """A first schema: ids are given from 1 in order, whatever the columns came with; then to the fields inside them."""
    last_id, made = len(columns), list[Column]()
    for number, column in enumerate(columns, start=1):
        field_ids, last_id = numbered(column.type, {}, last_id)
        made.append(replace(column, id=number, field_ids=field_ids))
    ids = {column.name: column.id for column in made}
    return Schema(columns=tuple(made), primary_key=tuple(ids[name] for name in primary_key), last_column_id=last_id)


def fingerprint(schema: Schema) -> str:
    """``sha256-v1:`` and the SHA-256 of the schema's sorted-key JSON: equal exactly when the schemas are equal."""
    text = msgspec.json.encode(schema, order="sorted")
    return f"{FINGERPRINT_ALGORITHM}:{sha256(text).hexdigest()}"
