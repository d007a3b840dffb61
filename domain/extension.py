"""Columns of extension types in older events: told by their storage, with the extension's name in their metadata.

Those events stay, and mean the same as a column of the opaque type does now.
"""

from msgspec.structs import replace

from domain.column_types import Opaque
from domain.schema import Column

NAME, PARAMETERS = "ARROW:extension:name", "ARROW:extension:metadata"
"""Keys of Arrow's field metadata."""


def as_shown(column: Column) -> Column:
    """The column as one of an extension type is shown now."""
    name = column.metadata.get(NAME)
    if name is None:
        return column
    parts = (name, column.data_type, column.metadata.get(PARAMETERS))
    metadata = {key: value for key, value in column.metadata.items() if key not in (NAME, PARAMETERS)}
    opaque = Opaque(f"extension<{', '.join(part for part in parts if part)}>")
    return replace(column, data_type=str(opaque), metadata=metadata, field_ids={})
