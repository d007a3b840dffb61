"""Casts are proven value by value."""

from datetime import datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from adapters.arrow.casts import Outcome, cast_array
from adapters.arrow.nested_fields import metadata_after
from adapters.arrow.types import from_arrow_field, to_arrow
from domain.type_text import parse_type

NAN, INF = float("nan"), float("inf")


def cast(values: list[Any], source: str, target: str) -> Outcome:
    array = pa.array(values, to_arrow(parse_type(source)))
    return cast_array(array, parse_type(source), parse_type(target))


def failures(outcome: Outcome) -> list[int]:
    return [] if outcome.failed is None else [i for i, failed in enumerate(outcome.failed.to_pylist()) if failed]


CHECKED: list[tuple[str, str, list[Any], list[Any], list[int]]] = [
    ("int64", "uint8", [1, 300, -1, None], [1, None, None, None], [1, 2]),
    ("int64", "uint64", [-1, 5], [None, 5], [0]),
    ("uint64", "int64", [2**63, 5], [None, 5], [0]),
    ("int64", "float64", [2**53, 2**53 + 1, -(2**53)], [2.0**53, None, -(2.0**53)], [1]),
    ("int32", "float32", [2**24, 2**24 + 1], [2.0**24, None], [1]),
    ("float64", "int64", [1.0, 2.5, None, NAN, 2.0**63, -(2.0**63)], [1, None, None, None, None, -(2**63)], [1, 3, 4]),
    ("float64", "uint8", [255.0, 256.0, -1.0, INF], [255, None, None, None], [1, 2, 3]),
    ("float64", "float32", [1e300, 0.1, 0.5, INF, None], [None, None, 0.5, INF, None], [0, 1]),
    ("float64", "decimal128(5, 2)", [1.25, 0.1, 1 / 3, 1e9], [Decimal("1.25"), Decimal("0.10"), None, None], [2, 3]),
    ("decimal128(5, 2)", "int32", [Decimal("7.00"), Decimal("7.50")], [7, None], [1]),
    ("decimal128(5, 2)", "decimal128(4, 1)", [Decimal("1.50"), Decimal("1.55")], [Decimal("1.5"), None], [1]),
    ("int64", "decimal128(3, 1)", [12, 123], [Decimal("12.0"), None], [1]),
    ("utf8", "int64", ["7", "007", " 7", "x", None, "9" * 20], [7, None, None, None, None, None], [1, 2, 3, 5]),
    ("utf8", "float64", ["1.5", "1.50", "01", "1e3", "0.30000000000000001"], [1.5, 1.5, None, 1e3, None], [2, 4]),
    ("utf8", "decimal128(5, 2)", ["1.5", "1.555", "x"], [Decimal("1.50"), None, None], [1, 2]),
    ("utf8", "bool", ["true", "1", "yes"], [True, None, None], [1, 2]),
    (
        "utf8",
        "timestamp[s]",
        ["2013-01-01 05:00:00", "2013-01-01", "x"],
        [datetime(2013, 1, 1, 5), datetime(2013, 1, 1), None],
        [2],
    ),
    ("utf8", "timestamp[us]", ["2013-01-01T05:00:00Z"], [None], [0]),
    (
        "timestamp[us]",
        "date32",
        [datetime(2013, 1, 1), datetime(2013, 1, 1, 5)],
        [datetime(2013, 1, 1).date(), None],
        [1],
    ),
    ("timestamp[us]", "timestamp[s]", [datetime(2013, 1, 1, 0, 0, 0, 5)], [None], [0]),
    ("timestamp[s]", "timestamp[ns]", [datetime(2013, 1, 1), datetime(9999, 1, 1)], [datetime(2013, 1, 1), None], [1]),
    ("binary", "utf8", [b"\xff", b"a"], [None, "a"], [0]),
    ("binary", "fixed_size_binary[2]", [b"ab", b"a"], [b"ab", None], [1]),
    ("list<int64>", "list<int8>", [[1], None, [300, 1], []], [[1], None, None, []], [2]),
    ("list<int8>", "fixed_size_list<int8>[2]", [[1, 2], [1], None], [[1, 2], None, None], [1]),
    ("list<int8>", "list<int8 not null>", [[1], [None]], [[1], None], [1]),
    (
        "struct<a: int32, b: utf8>",
        "struct<b: utf8, a: int8, c: bool>",
        [{"a": 1, "b": "x"}, None, {"a": 999, "b": "y"}],
        [{"b": "x", "a": 1, "c": None}, None, None],
        [2],
    ),
    ("map<utf8, int64>", "map<utf8, int8>", [[("k", 1)], [("j", 400), ("l", 2)], None], [[("k", 1)], None, None], [1]),
]


