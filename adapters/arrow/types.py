"""Column types as Arrow's own, and back. pyarrow 26."""

from typing import assert_never

import pyarrow as pa

from domain.column_types import (
    Binary,
    Bool,
    DataType,
    Date,
    Decimal,
    Dictionary,
    Duration,
    Field,
    FixedSizeBinary,
    FixedSizeListOf,
    Float,
    Integer,
    ListOf,
    MapOf,
    Null,
    Opaque,
    StructOf,
    Time,
    Timestamp,
    Utf8,
)
from domain.errors import TypeTextInvalid
from domain.schema import Column, Schema
from domain.type_text import parse_type
from domain.type_words import MAX_DEPTH

COMMENT = b"comment"
"""The key of a column's comment in Arrow field metadata."""
EXTENSION, EXTENSION_PARAMETERS = b"ARROW:extension:name", b"ARROW:extension:metadata"
"""Where a field says that it is of an extension type, when the process has not registered that type."""
OF_A_TYPE = (b"ARROW:extension:", b"lance-encoding:")
"""How the keys of metadata begin that say something of the type, and nothing of what the column means."""
VENDOR = "schemaledger"
"""Who is said to have made the Arrow type that stands in for an opaque one."""


def to_arrow(data_type: DataType) -> pa.DataType:
    match data_type:
        case Null() | Bool() | Integer() | Float() | Date():
            return pa.type_for_alias(str(data_type))
        case Decimal():
            make = pa.decimal128 if data_type.bits == 128 else pa.decimal256
            return make(data_type.precision, data_type.scale)
        case Utf8():
            return pa.large_utf8() if data_type.large else pa.utf8()
        case Binary():
            return pa.large_binary() if data_type.large else pa.binary()
        case FixedSizeBinary():
            return pa.binary(data_type.size)
        case Time():
            return (pa.time32 if data_type.unit in ("s", "ms") else pa.time64)(data_type.unit)
        case Timestamp():
            return pa.timestamp(data_type.unit, data_type.zone)
        case Duration():
            return pa.duration(data_type.unit)
        case ListOf():
            item = pa.field("item", to_arrow(data_type.item), data_type.item_nullable)
            return pa.large_list(item) if data_type.large else pa.list_(item)
        case FixedSizeListOf():
            return pa.list_(pa.field("item", to_arrow(data_type.item), data_type.item_nullable), data_type.size)
        case StructOf():
            return pa.struct([pa.field(f.name, to_arrow(f.type), f.nullable) for f in data_type.fields])
        case MapOf():
            value = pa.field("value", to_arrow(data_type.value), data_type.value_nullable)
            return pa.map_(pa.field("key", to_arrow(data_type.key), nullable=False), value)
        case Dictionary():
            return pa.dictionary(to_arrow(data_type.index), to_arrow(data_type.value))
        case Opaque():
            return pa.opaque(pa.null(), data_type.text, VENDOR)
        case _:
            assert_never(data_type)


def from_arrow(arrow: pa.DataType, depth: int = 1) -> DataType:
    """The column type; views become their plain types, what the grammar lacks is opaque."""
    kinds = pa.types
    if isinstance(arrow, pa.BaseExtensionType):
        return _extension(arrow)
    if depth > MAX_DEPTH:
        return Opaque(str(arrow))
    if kinds.is_string_view(arrow) or kinds.is_binary_view(arrow):
        return Utf8() if kinds.is_string_view(arrow) else Binary()
    if kinds.is_struct(arrow):
        return StructOf(tuple(Field(f.name, _type_of(f, depth), f.nullable) for f in arrow))
    if kinds.is_map(arrow):
        key, value = arrow.key_field, arrow.item_field
        return MapOf(_type_of(key, depth), _type_of(value, depth), value.nullable)
    if kinds.is_fixed_size_list(arrow):
        return FixedSizeListOf(_type_of(arrow.value_field, depth), arrow.list_size, arrow.value_field.nullable)
    if kinds.is_list(arrow) or kinds.is_large_list(arrow):
        item = _type_of(arrow.value_field, depth)
        return ListOf(item, arrow.value_field.nullable, large=kinds.is_large_list(arrow))
    if kinds.is_dictionary(arrow):
        index = from_arrow(arrow.index_type)
        assert isinstance(index, Integer)
        return Dictionary(index, from_arrow(arrow.value_type, depth + 1))
    if (kinds.is_decimal128(arrow) or kinds.is_decimal256(arrow)) and arrow.scale >= 0:
        return Decimal(arrow.bit_width, arrow.precision, arrow.scale)
    if kinds.is_fixed_size_binary(arrow):
        return FixedSizeBinary(arrow.byte_width)
    return _plain(arrow)


def _type_of(field: pa.Field, depth: int) -> DataType:
    """The type of a nested field, which may name its extension type in its metadata."""
    if (name := (field.metadata or {}).get(EXTENSION)) is not None:
        return extension(name, field.type, field.metadata.get(EXTENSION_PARAMETERS))
    return from_arrow(field.type, depth + 1)


def _extension(arrow: pa.BaseExtensionType) -> DataType:
    if isinstance(arrow, pa.OpaqueType) and arrow.vendor_name == VENDOR:
        return Opaque(arrow.type_name)
    return extension(arrow.extension_name.encode(), arrow.storage_type, None)


def extension(name: bytes, storage: pa.DataType, parameters: bytes | None) -> Opaque:
    """The type as it is shown, the same whether or not the process has registered it."""
    plain = storage.storage_type if isinstance(storage, pa.BaseExtensionType) else storage
    parts = [name, str(from_arrow(plain)).encode(), *([parameters] if parameters else [])]
    return Opaque(f"extension<{', '.join(part.decode(errors='replace') for part in parts)}>")


def _plain(arrow: pa.DataType) -> DataType:
    try:
        # Arrow's own text ("halffloat", "timestamp[us, tz=UTC]", "date32[day]") is within the grammar's aliases.
        return parse_type(str(arrow))
    except TypeTextInvalid:
        return Opaque(str(arrow))


def to_arrow_field(column: Column) -> pa.Field:
    """The column as an Arrow field, its comment and metadata with it."""
    metadata = {key.encode(): value.encode() for key, value in column.metadata.items()}
    if column.comment is not None:
        metadata[COMMENT] = column.comment.encode()
    return pa.field(column.name, to_arrow(column.type), column.nullable, metadata=metadata or None)


def to_arrow_schema(schema: Schema) -> pa.Schema:
    return pa.schema([to_arrow_field(column) for column in schema.columns])


def from_arrow_field(field: pa.Field) -> Column:
    """The column with id 0, its comment and metadata with it; those that name an extension type are in its type."""
    metadata = {
        key.decode(errors="replace"): value.decode(errors="replace")
        for key, value in (field.metadata or {}).items()
        if key not in (EXTENSION, EXTENSION_PARAMETERS)
    }
    return Column(
        id=0,
        name=field.name,
        data_type=_text_of(field),
        nullable=field.nullable,
        comment=metadata.pop(COMMENT.decode(), None),
        metadata=metadata,
    )


def _text_of(field: pa.Field) -> str:
    """The type as text that reads as that type; where Arrow has what the grammar refuses, the whole is opaque."""
    data_type = _type_of(field, 0)
    try:
        return str(data_type if parse_type(str(data_type)) == data_type else Opaque(str(field.type)))
    except TypeTextInvalid:
        return str(Opaque(str(field.type)))


def ipc_schema(schema: Schema) -> bytes:
    """The schema as an Arrow IPC schema message."""
    return bytes(to_arrow_schema(schema).serialize())
