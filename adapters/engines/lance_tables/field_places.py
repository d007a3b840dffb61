"""Where the fields of a schema stand in a Lance table: by Lance's own field ids, and by paths as Lance reads them."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import lance

from domain.column_types import DataType, ListOf, StructOf
from domain.fields import segment
from domain.schema import Column, Index, Schema


class Place(NamedTuple):
    """A field of ours, or what lies in a list of it (``list_path``, as an index has it), and its path in Lance."""

    field_id: int
    list_path: str | None
    path: str


def places(table: lance.LanceDataset, schema: Schema) -> dict[int, Place]:
    """By the ids of Lance, for a schema of the same names and types as the table's."""
    found = dict[int, Place]()
    for field in table.lance_schema.fields():
        if (column := schema.find(field.name())) is not None:
            found.update(_inside(field, column.type, column, "", Place(column.id, None, quoted(field.name()))))
    return found


def path_of(table: lance.LanceDataset, schema: Schema, index: Index) -> str:
    """What an index is on, as Lance reads it. For the items of a list it is the list that is named."""
    (column_id, *_), below = index.column_ids, index.list_path or None
    found = (place.path for place in places(table, schema).values() if place[:2] == (column_id, below))
    return next(found)


def quoted(name: str) -> str:
    """One name in a path."""
    return f"`{name.replace('`', '``')}`" if "." in name or "`" in name else name


def _inside(field: Any, data_type: DataType, column: Column, inner: str, place: Place) -> Iterator[tuple[int, Place]]:
    """The field and all in it; ``inner`` is its path inside the column, as far as fields have ids."""
    yield field.id(), place
    if isinstance(data_type, StructOf):
        for child, own in zip(field.children(), data_type.fields, strict=True):
            path, within = f"{place.path}.{quoted(own.name)}", f"{inner}.{segment(own.name)}".removeprefix(".")
            if place.list_path is not None:
                below = f"{place.list_path}.{segment(own.name)}".removeprefix(".")
                yield from _inside(child, own.type, column, inner, Place(place.field_id, below, path))
            elif (own_id := column.field_ids.get(within)) is not None:
                yield from _inside(child, own.type, column, within, Place(own_id, None, path))
    elif isinstance(data_type, ListOf):
        # Paths lead through a list as if its items stood in its place.
        for child in field.children():
            at = Place(place.field_id, place.list_path or "", place.path)
            yield from _inside(child, data_type.item, column, inner, at)