@pytest.mark.parametrize(("source", "target", "values", "expected", "failed"), CHECKED)
def test_a_value_passes_when_it_comes_back(
    source: str, target: str, values: list[Any], expected: list[Any], failed: list[int]
) -> None:
    outcome = cast(values, source, target)
    assert outcome.array.type == to_arrow(parse_type(target))
    assert outcome.array.to_pylist() == expected
    assert failures(outcome) == failed


MORE: list[tuple[str, str, list[Any], list[Any], list[int]]] = [
    ("float16", "decimal128(5, 2)", [1.5, NAN, None], [Decimal("1.50"), None, None], [1]),
    ("float64", "decimal128(5, 2)", [NAN, INF], [None, None], [0, 1]),
    ("float64", "float16", [1.5, 1e9], [1.5, None], [1]),
    ("decimal128(5, 2)", "float16", [Decimal("1.50"), Decimal("1.01")], [1.5, 1.009765625], []),
    ("int64", "float16", [2**11, 2**11 + 1], [2.0**11, None], [1]),
    ("int64", "decimal256(76, 70)", [1, 10**7], [Decimal(1), None], [1]),
    (
        "utf8",
        "time64[us]",
        ["05:17:00", "05:17:00.5", "25:00:00", "x"],
        [time(5, 17), time(5, 17, 0, 500_000), None, None],
        [2, 3],
    ),
    ("utf8", "time32[s]", ["05:17:00", "05:17:00.5"], [time(5, 17), None], [1]),
    ("time32[s]", "utf8", [time(5, 17)], ["05:17:00"], []),
    ("utf8", "decimal256(76, 0)", ["9" * 80, "7"], [None, Decimal(7)], [0]),
    ("utf8", "float16", ["1.5", "0.1"], [1.5, None], [1]),
]


@pytest.mark.parametrize(("source", "target", "values", "expected", "failed"), MORE)
def test_what_the_library_cannot_do_or_does_wrong_is_done_right(
    source: str, target: str, values: list[Any], expected: list[Any], failed: list[int]
) -> None:
    outcome = cast(values, source, target)
    assert outcome.array.type == to_arrow(parse_type(target))
    assert outcome.array.to_pylist() == expected
    assert failures(outcome) == failed


def test_a_slice_of_maps_is_cast_like_a_whole_array() -> None:
    source, target = parse_type("map<utf8, int64>"), parse_type("map<utf8, int8>")
    rows = [[("a", 1)], [("b", 2), ("c", 300)], None, [("d", 4)], []]
    array = pa.array(rows, to_arrow(source))[1:]
    outcome = cast_array(array, source, target)
    assert outcome.array.to_pylist() == [None, None, [("d", 4)], []]
    assert failures(outcome) == [0]


def test_nan_stays_nan_between_floats() -> None:
    outcome = cast([NAN], "float64", "float32")
    assert failures(outcome) == []
    assert outcome.array.to_pylist()[0] != outcome.array.to_pylist()[0]


def test_sliced_lists_are_cast_like_whole_ones() -> None:
    array = pa.array([[1], [2, 3], [4]], pa.list_(pa.int64()))[1:]
    outcome = cast_array(array, parse_type("list<int64>"), parse_type("list<int8>"))
    assert outcome.array.to_pylist() == [[2, 3], [4]]


