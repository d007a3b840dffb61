"""JSON values of column types as Arrow scalars. What domain/literals.py accepts, this makes."""

from base64 import b64decode
from datetime import date, time
from decimal import Decimal as Number
from typing import Any, assert_never

import pyarrow as pa

from adapters.arrow.types import to_arrow
from domain.column_types import (
    UNITS,
    Binary,
    Bool,
    DataType,
    Date,
    Decimal,
    Dictionary,
    Duration,
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
from domain.literals import TIME, fraction_count, timestamp_count


def to_scalar(value: Any, data_type: DataType, arrow: pa.DataType | None = None) -> pa.Scalar:
    """The value as a scalar of the type, or of ``arrow``, which may name its nested fields otherwise.

    The value has passed ``check_literal``.
    """
    if isinstance(data_type, Dictionary):
        return to_scalar(value, data_type.value)
    return pa.scalar(_python(value, data_type), to_arrow(data_type) if arrow is None else arrow)


def _python(value: Any, data_type: DataType) -> Any:
    """The value as pyarrow takes it."""
    if value is None:
        return None
    match data_type:
        case Null() | Bool() | Integer() | Utf8() | Duration():
            return value
        case Float():
            return float(value)
        case Decimal():
            return Number(value)
        case Binary() | FixedSizeBinary():
            return b64decode(value)
        case Date():
            return date.fromisoformat(value)
        case Time():
            return _time(value, data_type.unit)
        case Timestamp():
            return timestamp_count(value, data_type.unit)
        case ListOf() | FixedSizeListOf():
            return [_python(item, data_type.item) for item in value]
        case StructOf():
            return {field.name: _python(value.get(field.name), field.type) for field in data_type.fields}
        case MapOf():
            return [(_python(key, data_type.key), _python(item, data_type.value)) for key, item in value]
        case Dictionary():
            return _python(value, data_type.value)
        case Opaque():
            raise AssertionError("check_literal has refused the value")
        case _:
            assert_never(data_type)


def _time(text: str, unit: str) -> int:
    """Units since midnight: an integer, because Python's own time has no nanoseconds."""
    found = TIME.fullmatch(text)
    assert found is not None
    clock = time.fromisoformat(text.partition(".")[0])
    return (clock.hour * 3600 + clock.minute * 60 + clock.second) * UNITS[unit] + fraction_count(
        found["fraction"], unit
    )
