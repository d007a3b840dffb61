"""Column types: Arrow's, as values that compare, and as text that goes to a type and back.

Canonical text is Arrow's names in lower case: ``int32``, ``timestamp[us, UTC]``, ``list<utf8 not null>``,
``struct<name: utf8 not null, age: int32>``. The parser is domain/type_text.py.

What the grammar has no word for is ``Opaque``: it is shown as the engine calls it, and never made or changed.
"""

import re
from collections.abc import Iterator
from typing import assert_never

from msgspec import Struct

QUOTE = '"'


class Null(Struct, frozen=True):
    def __str__(self) -> str:
        return "null"


class Bool(Struct, frozen=True):
    def __str__(self) -> str:
        return "bool"


class Integer(Struct, frozen=True):
    """``bits``: 8, 16, 32 or 64."""

    bits: int
    signed: bool

    def __str__(self) -> str:
        return f"{'' if self.signed else 'u'}int{self.bits}"

    @property
    def lowest(self) -> int:
        return -(1 << self.bits - 1) if self.signed else 0

    @property
    def highest(self) -> int:
        return (1 << self.bits - 1) - 1 if self.signed else (1 << self.bits) - 1


class Float(Struct, frozen=True):
    """``bits``: 16, 32 or 64 (IEEE 754)."""

    bits: int

    def __str__(self) -> str:
        return f"float{self.bits}"

    @property
    def exact_integer_bits(self) -> int:
        """Every integer of this many bits and fewer is held exactly."""
        return {16: 11, 32: 24, 64: 53}[self.bits]


class Decimal(Struct, frozen=True):
    """``bits``: 128 or 256. ``precision`` digits in all, ``scale`` of them after the point."""

    bits: int
    precision: int
    scale: int

    def __str__(self) -> str:
        return f"decimal{self.bits}({self.precision}, {self.scale})"


class Utf8(Struct, frozen=True):
    large: bool = False

    def __str__(self) -> str:
        return "large_utf8" if self.large else "utf8"


class Binary(Struct, frozen=True):
    large: bool = False

    def __str__(self) -> str:
        return "large_binary" if self.large else "binary"


class FixedSizeBinary(Struct, frozen=True):
    """``size`` in bytes."""

    size: int

    def __str__(self) -> str:
        return f"fixed_size_binary[{self.size}]"


class Date(Struct, frozen=True):
    """``bits`` 32 counts days, 64 counts milliseconds of whole days."""

    bits: int

    def __str__(self) -> str:
        return f"date{self.bits}"


class Time(Struct, frozen=True):
    """Time of day in ``unit``: s and ms in 32 bits, us and ns in 64."""

    unit: str

    def __str__(self) -> str:
        return f"time{32 if self.unit in ('s', 'ms') else 64}[{self.unit}]"


class Timestamp(Struct, frozen=True):
    """``zone`` None is a naive local time; else an instant, shown in an IANA zone or at a fixed offset."""

    unit: str
    zone: str | None = None

    def __str__(self) -> str:
        return f"timestamp[{self.unit}]" if self.zone is None else f"timestamp[{self.unit}, {self.zone}]"


class Duration(Struct, frozen=True):
    unit: str

    def __str__(self) -> str:
        return f"duration[{self.unit}]"


class ListOf(Struct, frozen=True):
    item: "DataType"
    item_nullable: bool = True
    large: bool = False

    def __str__(self) -> str:
        return f"{'large_' if self.large else ''}list<{_element(self.item, self.item_nullable)}>"


class FixedSizeListOf(Struct, frozen=True):
    item: "DataType"
    size: int
    item_nullable: bool = True

    def __str__(self) -> str:
        return f"fixed_size_list<{_element(self.item, self.item_nullable)}>[{self.size}]"


class Field(Struct, frozen=True):
    """One child of a struct type."""

    name: str
    type: "DataType"
    nullable: bool = True

    def __str__(self) -> str:
        return f"{quoted(self.name)}: {_element(self.type, self.nullable)}"


class StructOf(Struct, frozen=True):
    fields: tuple[Field, ...]

    def __str__(self) -> str:
        return f"struct<{', '.join(map(str, self.fields))}>"


