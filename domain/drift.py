"""Whether a table is what the log says it is."""

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
