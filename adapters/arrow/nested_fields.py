"""Fields inside columns, and what stays of what is said of them when their type changes."""

import pyarrow as pa

from adapters.arrow.types import OF_A_TYPE


def followed(field: pa.Field, data_type: pa.DataType, *, nullable: bool) -> pa.Field:
    """The nested field with another type or nullability; what its metadata says of its old type goes."""
    return pa.field(field.name, data_type, nullable, metadata=metadata_after(field, data_type))


def metadata_after(field: pa.Field, data_type: pa.DataType) -> dict[bytes, bytes] | None:
    """What stays of a field's metadata when its type becomes that."""
    there = field.metadata or {}
    if field.type == data_type or pa.types.is_nested(data_type):
        return there or None
    kept = {key: value for key, value in there.items() if not key.startswith(OF_A_TYPE)}
    return kept or None
