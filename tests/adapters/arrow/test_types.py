"""Column types are Arrow's own."""

import base64

import pyarrow as pa
import pytest
from hypothesis import given

from adapters.arrow.types import from_arrow, from_arrow_field, ipc_schema, to_arrow, to_arrow_field
from domain.column_types import DataType, Dictionary, children
from domain.errors import TypeNotSupported
from domain.schema import Column, schema_of
from domain.type_text import parse_type
from tests.domain.strategies import data_types


def arrow_has(data_type: DataType) -> bool:
    """Arrow makes no dictionary of dictionaries."""
    if isinstance(data_type, Dictionary) and isinstance(data_type.value, Dictionary):
        return False
    return all(arrow_has(child) for child in children(data_type))


@given(data_types.filter(arrow_has))
def test_a_type_goes_to_arrow_and_back(data_type: DataType) -> None:
    assert from_arrow(to_arrow(data_type)) == data_type


@pytest.mark.parametrize(("arrow", "text"), [(pa.string_view(), "utf8"), (pa.binary_view(), "binary")])
def test_views_are_their_plain_types(arrow: pa.DataType, text: str) -> None:
    assert str(from_arrow(arrow)) == text


def test_what_the_grammar_lacks_is_refused() -> None:
    with pytest.raises(TypeNotSupported):
        from_arrow(pa.month_day_nano_interval())


def test_a_column_goes_to_an_arrow_field_and_back() -> None:
    column = Column(id=0, name="größe", data_type="int8", nullable=False, comment="why", metadata={"owner": "x"})
    assert from_arrow_field(to_arrow_field(column)) == column


def test_a_schema_is_an_arrow_ipc_message() -> None:
    schema = schema_of((Column(id=0, name="a", data_type="timestamp[us, UTC]", nullable=False),))
    message = base64.b64decode(base64.b64encode(ipc_schema(schema)))
    assert pa.ipc.read_schema(pa.py_buffer(message)) == pa.schema(
        [pa.field("a", to_arrow(parse_type("timestamp[us, UTC]")), nullable=False)]
    )
