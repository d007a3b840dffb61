"""Which casts lose nothing, which need a look at every value, and which have no meaning.

The table of docs/reference/casts.md, as a function of two types. How values are looked at is the engines' business.
"""

from enum import StrEnum

from msgspec import Struct

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
    StructOf,
    Time,
    Timestamp,
    Utf8,
)


class CastClass(StrEnum):
    """LOSSLESS: exact for every value. CHECKED: every value is looked at. REFUSED: no meaning."""

    LOSSLESS = "lossless"
    CHECKED = "checked"
    REFUSED = "refused"


class Cast(Struct, frozen=True):
    """``reason`` ends a sentence; ``destructive`` when nested values are dropped."""

    cast_class: CastClass
    reason: str
    destructive: bool = False


LOSSLESS = Cast(CastClass.LOSSLESS, "every value is held exactly")
INSTEAD = "; add a column of the new type, fill it, and drop the old one"


def checked(reason: str) -> Cast:
    return Cast(CastClass.CHECKED, reason)


def refused(reason: str) -> Cast:
    return Cast(CastClass.REFUSED, reason + INSTEAD)


def classify(source: DataType, target: DataType) -> Cast:
    """The class of the cast from one type to another; a cast to the same type is lossless."""
    if source == target or isinstance(source, Null):
        return LOSSLESS
    if isinstance(source, Dictionary) or isinstance(target, Dictionary):
        return _dictionary(source, target)
    match source, target:
        case ((Integer() | Float() | Decimal()), (Integer() | Float() | Decimal())):
            return _numeric(source, target)
        case ((Date() | Time() | Timestamp() | Duration()), (Date() | Time() | Timestamp() | Duration())):
            return _temporal(source, target)
        case ((Utf8() | Binary() | FixedSizeBinary()), (Utf8() | Binary() | FixedSizeBinary())):
            return _bytes(source, target)
        case Utf8(), (Integer() | Float() | Decimal() | Date() | Time() | Timestamp() | Bool()):
            return checked(f"each text must read as {target} and back")
        case ((Integer() | Float() | Decimal() | Date() | Time() | Timestamp() | Bool()), Utf8()):
            return checked("each value must come back from its text")
        case ((ListOf() | FixedSizeListOf()), (ListOf() | FixedSizeListOf())):
            return _list(source, target)
        case StructOf(), StructOf():
            return _struct(source, target)
        case MapOf(), MapOf():
            return _map(source, target)
        case _:
            return refused(f"there is no meaning in {target} for a value of {source}")


def _numeric(source: Integer | Float | Decimal, target: Integer | Float | Decimal) -> Cast:
    match source, target:
        case Integer(), Integer():
            fits = target.lowest <= source.lowest and source.highest <= target.highest
            return LOSSLESS if fits else checked(f"each value must lie in the range of {target}")
        case Integer(), Float():
            fits = source.bits <= target.exact_integer_bits
            return LOSSLESS if fits else checked(f"{target} holds integers exactly up to 2^{target.exact_integer_bits}")
        case Integer(), Decimal():
            digits = 10 if source.bits <= 32 else 20
            return LOSSLESS if target.precision - target.scale >= digits else checked(f"each value must fit {target}")
        case Float(), Float():
            return LOSSLESS if source.bits < target.bits else checked(f"each value must be exact in {target}")
        case Float(), Integer():
            return checked(f"each value must be a whole number in the range of {target}")
        case Decimal(), Decimal():
            return _decimals(source, target)
        case _:
            return checked(f"each value must be exact in {target}")


def _decimals(source: Decimal, target: Decimal) -> Cast:
    whole = target.precision - target.scale >= source.precision - source.scale
    wider = target.bits >= source.bits and target.scale >= source.scale and whole
    return LOSSLESS if wider else checked(f"each value must fit {target}")


