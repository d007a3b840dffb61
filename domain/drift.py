"""Whether a table is what the log says it is, and who its columns are when it is not."""

from collections.abc import Mapping

from msgspec.structs import replace

from domain.fields import numbered
from domain.schema import Column, Schema


def difference(found: Schema, expected: Schema) -> str | None:
    """A sentence naming the first thing in which the real schema differs from the log's, or None.

    Names, types, nullability and order count. Ids, defaults and comments are the log's own.
    """
    real, known = [_shape(column) for column in found.columns], [_shape(column) for column in expected.columns]
    if real == known:
        return None
    if added := [shape for shape in real if shape[0] not in expected.names]:
        return f"it has a column {_shown(added[0])} that the log does not know"
    if missing := [shape for shape in known if shape[0] not in found.names]:
        return f"its column {_shown(missing[0])} is gone"
    for was, is_now in zip(sorted(known), sorted(real), strict=True):
        if was != is_now:
            return f"its column {_shown(was)} is now {_shown(is_now)}"
    return "its columns stand in another order"


def _shape(column: Column) -> tuple[str, str, bool]:
    return column.name, column.data_type, column.nullable


def _shown(shape: tuple[str, str, bool]) -> str:
    name, data_type, nullable = shape
    return f"'{name}' ({data_type}{'' if nullable else ' not null'})"


def recognised(found: Schema, known: Schema, ids: Mapping[str, int]) -> Schema:
    """The schema found, with the ids, the defaults and the key of the columns known.

    ``ids`` says of names found which known column it is; a name it does not hold is a new column.
    """
    last_id, columns = known.last_column_id, list[Column]()
    for column in found.columns:
        old = known.by_id(ids.get(column.name, 0))
        if old is None:
            last_id += 1
            column = replace(column, id=last_id, field_ids={})
        else:
            column = _recognised(column, old)
        if column.data_type != (old.data_type if old else None):
            field_ids, last_id = numbered(column.type, column.field_ids, last_id)
            column = replace(column, field_ids=field_ids)
        columns.append(column)
    by_place = {column.id: columns[place].id for place, column in enumerate(found.columns)}
    indexes = tuple(
        known.index(index.name) or replace(index, column_ids=tuple(by_place[number] for number in index.column_ids))
        for index in found.indexes
    )
    kept = {column.id for column in columns}
    key = known.primary_key if kept.issuperset(known.primary_key) else ()
    return Schema(columns=tuple(columns), primary_key=key, indexes=indexes, last_column_id=last_id)


def _recognised(found: Column, old: Column) -> Column:
    """The known column as it is now; a default stays while the type does."""
    if found.data_type == old.data_type:
        return replace(old, name=found.name, nullable=found.nullable, comment=found.comment, metadata=found.metadata)
    return replace(found, id=old.id, field_ids=old.field_ids)
