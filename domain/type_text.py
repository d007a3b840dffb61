"""The grammar of type text, read by recursive descent. Keywords in any case, white space anywhere between words.

type   = name | name "[" unit ["," zone] "]" | name "(" precision "," scale ")" | nested
nested = ["large_"] "list" "<" element ">" | "fixed_size_list" "<" element ">" "[" size "]"
       | "struct" "<" [field ": " element {"," field ": " element}] ">" | "map" "<" type "," element ">"
       | "dictionary" "<" integer type "," type ">" | "opaque" "<" quoted text ">"
element = type ["not null"]
"""

import re
from difflib import get_close_matches
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.column_types import (
    QUOTE,
    UNITS,
    DataType,
    Date,
    Decimal,
    Dictionary,
    Duration,
    Field,
    FixedSizeBinary,
    FixedSizeListOf,
    Integer,
    ListOf,
    MapOf,
    Null,
    Opaque,
    StructOf,
    Time,
    Timestamp,
)
from domain.errors import TypeTextInvalid
from domain.type_words import DIMENSIONED, MAX_DEPTH, MAX_SIZE, NESTED, OPAQUE, SIMPLE

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_FIELD_NAME = re.compile(r'"(?:[^"]|"")*"|[^\W\d]\w*')
_NUMBER = re.compile(r"-?\d{1,10}")
_ZONE = re.compile(r"[A-Za-z0-9_+\-/:]+")
_OFFSET = re.compile(r"[+-](?:0\d|1\d|2[0-3]):[0-5]\d")
_SPACE = re.compile(r"\s*")


@lru_cache(maxsize=4096)
def parse_type(text: str, most_depth: int = MAX_DEPTH) -> DataType:
    """The type that the text names; raises TypeTextInvalid, saying what was expected where."""
    return _Parser(text, most_depth).parse()


