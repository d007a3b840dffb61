"""Whether a table is what the log says it is, and who its columns are when it is not."""

from collections.abc import Mapping

from msgspec.structs import replace

from domain.extension import as_shown
from domain.fields import numbered
from domain.schema import Column, Index, Schema

NOT_COMPARED = "num_partitions"
"""The one setting that engines settle by themselves: by the rows there are, and again as rows come."""


def difference(found: Schema, expected: Schema) -> str | None:
    """A sentence naming the first thing in which the real schema differs from the log's, or None.

    Names, types, nullability, order, comments, metadata and indexes count. Ids, keys and defaults are the log's own.
    """
    return columns_differ(found, expected) or indexes_differ(found, expected)


def columns_differ(found: Schema, expected: Schema) -> str | None:
    """As ``difference``, indexes aside."""
    return _shapes_differ(found, expected) or _notes_differ(found, expected)


def indexes_differ(found: Schema, *expected: Schema) -> str | None:
    """A sentence naming the first index that is in none of the expected schemas, or is in all of them and not there."""
    for index in found.indexes:
        known = [(schema, old) for schema in expected if (old := schema.index(index.name)) is not None]
        if not known:
            return f"it has an index '{index.name}' that the log does not know"
        if not any(same_index(index, found.indexed(index), old, schema.indexed(old)) for schema, old in known):
            return f"its index '{index.name}' is now another: {_described(index, found)}"
    for index in expected[0].indexes:
        wanted = all(schema.index(index.name) is not None for schema in expected)
        if wanted and found.index(index.name) is None:
            return f"its index '{index.name}' is gone"
    return None


def same_index(one: Index, on: tuple[str, ...], other: Index, other_on: tuple[str, ...]) -> bool:
    """Whether both are the same, as far as is known of both."""
    if (one.name, one.index_type, on) != (other.name, other.index_type, other_on):
        return False
    if None not in (one.metric, other.metric) and one.metric != other.metric:
        return False
    both = one.settings.keys() & other.settings.keys() - {NOT_COMPARED}
    return all(one.settings[name] == other.settings[name] for name in both)


def _described(index: Index, schema: Schema) -> str:
    return f"{index.index_type} on {', '.join(schema.indexed(index))}"


def _notes_differ(found: Schema, expected: Schema) -> str | None:
    for real, known in zip(found.columns, map(as_shown, expected.columns), strict=True):
        if real.comment != known.comment:
            return f"the comment of its column '{real.name}' is now {_quoted(real.comment)}"
        if real.metadata != known.metadata:
            keys = sorted(
                key for key in real.metadata | known.metadata if real.metadata.get(key) != known.metadata.get(key)
            )
            return f"the metadata of its column '{real.name}' changed: {', '.join(keys)}"
    return None


def _quoted(comment: str | None) -> str:
    return "none" if comment is None else f"'{comment}'"


def _shapes_differ(found: Schema, expected: Schema) -> str | None:
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
    return column.name, as_shown(column).data_type, column.nullable


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
    kept = {column.id for column in columns}
    key = known.primary_key if kept.issuperset(known.primary_key) else ()
    return _with_indexes(
        Schema(columns=tuple(columns), primary_key=key, last_column_id=last_id), found=found, known=known
    )


def _with_indexes(schema: Schema, *, found: Schema, known: Schema) -> Schema:
    """With the indexes found, as they are known where they are the same."""
    indexes = list[Index]()
    for index in found.indexes:
        owners = found.owners(index.column_ids)
        for place, column in enumerate(found.columns):
            # A column written in the log before fields had ids gets them now.
            if column.id in owners and column.field_ids.keys() != schema.columns[place].field_ids.keys():
                schema = schema.replaced(schema.columns[place])
        ids = _same_fields(found, schema)
        real = replace(index, column_ids=tuple(ids[number] for number in index.column_ids))
        old = known.index(index.name)
        same = old is not None and old.column_ids == real.column_ids and old.list_path == real.list_path
        indexes.append(old if old and same and same_index(real, (), old, ()) else real)
    return replace(schema, indexes=tuple(indexes))


def _same_fields(found: Schema, schema: Schema) -> dict[int, int]:
    """By id in one schema, the id in another of the same columns and fields."""
    ids = dict[int, int]()
    for one, other in zip(found.columns, schema.columns, strict=True):
        ids[one.id] = other.id
        ids |= {number: other.field_ids[path] for path, number in one.field_ids.items() if path in other.field_ids}
    return ids


def _recognised(found: Column, old: Column) -> Column:
    """The known column as it is now; a default stays while the type does."""
    as_found = replace(old, id=found.id, field_ids=found.field_ids, initial_default=None, write_default=None)
    if found == as_shown(as_found):
        return old
    if found.data_type == old.data_type:
        return replace(old, name=found.name, nullable=found.nullable, comment=found.comment, metadata=found.metadata)
    return replace(found, id=old.id, field_ids=old.field_ids)
