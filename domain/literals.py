"""JSON values of column types: what a default value in a request may be.

Integers and floats are JSON numbers (floats also "NaN", "Infinity", "-Infinity"), decimals strings or integers, binary
base64 text, dates ``YYYY-MM-DD``, times and timestamps RFC 3339 text (with an offset exactly when the type has a zone),
durations integer counts of their unit, lists arrays, structs objects, maps arrays of [key, value].
"""

import binascii
import json
import re
from base64 import b64decode
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal as Number
from decimal import InvalidOperation
from math import isfinite
from struct import pack, unpack
from typing import Any, assert_never

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

FLOAT_WORDS = ("NaN", "Infinity", "-Infinity")
FLOAT_FORMATS = {16: "<e", 32: "<f", 64: "<d"}
"""As ``struct`` calls them."""
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # differences of naive moments count what a timestamp holds

LOWEST_64, HIGHEST_64 = -(1 << 63), (1 << 63) - 1

TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.(?P<fraction>\d{1,9}))?")
TIMESTAMP = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)[T ](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.(?P<fraction>\d{1,9}))?"
    r"(?P<offset>Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)?"
)


def check_literal(value: Any, data_type: DataType) -> str | None:
    """Why a decoded JSON value is no value of the type, or None when it is one. Null is a value of every type."""
    if value is None:
        return None
    match data_type:
        case Null():
            return "only null is a value of this type"
        case Opaque():
            return "no value can be given for an opaque type"
        case Bool():
            return None if isinstance(value, bool) else "true or false is expected"
        case Integer():
            return _integer(value, data_type.lowest, data_type.highest)
        case Float():
            return _float(value, data_type)
        case Decimal():
            return _decimal(value, data_type)
        case Utf8():
            return None if isinstance(value, str) else "a string is expected"
        case Binary():
            return _binary(value, None)
        case FixedSizeBinary():
            return _binary(value, data_type.size)
        case Date() | Time() | Timestamp() | Duration():
            return _temporal(value, data_type)
        case ListOf() | FixedSizeListOf() | StructOf() | MapOf():
            return _nested(value, data_type)
        case Dictionary():
            return check_literal(value, data_type.value)
        case _:
            assert_never(data_type)


def _integer(value: Any, lowest: int, highest: int) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return "an integer is expected"
    return None if lowest <= value <= highest else f"it is outside {lowest} to {highest}"


def _float(value: Any, data_type: Float) -> str | None:
    if isinstance(value, str):
        return None if value in FLOAT_WORDS else f"a number is expected, or one of {', '.join(FLOAT_WORDS)}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "a number is expected"
    try:
        (held,) = unpack(FLOAT_FORMATS[data_type.bits], pack(FLOAT_FORMATS[data_type.bits], float(value)))
        if not isfinite(held):
            raise OverflowError
    except OverflowError:
        return f"it is beyond the largest {data_type}"
    if isinstance(value, int) and held != value:
        return f"{data_type} holds no such whole number; the nearest is {int(held)}"
    return f"{data_type} would hold it as 0" if value and not held else None


def _decimal(value: Any, data_type: Decimal) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return "a string of digits such as '12.50' is expected"
    try:
        sign_digits_exponent = Number(value).as_tuple()
    except InvalidOperation:
        return "a string of digits such as '12.50' is expected"
    exponent = sign_digits_exponent.exponent
    if not isinstance(exponent, int):
        return "a finite number is expected"
    whole = len(sign_digits_exponent.digits) + exponent
    if -exponent > data_type.scale:
        return f"it has more than {data_type.scale} digits after the point"
    fits = whole <= data_type.precision - data_type.scale
    return None if fits else f"it has more than {data_type.precision - data_type.scale} digits before the point"


def _binary(value: Any, size: int | None) -> str | None:
    if not isinstance(value, str):
        return "a base64 string is expected"
    try:
        content = b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return "a base64 string is expected"
    return None if size is None or len(content) == size else f"it has {len(content)} bytes, not {size}"


def _temporal(value: Any, data_type: Date | Time | Timestamp | Duration) -> str | None:
    if isinstance(data_type, Duration):
        return _integer(value, LOWEST_64, HIGHEST_64)
    if not isinstance(value, str):
        return "a string is expected"
    match data_type:
        case Date():
            return None if _is_date(value) else "a date such as '2013-01-31' is expected"
        case Time():
            found = TIME.fullmatch(value)
            return _fraction(found["fraction"], data_type.unit) if found else "a time such as '05:17:00' is expected"
        case Timestamp():
            return _timestamp(value, data_type)
        case _:
            assert_never(data_type)


