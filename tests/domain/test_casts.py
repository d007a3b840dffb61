"""Every row of the table of casts."""

import pytest
from hypothesis import given

from domain.casts import CastClass, classify
from domain.column_types import DataType
from domain.type_text import parse_type
from tests.domain.strategies import data_types

LOSSLESS, CHECKED, REFUSED = CastClass.LOSSLESS, CastClass.CHECKED, CastClass.REFUSED

TABLE = [
    ("null", "utf8", LOSSLESS),
    ("int8", "int64", LOSSLESS),
    ("uint8", "uint16", LOSSLESS),
    ("uint32", "int64", LOSSLESS),
    ("int64", "int32", CHECKED),
    ("int32", "uint32", CHECKED),
    ("uint32", "int32", CHECKED),
    ("int16", "float32", LOSSLESS),
    ("uint32", "float64", LOSSLESS),
    ("int32", "float32", CHECKED),
    ("int64", "float64", CHECKED),
    ("int32", "decimal128(12, 2)", LOSSLESS),
    ("int32", "decimal128(11, 2)", CHECKED),
    ("int64", "decimal128(22, 2)", LOSSLESS),
    ("int64", "decimal128(21, 2)", CHECKED),
    ("float16", "float32", LOSSLESS),
    ("float32", "float64", LOSSLESS),
    ("float64", "float32", CHECKED),
    ("float64", "int64", CHECKED),
    ("decimal128(10, 2)", "decimal128(12, 3)", LOSSLESS),
    ("decimal128(10, 2)", "decimal256(10, 2)", LOSSLESS),
    ("decimal128(10, 2)", "decimal128(11, 4)", CHECKED),
    ("decimal256(10, 2)", "decimal128(10, 2)", CHECKED),
    ("bool", "int8", REFUSED),
    ("int8", "bool", REFUSED),
    ("date32", "date64", LOSSLESS),
    ("date32", "timestamp[s]", LOSSLESS),
    ("date32", "timestamp[ms]", LOSSLESS),
    ("date32", "timestamp[ns]", CHECKED),
    ("date32", "timestamp[us, UTC]", REFUSED),
    ("timestamp[us]", "timestamp[us, UTC]", REFUSED),
    ("timestamp[us, UTC]", "timestamp[us]", REFUSED),
    ("timestamp[us, UTC]", "timestamp[us, Europe/Berlin]", LOSSLESS),
    ("timestamp[us]", "timestamp[ns]", CHECKED),
    ("timestamp[us]", "timestamp[s]", CHECKED),
    ("timestamp[us]", "date32", CHECKED),
    ("timestamp[us, UTC]", "date32", REFUSED),
    ("time32[s]", "time64[us]", LOSSLESS),
    ("time64[ns]", "time32[s]", CHECKED),
    ("duration[s]", "duration[ns]", CHECKED),
    ("utf8", "large_utf8", LOSSLESS),
    ("large_utf8", "utf8", CHECKED),
    ("utf8", "binary", LOSSLESS),
    ("binary", "utf8", CHECKED),
    ("fixed_size_binary[4]", "binary", LOSSLESS),
    ("binary", "fixed_size_binary[4]", CHECKED),
    ("fixed_size_binary[4]", "fixed_size_binary[8]", REFUSED),
    ("utf8", "int64", CHECKED),
    ("float64", "utf8", CHECKED),
    ("utf8", "timestamp[us]", CHECKED),
    ("utf8", "bool", CHECKED),
    ("binary", "int64", REFUSED),
    ("dictionary<int32, utf8>", "utf8", LOSSLESS),
    ("utf8", "dictionary<int32, utf8>", LOSSLESS),
    ("utf8", "dictionary<int8, utf8>", CHECKED),
    ("struct<a: int32>", "struct<a: int64, b: utf8>", LOSSLESS),
    ("struct<a: int32>", "struct<a: int32, b: utf8 not null>", REFUSED),
    ("struct<a: int32, b: utf8>", "struct<b: utf8, a: int32>", LOSSLESS),
    ("struct<a: int32>", "struct<a: int32 not null>", CHECKED),
    ("list<int32>", "list<int64>", LOSSLESS),
    ("list<int32>", "list<bool>", REFUSED),
    ("list<int32>", "large_list<int32>", LOSSLESS),
    ("large_list<int32>", "list<int32>", CHECKED),
    ("map<utf8, int32>", "map<utf8, int64>", LOSSLESS),
    ("map<utf8, int32>", "map<large_utf8, int32>", REFUSED),
    ("fixed_size_list<int32>[3]", "list<int32>", LOSSLESS),
    ("list<int32>", "fixed_size_list<int32>[3]", CHECKED),
    ("fixed_size_list<int32>[3]", "fixed_size_list<int32>[4]", REFUSED),
]


@pytest.mark.parametrize(("source", "target", "expected"), TABLE)
def test_each_cast_has_its_class(source: str, target: str, expected: CastClass) -> None:
    assert classify(parse_type(source), parse_type(target)).cast_class is expected


@given(data_types)
def test_a_type_casts_to_itself_losslessly(data_type: DataType) -> None:
    assert classify(data_type, data_type).cast_class is LOSSLESS


@given(data_types, data_types)
def test_every_cast_has_a_class_and_a_reason(source: DataType, target: DataType) -> None:
    assert classify(source, target).reason


def test_dropping_a_nested_field_is_destructive() -> None:
    assert classify(parse_type("struct<a: int32, b: utf8>"), parse_type("struct<a: int32>")).destructive


def test_a_refusal_says_what_to_do_instead() -> None:
    assert "drop the old one" in classify(parse_type("bool"), parse_type("int8")).reason
