"""Columns of a Lance table as Arrow fields, at every depth as Lance keeps them. pylance 14.

``table.schema`` is what readers are shown: JSON as text, and extension types as far as this process has registered
them. The fields here are what lies in the files, and what a rewritten column must be again.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol, cast

import lance
import pyarrow as pa
from lance.schema import LanceSchema

from adapters.arrow.types import from_arrow_field
from domain.column_types import opaque_types
from domain.schema import Column

OF_LANCE = b"lance-schema:"
"""How the keys of metadata begin that Lance itself acts upon, such as its own primary key."""


class StoredField(Protocol):
    """``LanceField``, whose name the library's compiled half does not offer, and whose stubs lack half of it."""

    metadata: Mapping[str, str]

    def name(self) -> str: ...
    def id(self) -> int: ...
    def children(self) -> "Sequence[StoredField]": ...
    def to_arrow(self) -> pa.Field: ...


def fields_of(table: lance.LanceDataset) -> Sequence[StoredField]:
    """The top-level fields, in order."""
    return stored_in(table.lance_schema)


def stored_in(schema: LanceSchema) -> Sequence[StoredField]:
    """The top-level fields of a schema, in order."""
    return cast(Sequence[StoredField], schema.fields())


def column_of(shown: pa.Field, stored: StoredField) -> Column:
    """The column with id 0. What is opaque in it is named alike in every process."""
    column = from_arrow_field(shown)
    if any(opaque_types(column.type)) or stored.metadata.get("ARROW:extension:name"):
        return from_arrow_field(_unregistered(stored))
    return column


def stored_fields(table: lance.LanceDataset, names: Collection[str]) -> Mapping[str, pa.Field]:
    """The top-level fields of these names, as far as the table has them."""
    return {field.name(): field.to_arrow() for field in fields_of(table) if field.name() in names}


def staged(field: pa.Field, column_id: int) -> pa.Field:
    """The field as it is staged: under a name nobody has, nullable, because checks run while it is written."""
    return _without_key(field).with_name(f"__schemaledger_{column_id}").with_nullable(True)


def _without_key(field: pa.Field) -> pa.Field:
    """Lance wants the columns of its own key, and what is around them, not nullable; until then they are no key."""
    kept = {key: value for key, value in (field.metadata or {}).items() if not key.startswith(OF_LANCE)}
    if pa.types.is_struct(field.type):
        field = field.with_type(pa.struct([_without_key(inner) for inner in field.type]))
    return field.with_metadata(kept or None)


def _unregistered(stored: StoredField) -> pa.Field:
    """The field by its storage, with the extension types named in metadata, as if none were registered."""
    arrow = stored.to_arrow()
    data_type, inner = arrow.type, [_unregistered(child) for child in stored.children()]
    if isinstance(data_type, pa.BaseExtensionType):
        data_type = data_type.storage_type
    if pa.types.is_struct(data_type):
        data_type = pa.struct(inner)
    elif pa.types.is_map(data_type):
        data_type = pa.map_(inner[0].type.field(0), inner[0].type.field(1))
    elif inner and pa.types.is_fixed_size_list(data_type):
        data_type = pa.list_(inner[0], data_type.list_size)
    elif inner and (pa.types.is_list(data_type) or pa.types.is_large_list(data_type)):
        data_type = (pa.large_list if pa.types.is_large_list(data_type) else pa.list_)(inner[0])
    return pa.field(arrow.name, data_type, arrow.nullable, metadata=stored.metadata)