@pytest.mark.parametrize(
    ("source", "target", "values", "expected"),
    [
        ("list<int32>", "list<int32 not null>", [[1, None], [2], None, []], [None, [2], None, []]),
        ("list<int32>", "large_list<int8 not null>", [[300], [2], [None, 1]], [None, [2], None]),
        ("list<list<int32>>", "list<list<int32 not null>>", [[[1], [None]], [[2]]], [None, [[2]]]),
        ("fixed_size_list<int32>[2]", "fixed_size_list<int8>[2]", [[1, 2], [300, 1], None], [[1, 2], None, None]),
        ("list<int32>", "fixed_size_list<int32 not null>[2]", [[1, None], [1, 2], [1]], [None, [1, 2], None]),
        ("map<utf8, int32>", "map<utf8, int32 not null>", [[("a", None)], [("b", 1)], None], [None, [("b", 1)], None]),
        ("list<struct<a: int32>>", "list<struct<a: int8 not null>>", [[{"a": None}], [{"a": 1}]], [None, [{"a": 1}]]),
    ],
)
def test_a_list_that_fails_takes_its_items_along(
    source: str, target: str, values: list[Any], expected: list[Any]
) -> None:
    outcome = cast(values, source, target)
    assert outcome.array.to_pylist() == expected
    outcome.array.validate(full=True)
    assert holds_no_hidden_items(outcome.array)


def holds_no_hidden_items(array: pa.Array) -> bool:
    """Whether all items there are belong to lists that are not null."""
    if pa.types.is_fixed_size_list(array.type):
        return True
    items = array.items if pa.types.is_map(array.type) else array.values
    return len(items) == sum(len(value) for value in array.to_pylist() if value is not None)


def test_a_cast_keeps_names_and_metadata_of_nested_fields() -> None:
    item = pa.field("element", pa.int32(), metadata={"unit": "kg"})
    nested = pa.struct([pa.field("l", pa.list_(item), metadata={"who": "me"}), pa.field("u", pa.uuid())])
    source = from_arrow_field(pa.field("s", nested)).type
    target = replace(
        source, fields=(replace(source.fields[0], type=parse_type("list<int64 not null>")), source.fields[1])
    )
    after = cast_array(pa.nulls(2, nested), source, target).array.type
    wanted = pa.field("element", pa.int64(), nullable=False, metadata={"unit": "kg"})
    same = pa.struct([pa.field("l", pa.list_(wanted), metadata={"who": "me"}), pa.field("u", pa.uuid())])
    assert after.equals(same, check_metadata=True)


def test_metadata_of_the_old_type_does_not_stay_on_the_new_one() -> None:
    old = pa.field("v", pa.large_binary(), metadata={"lance-encoding:blob": "true", "unit": "kg"})
    assert metadata_after(old, pa.utf8()) == {b"unit": b"kg"}
    assert metadata_after(old, pa.large_binary()) == old.metadata


def test_a_dictionary_becomes_its_values_and_back() -> None:
    encoded = cast(["a", "b", "a", None], "utf8", "dictionary<int8, utf8>")
    assert encoded.array.to_pylist() == ["a", "b", "a", None]
    plain = cast_array(encoded.array, parse_type("dictionary<int8, utf8>"), parse_type("utf8"))
    assert plain.array.to_pylist() == ["a", "b", "a", None]


@given(st.lists(st.one_of(st.none(), st.integers(-(2**31), 2**31 - 1))))
def test_a_lossless_cast_fails_for_no_value(values: list[int | None]) -> None:
    outcome = cast(values, "int32", "float64")
    assert outcome.failed is None
    assert outcome.array.to_pylist() == values


@given(st.lists(st.one_of(st.none(), st.floats())), st.sampled_from(["int8", "int64", "uint64", "float32", "utf8"]))
def test_what_a_checked_cast_lets_through_is_the_same_number(values: list[float | None], target: str) -> None:
    outcome = cast(values, "float64", target)
    for number, (value, kept) in enumerate(zip(values, outcome.array.to_pylist(), strict=True)):
        if number not in failures(outcome) and value is not None and value == value:
            assert float(kept) == value


@given(st.lists(st.one_of(st.none(), st.text(max_size=6), st.integers().map(str))))
def test_no_text_makes_a_cast_raise(values: list[str | None]) -> None:
    for target in ("int64", "float64", "decimal128(10, 2)", "bool", "date32", "timestamp[us]", "time32[s]"):
        cast(values, "utf8", target)
