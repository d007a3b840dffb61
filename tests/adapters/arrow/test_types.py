"""Column types are Arrow's own."""

import base64

import pyarrow as pa
import pytest
from hypothesis import given

from adapters.arrow.types import from_arrow, from_arrow_field, ipc_schema, to_arrow, to_arrow_field
from domain.column_types import DataType, Dictionary, Field, ListOf, Opaque, StructOf, children
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


UUIDS = pa.field("v", pa.binary(16), metadata={"ARROW:extension:name": "arrow.uuid"})


@pytest.mark.parametrize(
    ("arrow", "shown"),
    [
        (pa.month_day_nano_interval(), "month_day_nano_interval"),
        (pa.decimal128(10, -2), "decimal128(10, -2)"),
        (pa.decimal32(5, 1), "decimal32(5, 1)"),
        (pa.timestamp("us", "utc+1"), "timestamp[us, tz=utc+1]"),
        (pa.dense_union([pa.field("a", pa.int32())]), "dense_union<a: int32=0>"),
        (pa.uuid(), "extension<arrow.uuid, fixed_size_binary[16]>"),
        (pa.struct([("a", pa.int8()), ("a", pa.int8())]), "struct<a: int8, a: int8>"),
    ],
)
def test_what_the_grammar_lacks_is_opaque(arrow: pa.DataType, shown: str) -> None:
    assert from_arrow_field(pa.field("v", arrow)).type == Opaque(shown)


def test_an_opaque_part_leaves_the_rest_of_a_type_as_it_is() -> None:
    nested = pa.struct([pa.field("u", pa.uuid()), pa.field("l", pa.list_(pa.field("element", pa.decimal128(4, -1))))])
    u, items = Opaque("extension<arrow.uuid, fixed_size_binary[16]>"), Opaque("decimal128(4, -1)")
    assert from_arrow_field(pa.field("s", nested)).type == StructOf((Field("u", u), Field("l", ListOf(items))))


def test_an_extension_type_is_shown_alike_whether_or_not_the_process_has_registered_it() -> None:
    registered, plain = from_arrow_field(pa.field("v", pa.uuid())), from_arrow_field(UUIDS)
    assert registered == plain
    assert from_arrow_field(pa.field("l", pa.list_(UUIDS))) == from_arrow_field(pa.field("l", pa.list_(pa.uuid())))


def test_an_opaque_type_goes_to_a_stand_in_of_arrow_and_back() -> None:
    opaque = Opaque("month_day_nano_interval")
    assert from_arrow(to_arrow(opaque)) == opaque


def test_a_column_goes_to_an_arrow_field_and_back() -> None:
    column = Column(id=0, name="größe", data_type="int8", nullable=False, comment="why", metadata={"owner": "x"})
    assert from_arrow_field(to_arrow_field(column)) == column


def test_a_schema_is_an_arrow_ipc_message() -> None:
    schema = schema_of((Column(id=0, name="a", data_type="timestamp[us, UTC]", nullable=False),))
    message = base64.b64decode(base64.b64encode(ipc_schema(schema)))
    assert pa.ipc.read_schema(pa.py_buffer(message)) == pa.schema(
        [pa.field("a", to_arrow(parse_type("timestamp[us, UTC]")), nullable=False)]
    )
