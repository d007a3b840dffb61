"""The types of the grammar are Arrow's types, both ways."""

import pyarrow as pa
import pytest
from hypothesis import given

from adapters.engines.arrow.types import from_arrow, to_arrow
from domain.errors import TypeTextInvalid
from domain.type_text import parse_type
from tests.domain.strategies import data_types


@given(data_types(4))
def test_every_type_comes_back_from_arrow(data_type):
    assert from_arrow(to_arrow(data_type)) == data_type


@given(data_types(1))
def test_what_arrow_prints_of_a_plain_type_is_read(data_type):
    assert parse_type(str(to_arrow(data_type))) == data_type


@pytest.mark.parametrize(
    ("view", "text"),
    [
        (pa.string_view(), "utf8"),
        (pa.binary_view(), "binary"),
        (pa.list_view(pa.int8()), "list<int8>"),
        (pa.large_list_view(pa.string_view()), "large_list<utf8>"),
        (pa.list_(pa.field("element", pa.int8(), nullable=False)), "list<int8 not null>"),
    ],
)
def test_another_layout_of_the_same_values_is_the_same_type(view, text):
    assert str(from_arrow(view)) == text


@pytest.mark.parametrize(
    "arrow_type",
    [
        pa.month_day_nano_interval(),
        pa.run_end_encoded(pa.int32(), pa.utf8()),
        pa.sparse_union([pa.field("a", pa.int8())]),
        pa.uuid(),
        pa.decimal32(5, 2),
        pa.dictionary(pa.int8(), pa.utf8(), ordered=True),
        pa.map_(pa.utf8(), pa.int8(), keys_sorted=True),
        pa.struct([]),
        pa.struct([pa.field("a", pa.int8()), pa.field("a", pa.utf8())]),
        pa.timestamp("us", "Mars/Olympus"),
        pa.list_(pa.month_day_nano_interval()),
        pa.dictionary(pa.int8(), pa.list_(pa.int8())),
    ],
    ids=str,
)
def test_what_the_grammar_cannot_say_is_refused_and_not_bent(arrow_type):
    with pytest.raises(TypeTextInvalid):
        from_arrow(arrow_type)