def _temporal(source: Date | Time | Timestamp | Duration, target: Date | Time | Timestamp | Duration) -> Cast:
    match source, target:
        case Date(), Date():
            return LOSSLESS if target.bits > source.bits else checked("each value must be a whole day in range")
        case Date(), Timestamp():
            if target.zone is not None:
                return refused("a date is no instant without a named zone")
            return LOSSLESS if target.unit in ("s", "ms") and source.bits == 32 else _units("ms", target.unit, "date")
        case Timestamp(), Date():
            if source.zone is not None:
                return refused("the day of an instant depends on the zone")
            return checked("each value must be midnight")
        case Timestamp(), Timestamp():
            if (source.zone is None) != (target.zone is None):
                return refused("a local time is no instant without a named zone")
            return LOSSLESS if source.unit == target.unit else _units(source.unit, target.unit, "timestamp")
        case Time(), Time():
            finer = UNITS[target.unit] >= UNITS[source.unit]
            return LOSSLESS if finer else checked(f"each value must be a whole number of {target.unit}")
        case Duration(), Duration():
            return _units(source.unit, target.unit, "duration")
        case _:
            return refused(f"there is no meaning in {target} for a value of {source}")


def _units(source: str, target: str, what: str) -> Cast:
    if UNITS[target] >= UNITS[source]:
        return checked(f"each {what} must lie in the range that 64 bits of {target} hold")
    return checked(f"each {what} must be a whole number of {target}")


def _bytes(source: Utf8 | Binary | FixedSizeBinary, target: Utf8 | Binary | FixedSizeBinary) -> Cast:
    match source, target:
        case FixedSizeBinary(), FixedSizeBinary():
            return refused(f"values of {source.size} bytes do not fit {target.size}")
        case _, FixedSizeBinary():
            return checked(f"each value must have {target.size} bytes")
        case ((Binary() | FixedSizeBinary()), Utf8()):
            return checked("each value must be UTF-8")
        case ((Utf8() | Binary()), (Utf8() | Binary())) if source.large and not target.large:
            return checked("all values of a batch together must stay below 2 GiB")
        case _:
            return LOSSLESS


def _list(source: ListOf | FixedSizeListOf, target: ListOf | FixedSizeListOf) -> Cast:
    item = _nullable(classify(source.item, target.item), source.item_nullable, target.item_nullable)
    match source, target:
        case FixedSizeListOf(), FixedSizeListOf() if source.size != target.size:
            return refused(f"lists of {source.size} values do not fit {target.size}")
        case ListOf(), FixedSizeListOf():
            return _worst(item, checked(f"each list must have {target.size} values"))
        case ListOf(), ListOf() if source.large and not target.large:
            return _worst(item, checked("all lists of a batch together must stay below 2^31 values"))
        case _:
            return item


def _struct(source: StructOf, target: StructOf) -> Cast:
    there = {field.name: field for field in source.fields}
    casts = [LOSSLESS]
    for field in target.fields:
        old = there.pop(field.name, None)
        if old is not None:
            casts.append(_nullable(classify(old.type, field.type), old.nullable, field.nullable))
        elif not field.nullable:
            return refused(f"the new field '{field.name}' is not nullable and would have no value")
    worst = _worst(*casts)
    return Cast(worst.cast_class, worst.reason, worst.destructive or bool(there))


def _map(source: MapOf, target: MapOf) -> Cast:
    if source.key != target.key:
        return refused("the key type of a map cannot change")
    return _nullable(classify(source.value, target.value), source.value_nullable, target.value_nullable)


def _dictionary(source: DataType, target: DataType) -> Cast:
    plain_source = source.value if isinstance(source, Dictionary) else source
    plain_target = target.value if isinstance(target, Dictionary) else target
    if plain_source != plain_target:
        return classify(plain_source, plain_target)
    if isinstance(target, Dictionary) and isinstance(source, Dictionary) and target.index.bits < source.index.bits:
        return checked(f"there must be few enough distinct values for {target.index}")
    if isinstance(target, Dictionary) and target.index.bits < 32:
        return checked(f"there must be few enough distinct values for {target.index}")
    return LOSSLESS


def _nullable(cast: Cast, was: bool, is_now: bool) -> Cast:
    return _worst(cast, checked("no nested value may be null")) if was and not is_now else cast


def _worst(*casts: Cast) -> Cast:
    order = list(CastClass)
    worst = max(casts, key=lambda cast: order.index(cast.cast_class))
    return Cast(worst.cast_class, worst.reason, any(cast.destructive for cast in casts))