class _Parser:
    """Reads one text once."""

    def __init__(self, text: str, most_depth: int) -> None:
        self._text, self._most_depth = text, most_depth
        self._at, self._depth = 0, 0

    def parse(self) -> DataType:
        data_type = self._type()
        if self._at < len(self._text):
            raise self._error("the end was expected")
        return data_type

    def _type(self) -> DataType:
        self._depth += 1
        if self._depth > self._most_depth:
            raise self._error(f"types nest at most {self._most_depth} deep")
        start = self._at
        name = self._match(_WORD, "a type name").lower()
        if name in SIMPLE:
            found = SIMPLE[name]
        elif name in DIMENSIONED:
            found = self._dimensioned(name)
        elif name in NESTED:
            found = self._nested(name)
        elif name == OPAQUE:
            found = self._opaque()
        else:
            self._at = start
            raise self._error(_unknown(name))
        self._depth -= 1
        return found

    def _dimensioned(self, name: str) -> DataType:
        match name:
            case "date32" | "date64":
                self._optional_unit({"date32": "day", "date64": "ms"}[name])
                return Date(int(name[4:]))
            case "time32":
                return Time(self._unit("s", "ms"))
            case "time64":
                return Time(self._unit("us", "ns"))
            case "duration":
                return Duration(self._unit(*UNITS))
            case "timestamp":
                return self._timestamp()
            case "fixed_size_binary":
                return FixedSizeBinary(self._size())
            case _:
                return self._decimal(int(name[7:]))

    def _nested(self, name: str) -> DataType:
        self._expect("<")
        match name:
            case "list" | "large_list":
                item, nullable = self._element()
                self._expect(">")
                return ListOf(item, nullable, large=name == "large_list")
            case "fixed_size_list":
                item, nullable = self._element()
                self._expect(">")
                return FixedSizeListOf(item, self._size(), nullable)
            case "struct":
                return StructOf(self._fields())
            case "map":
                key = self._type()
                self._expect(",")
                value, nullable = self._element()
                self._expect(">")
                return MapOf(key, value, nullable)
            case _:
                return self._dictionary()

    def _element(self) -> tuple[DataType, bool]:
        data_type = self._type()
        start = self._at
        if (found := _WORD.match(self._text, self._at)) and found[0].lower() == "not":
            self._at = found.end()
            self._skip()
            if self._match(_WORD, "'null'").lower() == "null":
                if isinstance(data_type, Null):
                    raise self._error("a value of type null is always null")
                return data_type, False
            self._at = start
            raise self._error("'not null' was expected")
        return data_type, True

    def _fields(self) -> tuple[Field, ...]:
        fields, names = list[Field](), set[str]()
        if self._accept(">"):
            return ()
        while True:
            name = self._match(_FIELD_NAME, "a field name")
            name = _unquoted(name) if name.startswith(QUOTE) else name
            if name in names:
                raise self._error(f"there are two fields named '{name}'")
            names.add(name)
            self._expect(":")
            data_type, nullable = self._element()
            fields.append(Field(name, data_type, nullable))
            if not self._accept(","):
                self._expect(">")
                return tuple(fields)

    def _dictionary(self) -> DataType:
        index = self._type()
        if not isinstance(index, Integer):
            raise self._error("the index of a dictionary is an integer type")
        self._expect(",")
        value = self._type()
        self._expect(">")
        return Dictionary(index, value)

    def _opaque(self) -> DataType:
        self._expect("<")
        text = self._match(_QUOTED, "a quoted text")
        self._expect(">")
        return Opaque(_unquoted(text))

    def _timestamp(self) -> DataType:
        if not self._accept("["):
            return Timestamp("us")
        unit, zone = self._one_of(*UNITS), None
        if self._accept(","):
            # Arrow prints timestamp[us, tz=UTC].
            self._accept("tz=")
            zone = self._match(_ZONE, "a time zone")
            if not _OFFSET.fullmatch(zone) and not _zone_known(zone):
                raise self._error(f"there is no time zone '{zone}'")
        self._expect("]")
        return Timestamp(unit, zone)

    def _decimal(self, bits: int) -> DataType:
        most = {128: 38, 256: 76}[bits]
        self._expect("(")
        precision = self._number("a precision", 1, most)
        scale = self._number("a scale", 0, precision) if self._accept(",") else 0
        self._expect(")")
        return Decimal(bits, precision, scale)

    def _unit(self, *units: str) -> str:
        self._expect("[")
        unit = self._one_of(*units)
        self._expect("]")
        return unit

    def _optional_unit(self, unit: str) -> None:
        if self._accept("["):
            self._one_of(unit)
            self._expect("]")

    def _one_of(self, *words: str) -> str:
        start = self._at
        word = self._match(_WORD, f"one of {', '.join(words)}").lower()
        if word not in words:
            self._at = start
            raise self._error(f"one of {', '.join(words)} was expected")
        return word

    def _size(self) -> int:
        self._expect("[")
        size = self._number("a size", 1, MAX_SIZE)
        self._expect("]")
        return size

    def _number(self, what: str, lowest: int, highest: int) -> int:
        start = self._at
        number = int(self._match(_NUMBER, what))
        if not lowest <= number <= highest:
            self._at = start
            raise self._error(f"{what} from {lowest} to {highest} was expected")
        return number

    def _match(self, pattern: re.Pattern[str], what: str) -> str:
        self._skip()
        found = pattern.match(self._text, self._at)
        if found is None:
            raise self._error(f"{what} was expected")
        self._at = found.end()
        self._skip()
        return found[0]

    def _accept(self, sign: str) -> bool:
        self._skip()
        if not self._text.startswith(sign, self._at):
            return False
        self._at += len(sign)
        self._skip()
        return True

    def _expect(self, sign: str) -> None:
        if not self._accept(sign):
            raise self._error(f"'{sign}' was expected")

    def _skip(self) -> None:
        found = _SPACE.match(self._text, self._at)
        assert found is not None
        self._at = found.end()

    def _error(self, reason: str) -> TypeTextInvalid:
        where = "at the end" if self._at >= len(self._text) else f"at character {self._at + 1}"
        return TypeTextInvalid(self._text, f"{reason} {where}")


def _unquoted(text: str) -> str:
    return text[1:-1].replace(QUOTE * 2, QUOTE)


def _unknown(name: str) -> str:
    near = get_close_matches(name, [*SIMPLE, *DIMENSIONED, *NESTED], n=1)
    return f"there is no type '{name}'" + (f", did you mean '{near[0]}'? It stands" if near else ". It stands")


def _zone_known(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