class MapOf(Struct, frozen=True):
    key: "DataType"
    value: "DataType"
    value_nullable: bool = True

    def __str__(self) -> str:
        return f"map<{self.key}, {_element(self.value, self.value_nullable)}>"


class Dictionary(Struct, frozen=True):
    """Values of type ``value`` stored once, by an integer ``index``."""

    index: Integer
    value: "DataType"

    def __str__(self) -> str:
        return f"dictionary<{self.index}, {self.value}>"


class Opaque(Struct, frozen=True):
    """A type that others gave a column and that the grammar lacks; ``text`` is what the engine calls it.

    Arrow's extension types, unions and negative scales are such types.
    """

    text: str

    def __str__(self) -> str:
        return f'opaque<"{self.text.replace(QUOTE, QUOTE * 2)}">'


Plain = Null | Bool | Integer | Float | Decimal | Utf8 | Binary | FixedSizeBinary | Date | Time | Timestamp | Duration
DataType = Plain | ListOf | FixedSizeListOf | StructOf | MapOf | Dictionary | Opaque

UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
"""Units of time and how many of each make a second."""


def quoted(name: str) -> str:
    """A struct field's name as it stands in type text: in double quotes unless it is a plain identifier."""
    if name.isidentifier() and name.isascii():
        return name
    return '"' + name.replace('"', '""') + '"'


def _element(data_type: DataType, nullable: bool) -> str:
    return str(data_type) if nullable else f"{data_type} not null"


def children(data_type: DataType) -> tuple[DataType, ...]:
    """The types directly inside a nested type."""
    match data_type:
        case ListOf() | FixedSizeListOf():
            return (data_type.item,)
        case StructOf():
            return tuple(field.type for field in data_type.fields)
        case MapOf():
            return data_type.key, data_type.value
        case Dictionary():
            return data_type.index, data_type.value
        case (
            Null()
            | Bool()
            | Integer()
            | Float()
            | Decimal()
            | Utf8()
            | Binary()
            | FixedSizeBinary()
            | Date()
            | Time()
            | Timestamp()
            | Duration()
            | Opaque()
        ):
            return ()
        case _:
            assert_never(data_type)


def opaque_types(data_type: DataType) -> Iterator[Opaque]:
    """Every opaque type in a type, at any depth."""
    if isinstance(data_type, Opaque):
        yield data_type
    for child in children(data_type):
        yield from opaque_types(child)


def opaque_beginning(data_type: DataType, beginnings: tuple[str, ...]) -> Opaque | None:
    """The first opaque type in a type, at any depth, whose text begins so."""
    return next((opaque for opaque in opaque_types(data_type) if opaque.text.startswith(beginnings)), None)


def fixed_width(data_type: DataType) -> int:
    """Bytes that one value takes at least, whatever it holds: what ``fixed_size_*`` types multiply."""
    match data_type:
        case FixedSizeBinary():
            return data_type.size
        case FixedSizeListOf():
            return data_type.size * max(1, fixed_width(data_type.item))
        case StructOf():
            return sum(fixed_width(field.type) for field in data_type.fields)
        case Integer() | Float() | Decimal() | Date():
            return data_type.bits // 8
        case Time() | Timestamp() | Duration():
            return 8
        case _:
            return 0


def type_names(data_type: DataType) -> frozenset[str]:
    """What a type is made of, for engines to refuse: bare Arrow names, and which stands directly in which.

    ``fixed_size_list<utf8>[2]`` gives ``fixed_size_list``, ``utf8`` and ``fixed_size_list<utf8>``; a struct without
    fields gives ``struct`` and ``struct<>``.
    """
    return frozenset(_names(data_type))


def bare_name(data_type: DataType) -> str:
    """The Arrow name without parameters: ``timestamp`` of ``timestamp[us, UTC]``."""
    return re.split(r"[<\[(]", str(data_type), maxsplit=1)[0]


def _names(data_type: DataType) -> Iterator[str]:
    outer = bare_name(data_type)
    yield outer
    if data_type == StructOf(()):
        yield "struct<>"
    for child in children(data_type):
        yield f"{outer}<{bare_name(child)}>"
        yield from _names(child)
