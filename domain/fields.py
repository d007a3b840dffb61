"""The fields inside struct columns: their paths, and the ids by which they survive renames as columns do.

A path is relative to its column and dotted: ``geo.lat`` of the column ``address``. Only structs have fields; what lies
inside a list or a map is part of its type and nothing more.
"""

from collections.abc import Iterator, Mapping

from domain.column_types import DataType, ListOf, StructOf

FieldIds = dict[str, int]
"""The id of each field inside a column, by its path there."""


def paths(data_type: DataType) -> Iterator[str]:
    """Every field inside a type, a struct before what is in it."""
    if isinstance(data_type, StructOf):
        for field in data_type.fields:
            yield field.name
            yield from (f"{field.name}.{path}" for path in paths(field.type))


def type_at(data_type: DataType, path: str) -> DataType | None:
    """The type of what a dotted path leads to inside a type, through lists too; None where it leads nowhere."""
    if not path:
        return data_type
    while isinstance(data_type, ListOf):
        data_type = data_type.item
    if isinstance(data_type, StructOf):
        for field in data_type.fields:
            # A field's own name may hold a dot.
            if path == field.name or path.startswith(f"{field.name}."):
                found = type_at(field.type, path.removeprefix(field.name).removeprefix("."))
                if found is not None:
                    return found
    return None


def numbered(data_type: DataType, known: Mapping[str, int], last_id: int) -> tuple[FieldIds, int]:
    """Ids for all fields inside a type: those known by path, and new ones above ``last_id``; and the last id then."""
    ids = FieldIds()
    for path in paths(data_type):
        if path in known:
            ids[path] = known[path]
        else:
            last_id += 1
            ids[path] = last_id
    return ids, last_id


def inside(ids: Mapping[str, int], name: str) -> FieldIds:
    """The ids of what lies inside one field."""
    prefix = f"{name}."
    return {path.removeprefix(prefix): number for path, number in ids.items() if path.startswith(prefix)}


def around(name: str, own_id: int, ids: Mapping[str, int]) -> FieldIds:
    """A field's id and those of what lies inside it, as they stand in the struct around it."""
    return {name: own_id, **{f"{name}.{path}": number for path, number in ids.items()}}
