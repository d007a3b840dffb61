"""What became of one schema in another. Columns are known by id: a rename is a rename, not a drop and an addition.

``apply(before, diff(before, after))`` is ``after``, but for the order of indexes, which means nothing, and for the
highest column id ever given, which is the greater of both.
"""

from collections.abc import Iterator
from typing import Any, assert_never

from msgspec import Struct
from msgspec.structs import replace

from domain.literals import same_value
from domain.schema import Column, Index, Schema


class _Difference(Struct, frozen=True, kw_only=True, tag_field="type", rename="camel"):
    """One thing that differs. ``name`` is the column's name afterwards, ``fieldId`` its id."""


class ColumnAdded(_Difference, frozen=True, kw_only=True, tag="column_added"):
    column: Column
    position: int


class ColumnDropped(_Difference, frozen=True, kw_only=True, tag="column_dropped"):
    column: Column


class ColumnRenamed(_Difference, frozen=True, kw_only=True, tag="column_renamed"):
    field_id: int
    before: str
    after: str


class ColumnRetyped(_Difference, frozen=True, kw_only=True, tag="column_retyped"):
    """``before_ids`` and ``after_ids`` are those of the fields inside a struct, by path."""

    field_id: int
    name: str
    before: str
    after: str
    before_ids: dict[str, int] = {}
    after_ids: dict[str, int] = {}


class FieldRenamed(_Difference, frozen=True, kw_only=True, tag="field_renamed"):
    """A field inside a struct column has another name, as the column's new type says too. Names are whole paths."""

    field_id: int
    before: str
    after: str


class NullabilityChanged(_Difference, frozen=True, kw_only=True, tag="nullability_changed"):
    """Whether the column may hold null, before and after."""

    field_id: int
    name: str
    before: bool
    after: bool


class InitialDefaultChanged(_Difference, frozen=True, kw_only=True, tag="initial_default_changed"):
    field_id: int
    name: str
    before: Any
    after: Any


class WriteDefaultChanged(_Difference, frozen=True, kw_only=True, tag="write_default_changed"):
    field_id: int
    name: str
    before: Any
    after: Any


class CommentChanged(_Difference, frozen=True, kw_only=True, tag="comment_changed"):
    field_id: int
    name: str
    before: str | None
    after: str | None


class MetadataChanged(_Difference, frozen=True, kw_only=True, tag="metadata_changed"):
    field_id: int
    name: str
    before: dict[str, str]
    after: dict[str, str]


class ColumnsReordered(_Difference, frozen=True, kw_only=True, tag="columns_reordered"):
    """The order of the columns that both have and of those added, by name and by id."""

    after: tuple[str, ...]
    field_ids: tuple[int, ...]


class PrimaryKeyChanged(_Difference, frozen=True, kw_only=True, tag="primary_key_changed"):
    """By name, each as of its own schema; ``field_ids`` are those afterwards."""

    before: tuple[str, ...]
    after: tuple[str, ...]
    field_ids: tuple[int, ...]


class IndexDropped(_Difference, frozen=True, kw_only=True, tag="index_dropped"):
    index: Index


class IndexAdded(_Difference, frozen=True, kw_only=True, tag="index_added"):
    index: Index


Altered = (
    ColumnRenamed
    | ColumnRetyped
    | FieldRenamed
    | NullabilityChanged
    | InitialDefaultChanged
    | WriteDefaultChanged
    | CommentChanged
    | MetadataChanged
)
Difference = ColumnAdded | ColumnDropped | Altered | ColumnsReordered | PrimaryKeyChanged | IndexDropped | IndexAdded


def diff(before: Schema, after: Schema) -> tuple[Difference, ...]:
    """Everything that differs, in an order in which it can be applied; empty exactly when nothing does."""
    return tuple(_differences(before, after))


def apply(schema: Schema, differences: tuple[Difference, ...]) -> Schema:
    """The schema that the differences lead to, from the one they were taken from."""
    for difference in differences:
        schema = _applied(schema, difference)
    return schema


def _differences(before: Schema, after: Schema) -> Iterator[Difference]:
    yield from (IndexDropped(index=index) for index in before.indexes if index not in after.indexes)
    if before.primary_key != after.primary_key:
        names = before.named(before.primary_key), after.named(after.primary_key)
        key = PrimaryKeyChanged(before=names[0], after=names[1], field_ids=after.primary_key)
    else:
        key = None
    known, left = {column.id: column for column in before.columns}, {column.id for column in after.columns}
    ids = [column.id for column in before.columns if column.id in left]
    yield from (ColumnDropped(column=column) for column in before.columns if column.id not in left)
    for column in after.columns:
        if (old := known.get(column.id)) is not None and not _same(old, column):
            yield from _alterations(old, column)
    for position, column in enumerate(after.columns):
        if column.id not in known:
            ids.insert(position, column.id)
            yield ColumnAdded(column=column, position=position)
    order = tuple(column.id for column in after.columns)
    if tuple(ids) != order:
        yield ColumnsReordered(after=after.names, field_ids=order)
    if key is not None:
        yield key
    yield from (IndexAdded(index=index) for index in after.indexes if index not in before.indexes)


def _same(old: Column, new: Column) -> bool:
    """Nothing differs, as is quickly seen of most; Python's equality does not tell 1 from true, so values are left."""
    return old == new and old.initial_default is None and old.write_default is None


