"""The fields inside struct columns: their paths, and the ids by which they survive renames as columns do.

A path is relative to its column and dotted: ``geo.lat`` of the column ``address``. A name that has a dot itself, or no
letter at all, stands in double quotes: ``geo."lat.deg"``. Only structs have fields; what lies inside a list or a map is
part of its type and nothing more.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from domain.column_types import QUOTE, DataType, ListOf, StructOf

_QUOTED = re.compile(r'"((?:[^"]|"")*)"(?:\.|$)')


FieldIds = dict[str, int]
"""The id of each field inside a column, by its path there."""


def paths(data_type: DataType) -> Iterator[str]:
    """Every field inside a type, a struct before what is in it."""
    if isinstance(data_type, StructOf):
        for field in data_type.fields:
            yield segment(field.name)
            yield from (f"{segment(field.name)}.{path}" for path in paths(field.type))


def segment(name: str) -> str:
    """A name as a part of a path."""
    if name and "." not in name and not name.startswith(QUOTE):
        return name
    return QUOTE + name.replace(QUOTE, QUOTE * 2) + QUOTE


def split(path: str) -> tuple[str, str]:
    """The first name of a path, and the path from there; that is empty at the end."""
    if found := _QUOTED.match(path):
        return found[1].replace(QUOTE * 2, QUOTE), path[found.end() :]
    head, _, rest = path.partition(".")
    return head, rest


def names_in(path: str) -> list[str]:
    """The names of a path, from the outermost on."""
    names = list[str]()
    while path:
        name, path = split(path)
        names.append(name)
    return names


def joined(names: Sequence[str]) -> str:
    """The path of these names."""
    return ".".join(map(segment, names))


def type_at(data_type: DataType, path: str) -> DataType | None:
    """The type of what a path leads to inside a type, through lists too; None where it leads nowhere."""
    for name in names_in(path):
        while isinstance(data_type, ListOf):
            data_type = data_type.item
        found = (
            [field.type for field in data_type.fields if field.name == name] if isinstance(data_type, StructOf) else []
        )
        if not found:
            return None
        data_type = found[0]
    return data_type


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
    prefix = f"{segment(name)}."
    return {path.removeprefix(prefix): number for path, number in ids.items() if path.startswith(prefix)}


def around(name: str, own_id: int, ids: Mapping[str, int]) -> FieldIds:
    """A field's id and those of what lies inside it, as they stand in the struct around it."""
    own = segment(name)
    return {own: own_id, **{f"{own}.{path}": number for path, number in ids.items()}}