def _timestamp(value: str, data_type: Timestamp) -> str | None:
    found = TIMESTAMP.fullmatch(value)
    if found is None or not _is_date(found["date"]):
        return "a timestamp such as '2013-01-31T05:17:00' is expected"
    if found["offset"] and data_type.zone is None:
        return "the type has no zone, so the value has no offset"
    if not found["offset"] and data_type.zone is not None:
        return "an offset or 'Z' is expected, because the type has a zone"
    return _fraction(found["fraction"], data_type.unit) or _beyond(value, data_type.unit)


def _beyond(value: str, unit: str) -> str | None:
    """Why a moment is outside what 64 bits hold of the unit."""
    if LOWEST_64 <= timestamp_count(value, unit) <= HIGHEST_64:
        return None
    days = HIGHEST_64 // UNITS[unit] // 86_400
    first, last = EPOCH - timedelta(days=days), EPOCH + timedelta(days=days)
    return f"timestamps in {unit} go from about {first:%Y-%m-%d} to {last:%Y-%m-%d}"


def timestamp_count(text: str, unit: str) -> int:
    """Units since the epoch, of a text that has the form of a timestamp."""
    found = TIMESTAMP.fullmatch(text)
    assert found is not None
    offset, seconds = found["offset"], datetime.fromisoformat(text[:19]) - EPOCH
    if offset and offset != "Z":
        hours, minutes = int(offset[1:3]), int(offset[4:])
        # Counted by hand: a moment of the year 1 or 9999 may lie outside what datetime holds once it is shifted.
        seconds -= timedelta(hours=hours, minutes=minutes) * (1 if offset[0] == "+" else -1)
    return (seconds.days * 86_400 + seconds.seconds) * UNITS[unit] + fraction_count(found["fraction"], unit)


def fraction_count(digits: str | None, unit: str) -> int:
    """Units in the digits after the point of a second."""
    held = len(str(UNITS[unit])) - 1
    return int((digits or "").ljust(held, "0")[:held] or "0")


def _fraction(digits: str | None, unit: str) -> str | None:
    held = len(str(UNITS[unit])) - 1
    needed = len((digits or "").rstrip("0"))
    return None if needed <= held else f"{unit} holds {held} digits of a second, not {needed}"


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _nested(value: Any, data_type: ListOf | FixedSizeListOf | StructOf | MapOf) -> str | None:
    match data_type:
        case StructOf():
            return _struct(value, data_type)
        case ListOf() | FixedSizeListOf():
            if not isinstance(value, list):
                return "an array is expected"
            if isinstance(data_type, FixedSizeListOf) and len(value) != data_type.size:
                return f"it has {len(value)} elements, not {data_type.size}"
            return _first(_element(item, data_type.item, data_type.item_nullable) for item in value)
        case MapOf():
            if not isinstance(value, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in value):
                return "an array of [key, value] pairs is expected"
            if len({json.dumps(pair[0], sort_keys=True) for pair in value}) < len(value):
                return "a key stands there twice"
            keys = (_element(pair[0], data_type.key, False) for pair in value)
            values = (_element(pair[1], data_type.value, data_type.value_nullable) for pair in value)
            return _first(keys) or _first(values)
        case _:
            assert_never(data_type)


def _struct(value: Any, data_type: StructOf) -> str | None:
    if not isinstance(value, dict):
        return "an object is expected"
    names = {field.name for field in data_type.fields}
    if unknown := sorted(set(value) - names):
        return f"there is no field '{unknown[0]}'"
    for field in data_type.fields:
        if reason := _element(value.get(field.name), field.type, field.nullable):
            return f"field '{field.name}': {reason}"
    return None


def _element(value: Any, data_type: DataType, nullable: bool) -> str | None:
    return "null is not allowed here" if value is None and not nullable else check_literal(value, data_type)


def _first(reasons: Iterable[str | None]) -> str | None:
    return next((reason for reason in reasons if reason), None)


def same_value(one: Any, other: Any) -> bool:
    """Equal as JSON values: 1 is neither true nor 1.0."""
    return type(one) is type(other) and bool(one == other)