def _alterations(old: Column, new: Column) -> Iterator[Altered]:
    place: dict[str, Any] = {"field_id": new.id}
    named = {**place, "name": new.name}
    if old.name != new.name:
        yield ColumnRenamed(**place, before=old.name, after=new.name)
    if old.data_type != new.data_type or old.field_ids != new.field_ids:
        types: dict[str, Any] = {"before": old.data_type, "after": new.data_type}
        ids: dict[str, Any] = {"before_ids": old.field_ids, "after_ids": new.field_ids}
        yield ColumnRetyped(**named, **types, **ids)
        yield from _renamed_fields(old, new)
    if old.nullable != new.nullable:
        yield NullabilityChanged(**named, before=old.nullable, after=new.nullable)
    if not same_value(old.initial_default, new.initial_default):
        yield InitialDefaultChanged(**named, before=old.initial_default, after=new.initial_default)
    if not same_value(old.write_default, new.write_default):
        yield WriteDefaultChanged(**named, before=old.write_default, after=new.write_default)
    if old.comment != new.comment:
        yield CommentChanged(**named, before=old.comment, after=new.comment)
    if old.metadata != new.metadata:
        yield MetadataChanged(**named, before=old.metadata, after=new.metadata)


def _renamed_fields(old: Column, new: Column) -> Iterator[FieldRenamed]:
    """Fields whose own name changed; those of a renamed struct go with it."""
    before = {field_id: path for path, field_id in old.field_ids.items()}
    for path, field_id in new.field_ids.items():
        was = before.get(field_id)
        if was is not None and was.rpartition(".")[2] != path.rpartition(".")[2]:
            yield FieldRenamed(field_id=field_id, before=f"{old.name}.{was}", after=f"{new.name}.{path}")


def _applied(schema: Schema, difference: Difference) -> Schema:
    match difference:
        case ColumnAdded():
            column, at = difference.column, difference.position
            columns = (*schema.columns[:at], column, *schema.columns[at:])
            last_id = max(schema.last_column_id, column.id, *column.field_ids.values())
            return replace(schema, columns=columns, last_column_id=last_id)
        case ColumnDropped():
            return schema.removed(difference.column.id)
        case ColumnsReordered():
            ordered = (schema.by_id(column_id) for column_id in difference.field_ids)
            return replace(schema, columns=tuple(column for column in ordered if column is not None))
        case PrimaryKeyChanged():
            return replace(schema, primary_key=difference.field_ids)
        case IndexDropped():
            return replace(schema, indexes=tuple(index for index in schema.indexes if index != difference.index))
        case IndexAdded():
            return replace(schema, indexes=(*schema.indexes, difference.index))
        case FieldRenamed():
            return schema
        case _:
            new = _altered(next(column for column in schema.columns if column.id == difference.field_id), difference)
            columns = tuple(new if column.id == new.id else column for column in schema.columns)
            last_id = max(schema.last_column_id, *new.field_ids.values(), 0)
            return replace(schema, columns=columns, last_column_id=last_id)


def _altered(column: Column, difference: Altered) -> Column:
    match difference:
        case ColumnRenamed():
            return replace(column, name=difference.after)
        case ColumnRetyped():
            return replace(column, data_type=difference.after, field_ids=difference.after_ids)
        case FieldRenamed():
            return column
        case NullabilityChanged():
            return replace(column, nullable=difference.after)
        case InitialDefaultChanged():
            return replace(column, initial_default=difference.after)
        case WriteDefaultChanged():
            return replace(column, write_default=difference.after)
        case CommentChanged():
            return replace(column, comment=difference.after)
        case MetadataChanged():
            return replace(column, metadata=difference.after)
        case _:
            assert_never(difference)


def describe(difference: Difference) -> str:
    """One sentence for a person, without its full stop."""
    match difference:
        case ColumnAdded():
            return f"column '{difference.column.name}' ({_shown(difference.column)}) is new"
        case ColumnDropped():
            return f"column '{difference.column.name}' ({_shown(difference.column)}) is gone"
        case ColumnRenamed():
            return f"column '{difference.before}' is now called '{difference.after}'"
        case FieldRenamed():
            return f"field '{difference.before}' is now called '{difference.after}'"
        case ColumnsReordered():
            return f"the columns stand in the order {', '.join(difference.after)}"
        case PrimaryKeyChanged():
            before, after = (", ".join(names) or "none" for names in (difference.before, difference.after))
            return f"the primary key was {before} and is {after}"
        case IndexDropped():
            return f"index '{difference.index.name}' is gone"
        case IndexAdded():
            return f"index '{difference.index.name}' ({difference.index.index_type}) is new"
        case NullabilityChanged():
            return f"column '{difference.name}' may {'now' if difference.after else 'no longer'} hold null"
        case _:
            what = str(difference.__struct_config__.tag).removesuffix("_changed").replace("_", " ")
            what = "type" if isinstance(difference, ColumnRetyped) else what
            was, now = (said if said is not None else "none" for said in (difference.before, difference.after))
            return f"the {what} of column '{difference.name}' was {was} and is {now}"


def _shown(column: Column) -> str:
    return column.data_type if column.nullable else f"{column.data_type} not null"
