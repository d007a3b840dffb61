"""What a default value in a request may be."""

from typing import Any

import pytest

from domain.literals import check_literal
from domain.type_text import parse_type

GOOD: list[tuple[Any, str]] = [
    (None, "int32"),
    (True, "bool"),
    (-128, "int8"),
    (18446744073709551615, "uint64"),
    (1, "float64"),
    ("NaN", "float32"),
    ("12.50", "decimal128(10, 2)"),
    (12, "decimal128(4, 2)"),
    ("text", "utf8"),
    ("aGk=", "binary"),
    ("aGk=", "fixed_size_binary[2]"),
    ("2013-01-31", "date32"),
    ("05:17:00.123", "time32[ms]"),
    ("2013-01-31T05:17:00", "timestamp[s]"),
    ("2013-01-31 05:17:00.100", "timestamp[ms]"),
    ("2013-01-31T05:17:00Z", "timestamp[us, UTC]"),
    (5, "duration[s]"),
    ([1, None], "list<int8>"),
    ([1, 2], "fixed_size_list<int8>[2]"),
    ({"a": 1}, "struct<a: int8 not null, b: utf8>"),
    ([["k", 1]], "map<utf8, int8>"),
    ("x", "dictionary<int8, utf8>"),
]
GOOD += [
    (0.1, "float32"),
    (65_504, "float16"),
    ("2262-04-11T23:47:16.854775807", "timestamp[ns]"),
    ("0001-01-01T00:00:00+23:59", "timestamp[us, UTC]"),
    ("9999-12-31T23:59:59.999999-12:00", "timestamp[us, UTC]"),
]
BAD: list[tuple[Any, str, str]] = [
    (128, "int8", "outside -128 to 127"),
    (True, "int8", "an integer"),
    (1.5, "int32", "an integer"),
    ("1", "float64", "a number"),
    (1, "bool", "true or false"),
    ("1.234", "decimal128(10, 2)", "more than 2 digits after"),
    ("12345", "decimal128(4, 2)", "more than 2 digits before"),
    (1.5, "decimal128(4, 2)", "string of digits"),
    ("NaN", "decimal128(4, 2)", "finite"),
    (5, "utf8", "a string"),
    ("not base64!", "binary", "base64"),
    ("aGk=", "fixed_size_binary[3]", "2 bytes, not 3"),
    ("2013-02-30", "date32", "a date"),
    ("25:00:00", "time32[s]", "a time"),
    ("05:17:00.5", "time32[s]", "holds 0 digits"),
    ("2013-01-31T05:17:00Z", "timestamp[s]", "no offset"),
    ("2013-01-31T05:17:00", "timestamp[s, UTC]", "an offset"),
    ([1, 300], "list<int8>", "outside"),
    ([None], "list<int8 not null>", "null is not allowed"),
    ([1], "fixed_size_list<int8>[2]", "1 elements, not 2"),
    ({"a": 1, "z": 2}, "struct<a: int8>", "no field 'z'"),
    ({}, "struct<a: int8 not null>", "field 'a': null"),
    ({"k": 1}, "map<utf8, int8>", "pairs"),
    (1, "null", "only null"),
    (70_000, "float16", "beyond the largest"),
    (1e300, "float32", "beyond the largest"),
    (10**400, "float64", "beyond the largest"),
    (2**24 + 1, "float32", "nearest is 16777216"),
    (2**53 + 1, "float64", "no such whole number"),
    (1e-50, "float32", "hold it as 0"),
    ("0001-01-01T00:00:00", "timestamp[ns]", "1677"),
    ("2262-04-11T23:47:16.854775808", "timestamp[ns]", "2262"),
    ({"a": "9999-01-01T00:00:00"}, "struct<a: timestamp[ns]>", "field 'a': timestamps in ns"),
    ([["a", 1], ["a", 2]], "map<utf8, int8>", "twice"),
    ("x", 'opaque<"extension<arrow.uuid>">', "no value"),
]


@pytest.mark.parametrize(("value", "text"), GOOD)
def test_values_of_the_type_pass(value: Any, text: str) -> None:
    assert check_literal(value, parse_type(text)) is None


@pytest.mark.parametrize(("value", "text", "says"), BAD)
def test_other_values_are_refused_with_a_reason(value: Any, text: str, says: str) -> None:
    reason = check_literal(value, parse_type(text))
    assert reason is not None
    assert says in reason
