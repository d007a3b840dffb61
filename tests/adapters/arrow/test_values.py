"""A default value reaches the engine as exactly the value that was written."""

import math
from decimal import Decimal

import pyarrow as pa
import pytest

from adapters.engines.arrow.types import to_arrow
from adapters.engines.arrow.values import to_scalar
from domain.literals import check_literal
from domain.type_text import parse_type
from tests.domain.test_literals import VALUES


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_every_literal_that_is_taken_becomes_a_scalar_of_its_type(text, value):
    data_type = parse_type(text)
    assert check_literal(value, data_type) is None
    scalar = to_scalar(value, data_type)
    assert scalar.type == to_arrow(data_type)
    assert scalar.is_valid == (value is not None)


@pytest.mark.parametrize("text", ["int8", "utf8", "list<int8>", "struct<a: int8>", "dictionary<int8, decimal128(5, 2)>"])
def test_null_is_a_null_of_the_type(text):
    assert to_scalar(None, parse_type(text)).as_py() is None


@pytest.mark.parametrize(
    ("text", "value", "stored"),
    [
        ("decimal128(4, 2)", "1.5e1", Decimal("15.00")),
        ("decimal128(5, -2)", 1200, Decimal("1200")),
        ("decimal256(76, 2)", "9" * 74 + ".99", Decimal("9" * 74 + ".99")),
        ("binary", "AAE=", b"\x00\x01"),
        ("float64", 2**60 + 1, float(2**60)),
        ("float32", 0.1, 0.10000000149011612),
        ("float16", "-Infinity", -math.inf),
        ("dictionary<int8, decimal128(5, 2)>", "1.5", Decimal("1.50")),
        ("list<dictionary<int8, utf8>>", ["a", None, "a"], ["a", None, "a"]),
        ("map<utf8, struct<a: int8>>", [["x", {"a": 1}]], [("x", {"a": 1})]),
    ],
)
def test_the_scalar_holds_the_value(text, value, stored):
    assert to_scalar(value, parse_type(text)).as_py() == stored


@pytest.mark.parametrize(
    ("text", "value", "count"),
    [
        ("timestamp[ns]", "2013-01-01T00:00:00.000000001", 1356998400_000000001),
        ("timestamp[s, Europe/Zurich]", "2013-01-01T05:30:00+05:30", 1356998400),
        ("time64[ns]", "00:00:01.000000001", 1_000000001),
        ("date64", "1970-01-02", 86_400_000),
        ("duration[ns]", -1, -1),
    ],
)
def test_times_keep_their_last_nanosecond(text, value, count):
    assert to_scalar(value, parse_type(text)).cast(pa.int64()).as_py() == count
