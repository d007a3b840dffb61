"""Schemas: what a table's columns are, by ids that survive every rename and type change."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from domain.column_types import DataType, ListOf
from domain.errors import ColumnNotFound
from domain.fields import joined, names_in, numbered, split, type_at
from domain.type_text import parse_type

FINGERPRINT_ALGORITHM = "sha256-v1"

IndexSetting = int | float | str | bool | list[str] | None
"""What one setting of an index may be."""
FieldFound = tuple[int, str | None, DataType]
"""A field's id, the rest of a path that leads on from it inside a list, and the type of what the path leads to."""


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

    ``column_ids`` are ids of columns, or of fields inside struct columns. A vector index has a ``metric`` (``l2``,
    ``cosine``, ...). ``settings`` are in the engine's own words (``num_partitions``, ``base_tokenizer``, ...): those
    that are known and not what the engine would choose. An index on what lies inside a list has a ``list_path``, the
    rest of the path below the field: empty for the items themselves.
    """

    name: str
    column_ids: tuple[int, ...]
    index_type: str
    metric: str | None = None
    settings: dict[str, IndexSetting] = {}
    list_path: str | None = None


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
        """The names of the columns of those ids, and the dotted paths of the fields inside columns."""
        return tuple(path for column_id in column_ids if (path := self.path_of(column_id)) is not None)

    def indexed(self, index: Index) -> tuple[str, ...]:
        """What an index is on: names and dotted paths, through lists too."""
        below = f".{index.list_path}" if index.list_path else ""
        return tuple(f"{path}{below}" for path in self.named(index.column_ids))

    def owner(self, field_id: int) -> Column | None:
        """The column of that id, or the one that the field of that id lies in."""
        for column in self.columns:
            if field_id == column.id or field_id in column.field_ids.values():
                return column
        return None

    def owners(self, field_ids: Iterable[int]) -> set[int]:
        """The ids of the columns that the fields are or lie in."""
        return {column.id for field_id in field_ids if (column := self.owner(field_id)) is not None}

    def path_of(self, field_id: int) -> str | None:
        """The name of the column of that id, or the dotted path of the field."""
        if (column := self.owner(field_id)) is None:
            return None
        inner = next((path for path, own_id in column.field_ids.items() if own_id == field_id), None)
        return column.name if field_id == column.id or inner is None else f"{column.name}.{inner}"

    def find_field(self, path: str) -> FieldFound | None:
        """What a path leads to: a column, a field inside one, or what lies in a list of either."""
        column, inner = self._entered(path)
        if column is None:
            return None
        names, rest = names_in(inner), list[str]()
        while names and joined(names) not in column.field_ids:
            rest.insert(0, names.pop())
        own_id = column.field_ids[joined(names)] if names else column.id
        found = type_at(column.type, joined(names))
        if not rest:
            return None if found is None else (own_id, None, found)
        leaf = None if found is None or not isinstance(found, ListOf) else type_at(found, joined(rest))
        return None if leaf is None else (own_id, joined(rest), leaf)

    def numbered_at(self, path: str) -> "Schema":
        """With ids for the fields inside the column of a path: one written before fields had ids has none."""
        column, _ = self._entered(path)
        return self if column is None else self.replaced(column)

    def _entered(self, path: str) -> tuple[Column | None, str]:
        """The column of that name, or the one that a path begins with and the rest of the path."""
        if (column := self.find(path)) is not None:
            return column, ""
        name, inner = split(path)
        return self.find(name), inner

    def type_under(self, index: Index) -> DataType | None:
        """The type of what an index is on; None when that is not there."""
        found = [self.find_field(path) for path in self.indexed(index)]
        if len(found) != len(index.column_ids) or found[0] is None:
            return None
        data_type = found[0][2]
        while index.list_path is not None and isinstance(data_type, ListOf):
            data_type = data_type.item
        return data_type

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
        """With the column of the same id replaced, in its place. Fields inside it keep their ids by path.

        Indexes on fields that are gone go with them.
        """
        field_ids, last_id = numbered(column.type, column.field_ids, self.last_column_id)
        new = replace(column, field_ids=field_ids)
        columns = tuple(new if old.id == column.id else old for old in self.columns)
        gone = {number for old in self.columns if old.id == column.id for number in old.field_ids.values()}
        gone.difference_update(field_ids.values())
        indexes = tuple(index for index in self.indexes if not gone.intersection(index.column_ids))
        return replace(self, columns=columns, indexes=indexes, last_column_id=last_id)

    def removed(self, column_id: int) -> "Schema":
        """Without the column, and without the indexes on it."""
        columns = tuple(column for column in self.columns if column.id != column_id)
        indexes = tuple(index for index in self.indexes if column_id not in self.owners(index.column_ids))
        return replace(self, columns=columns, indexes=indexes)

    def indexes_on(self, column_id: int) -> tuple[Index, ...]:
        """Those on the column or on a field inside it."""
        return tuple(index for index in self.indexes if column_id in self.owners(index.column_ids))


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
