"""Casts that are proven value by value: there, back, and compared.

A library cast that succeeds is no proof (pyarrow 26 turns 1e300 into a float32 infinity, drops the time of a timestamp
on its way to a date, wraps -1 into an unsigned integer), so a value passes when it comes back equal, nulls and
NaN aside.
Text is compared as text for integers, booleans and dates ('007' is not 7), as a number for floats and decimals, and as
an instant for times and timestamps.

The types of the arrays themselves say what a nested field is called and what metadata it has: all that stays.
"""

from dataclasses import dataclass
from decimal import Decimal as Number
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from adapters.arrow.nested_fields import followed
from adapters.arrow.types import to_arrow
from domain.casts import CastClass, classify
from domain.column_types import (
    DataType,
    Decimal,
    Dictionary,
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

Array: TypeAlias = pa.Array
"""One contiguous array; batches of a stream are never chunked."""

NUMBER = r"^(nan|-?inf|-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?)$"
"""A JSON number, or what Arrow writes for the floats that JSON lacks."""


DIGITS_OF_64_BITS = 20
MOST_DIGITS = 76
TIME_OF_DAY = r"^[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?$"


@dataclass(frozen=True)
class Outcome:
    """``array`` has null where a value failed; ``failed`` is true exactly there, None when nothing can fail."""

    array: Array
    failed: Array | None


def cast_array(array: Array, source: DataType, target: DataType) -> Outcome:
    """The array in the target type. Never raises for what values hold; the pair of types must be castable."""
    if source == target:
        return Outcome(array, None)
    if isinstance(source, Null):
        return Outcome(pa.nulls(len(array), to_arrow(target)), None)
    if isinstance(source, Dictionary) or isinstance(target, Dictionary):
        return _dictionary(array, source, target)
    match source, target:
        case ((ListOf() | FixedSizeListOf()), (ListOf() | FixedSizeListOf())):
            return _list(array, source, target)
        case StructOf(), StructOf():
            return _struct(array, source, target)
        case MapOf(), MapOf():
            return _map(array, source, target)
        case _:
            if classify(source, target).cast_class is CastClass.LOSSLESS:
                return Outcome(pc.cast(array, to_arrow(target), safe=False), None)
            return _checked(array, source, target)


def _checked(array: Array, source: DataType, target: DataType) -> Outcome:
    """There and back. What cannot even be tried is nulled first, so that it neither raises nor wraps around."""
    tried = _tried(array, source, target)
    there = _where_possible(tried, to_arrow(target))
    if isinstance(source, Utf8) and isinstance(target, Time | Timestamp):
        same = pc.is_valid(there)
    elif isinstance(source, Utf8) and isinstance(target, Float | Decimal):
        same = _same_number(tried, _where_possible(there, pa.utf8()))
    else:
        same = _same(tried, _where_possible(there, array.type))
    failed = pc.and_(pc.is_valid(array), pc.invert(same))
    return Outcome(pc.if_else(failed, pa.scalar(None, there.type), there), failed)


def _tried(array: Array, source: DataType, target: DataType) -> Array:
    match source, target:
        case Integer(), Integer():
            low, high = max(source.lowest, target.lowest), min(source.highest, target.highest)
            return _only(array, _between(array, low, high))
        case Integer(), Float():
            most = 1 << target.exact_integer_bits
            return _only(array, _between(array, max(source.lowest, -most), min(source.highest, most)))
        case Float(), Integer():
            # Both bounds are powers of two and exact in 64 bits; the upper one is the first value too large.
            wide = pc.cast(array, pa.float64())
            above = pc.greater_equal(wide, float(target.lowest))
            return _only(array, pc.and_(above, pc.less(wide, float(target.highest + 1))))
        case Utf8(), (Float() | Decimal()):
            return _only(array, pc.match_substring_regex(array, NUMBER))
        case _:
            return array


def _between(array: Array, low: int, high: int) -> Array:
    lowest, highest = pa.scalar(low, array.type), pa.scalar(high, array.type)
    return pc.and_(pc.greater_equal(array, lowest), pc.less_equal(array, highest))


def _only(array: Array, wanted: Array) -> Array:
    return pc.if_else(wanted, array, pa.scalar(None, array.type))


def _same(one: Array, other: Array) -> Array:
    """Where two arrays hold equal values; nulls are not equal to anything, NaN is equal to NaN."""
    if pa.types.is_float16(one.type):
        # The library compares no halves; in 32 bits each is exact.
        one, other = pc.cast(one, pa.float32()), pc.cast(other, pa.float32())
    same = pc.fill_null(pc.equal(one, other), False)
    if pa.types.is_floating(one.type):
        both_nan = pc.and_(pc.is_nan(one), pc.is_nan(other))
        same = pc.or_(same, pc.fill_null(both_nan, False))
    return same


def _same_number(text: Array, back: Array) -> Array:
    """Where two texts are the same number: '1.50' and '1.5' are, '0.30000000000000001' and '0.3' are not."""
    same = pc.fill_null(pc.equal(pc.cast(text, pa.utf8()), back), False)
    if pc.all(pc.or_(same, pc.is_null(back))).as_py() is not False:
        return same
    return pa.array([equal or _equal_numbers(one, other) for equal, one, other in _rows(same, text, back)], pa.bool_())


def _rows(same: Array, text: Array, back: Array) -> "zip[tuple[bool, str | None, str | None]]":
    return zip(same.to_pylist(), text.to_pylist(), back.to_pylist(), strict=True)


def _equal_numbers(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and Number(one) == Number(other)


def _where_possible(array: Array, target: pa.DataType) -> Array:
    """The library's cast; where that refuses the whole array, value by value, null for those it refuses."""
    if pa.types.is_string(array.type) and pa.types.is_time(target):
        return _times(array, target)
    array = _halfway(array, target)
    # Between binary numbers the way back is the check; the safe cast would refuse exact values above 2^53.
    binary = all(pa.types.is_integer(one) or pa.types.is_floating(one) for one in (array.type, target))
    try:
        return pc.cast(array, target, safe=not binary)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        encoded = array.dictionary_encode()
        distinct = pa.array([_one(value, target) for value in encoded.dictionary], target)
        return distinct.take(encoded.indices)


def _halfway(array: Array, target: pa.DataType) -> Array:
    """The array in a type that holds it exactly and from which the library knows the way to the target."""
    kinds, source = pa.types, array.type
    if kinds.is_float16(source) and kinds.is_decimal(target):
        return pc.cast(array, pa.float64())
    if kinds.is_decimal(source) and kinds.is_float16(target):
        return _where_possible(array, pa.float64())
    if kinds.is_integer(source) and kinds.is_decimal(target):
        # Straight to the target, the library refuses by type what would fit by value.
        if target.scale > MOST_DIGITS - DIGITS_OF_64_BITS:
            return pc.cast(array, pa.utf8())
        return pc.cast(array, pa.decimal256(DIGITS_OF_64_BITS + target.scale, target.scale))
    return array


def _times(text: Array, target: pa.DataType) -> Array:
    """Times of day from text, which the library reads only behind a date."""
    wanted = _only(text, pc.match_substring_regex(text, TIME_OF_DAY))
    moments = pc.binary_join_element_wise("1970-01-01T", wanted, "")
    return pc.cast(_where_possible(moments, pa.timestamp(target.unit)), target)


def _one(value: pa.Scalar, target: pa.DataType) -> pa.Scalar | None:
    try:
        return value.cast(target)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None


def _dictionary(array: Array, source: DataType, target: DataType) -> Outcome:
    plain = array.dictionary_decode() if isinstance(source, Dictionary) else array
    plain_source = source.value if isinstance(source, Dictionary) else source
    if not isinstance(target, Dictionary):
        return cast_array(plain, plain_source, target)
    done = cast_array(plain, plain_source, target.value)
    encoded = done.array.dictionary_encode()
    indices = cast_array(encoded.indices, Integer(32, True), target.index)
    made = pa.DictionaryArray.from_arrays(indices.array, encoded.dictionary)
    return Outcome(made, _either(done.failed, indices.failed))


def _list(array: Array, source: ListOf | FixedSizeListOf, target: ListOf | FixedSizeListOf) -> Outcome:
    failed: Array | None = None
    if isinstance(target, FixedSizeListOf) and isinstance(source, ListOf):
        failed = pc.fill_null(pc.not_equal(pc.list_value_length(array), target.size), False)
        array = pc.if_else(failed, pa.scalar(None, array.type), array)
    items = cast_array(array.flatten(), source.item, target.item)
    nulls = None if target.item_nullable else pc.is_null(items.array)
    values = items.array
    bad = _either(items.failed, nulls)
    if bad is not None:
        in_bad_list = _parents(array, bad)
        failed = _either(failed, in_bad_list)
        # Readers refuse an item that should not be null, also where it lies under a list that is.
        values = values.filter(pc.invert(in_bad_list.take(pc.list_parent_indices(array))))
    return Outcome(_listed(array, values, target, failed), failed)


def _parents(array: Array, bad: Array) -> Array:
    """True for each list that holds a bad item."""
    hit = pc.unique(pc.list_parent_indices(array).filter(bad))
    return pc.is_in(pa.array(range(len(array)), hit.type), value_set=hit)


def _listed(array: Array, items: Array, target: ListOf | FixedSizeListOf, failed: Array | None) -> Array:
    """The items in lists of the lengths they came in, null and empty where the list was null or failed."""
    nulls = pc.is_null(array) if failed is None else pc.or_(pc.is_null(array), failed)
    lengths = pc.if_else(nulls, 0, pc.cast(pc.list_value_length(array), pa.int64()))
    ends = pc.cumulative_sum(pc.fill_null(lengths, 0))
    starts = pa.concat_arrays([pa.array([0], pa.int64()), ends])
    item = followed(array.type.value_field, items.type, nullable=target.item_nullable)
    if isinstance(target, FixedSizeListOf):
        large = pa.LargeListArray.from_arrays(starts, items, pa.large_list(item), mask=nulls)
        return pc.cast(large, pa.list_(item, target.size))
    if target.large:
        return pa.LargeListArray.from_arrays(starts, items, pa.large_list(item), mask=nulls)
    return pa.ListArray.from_arrays(starts.cast(pa.int32()), items, pa.list_(item), mask=nulls)


def _struct(array: Array, source: StructOf, target: StructOf) -> Outcome:
    there = {field.name: number for number, field in enumerate(source.fields)}
    made, fields, failed = list[Array](), list[pa.Field](), None
    for field in target.fields:
        if field.name not in there:
            made.append(pa.nulls(len(array), to_arrow(field.type)))
            fields.append(pa.field(field.name, made[-1].type, field.nullable))
            continue
        number = there[field.name]
        old = source.fields[number]
        done = cast_array(array.field(number), old.type, field.type)
        made.append(done.array)
        fields.append(followed(array.type[number], done.array.type, nullable=field.nullable))
        failed = _either(failed, done.failed)
        if old.nullable and not field.nullable:
            failed = _either(failed, pc.is_null(done.array))
    inside = None if failed is None else pc.and_(failed, pc.is_valid(array))
    nulls = pc.is_null(array) if inside is None else pc.or_(pc.is_null(array), inside)
    return Outcome(pa.StructArray.from_arrays(made, fields=fields, mask=nulls), inside)


def _map(array: Array, source: MapOf, target: MapOf) -> Outcome:
    # A slice of maps still gives all keys and values there were; a copy gives its own.
    array = array.take(pa.array(range(len(array)), pa.int64()))
    values = cast_array(array.items, source.value, target.value)
    nulls = None if target.value_nullable else pc.is_null(values.array)
    bad = _either(values.failed, nulls)
    item = followed(array.type.item_field, values.array.type, nullable=target.value_nullable)
    arrow = pa.map_(array.type.key_field, item)
    if bad is None:
        nulls = pc.is_null(array)
        return Outcome(pa.MapArray.from_arrays(array.offsets, array.keys, values.array, arrow, mask=nulls), None)
    entries = pa.LargeListArray.from_arrays(array.offsets.cast(pa.int64()), bad)
    failed = pc.and_(_parents(entries, entries.flatten()), pc.is_valid(array))
    nulls = pc.or_(pc.is_null(array), failed)
    # The entries of a map that failed go with it, as do those that lie hidden under a null.
    of_map = pc.list_parent_indices(entries)
    kept = pc.invert(nulls.take(of_map))
    ends = pc.cumulative_sum(pc.if_else(nulls, 0, pc.list_value_length(entries)))
    offsets = pa.concat_arrays([pa.array([0], pa.int64()), ends.cast(pa.int64())]).cast(pa.int32())
    keys, items = array.keys.filter(kept), values.array.filter(kept)
    return Outcome(pa.MapArray.from_arrays(offsets, keys, items, arrow, mask=nulls), failed)


def _either(one: Array | None, other: Array | None) -> Array | None:
    if one is None or other is None:
        return other if one is None else one
    return pc.or_(one, other)
