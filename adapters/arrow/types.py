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
    StructOf,
    Time,
    Timestamp,
    Utf8,
)
from domain.errors import TypeNotSupported
from domain.schema import Column, Schema
from domain.type_text import parse_type

COMMENT = b"comment"
"""The key of a column's comment in Arrow field metadata."""


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
        case _:
            assert_never(data_type)


def from_arrow(arrow: pa.DataType) -> DataType:
    """The column type; views become their plain types. Raises TypeNotSupported for what the grammar lacks."""
    kinds = pa.types
    if kinds.is_string_view(arrow) or kinds.is_binary_view(arrow):
        return Utf8() if kinds.is_string_view(arrow) else Binary()
    if kinds.is_struct(arrow):
        return StructOf(tuple(Field(f.name, from_arrow(f.type), f.nullable) for f in arrow))
    if kinds.is_map(arrow):
        return MapOf(from_arrow(arrow.key_type), from_arrow(arrow.item_type), arrow.item_field.nullable)
    if kinds.is_fixed_size_list(arrow):
        return FixedSizeListOf(from_arrow(arrow.value_type), arrow.list_size, arrow.value_field.nullable)
    if kinds.is_list(arrow) or kinds.is_large_list(arrow):
        return ListOf(from_arrow(arrow.value_type), arrow.value_field.nullable, large=kinds.is_large_list(arrow))
    if kinds.is_dictionary(arrow):
        index = from_arrow(arrow.index_type)
        assert isinstance(index, Integer)
        return Dictionary(index, from_arrow(arrow.value_type))
    if kinds.is_decimal128(arrow) or kinds.is_decimal256(arrow):
        return Decimal(arrow.bit_width, arrow.precision, arrow.scale)
    if kinds.is_fixed_size_binary(arrow):
        return FixedSizeBinary(arrow.byte_width)
    return _plain(arrow)


def _plain(arrow: pa.DataType) -> DataType:
    if isinstance(arrow, pa.BaseExtensionType) or pa.types.is_union(arrow) or pa.types.is_interval(arrow):
        raise TypeNotSupported("arrow", str(arrow), "the type grammar has no such type")
    # Arrow's own text ("halffloat", "timestamp[us, tz=UTC]", "date32[day]") is within the grammar's aliases.
    return parse_type(str(arrow))


def to_arrow_field(column: Column) -> pa.Field:
    """The column as an Arrow field, its comment and metadata with it."""
    metadata = {key.encode(): value.encode() for key, value in column.metadata.items()}
    if column.comment is not None:
        metadata[COMMENT] = column.comment.encode()
    return pa.field(column.name, to_arrow(column.type), column.nullable, metadata=metadata or None)


def to_arrow_schema(schema: Schema) -> pa.Schema:
    return pa.schema([to_arrow_field(column) for column in schema.columns])


def from_arrow_field(field: pa.Field) -> Column:
    """The column with id 0, its comment and metadata with it."""
    metadata = {
        key.decode(errors="replace"): value.decode(errors="replace") for key, value in (field.metadata or {}).items()
    }
    return Column(
        id=0,
        name=field.name,
        data_type=str(from_arrow(field.type)),
        nullable=field.nullable,
        comment=metadata.pop(COMMENT.decode(), None),
        metadata=metadata,
    )


def ipc_schema(schema: Schema) -> bytes:
    """The schema as an Arrow IPC schema message."""
    return bytes(to_arrow_schema(schema).serialize())
