"""Type text goes to a type and back."""

import pytest
from hypothesis import given

from domain.column_types import DataType, Opaque, opaque_types, type_names
from domain.errors import TypeTextInvalid
from domain.requested_types import parse_requested
from domain.type_text import parse_type
from tests.domain.strategies import data_types


@given(data_types)
def test_text_of_a_type_reads_as_that_type(data_type: DataType) -> None:
    assert parse_type(str(data_type)) == data_type


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("INT32", "int32"),
        ("string", "utf8"),
        ("double", "float64"),
        ("float", "float32"),
        ("half", "float16"),
        ("boolean", "bool"),
        ("timestamp", "timestamp[us]"),
        ("timestamp[ns, tz=Europe/Berlin]", "timestamp[ns, Europe/Berlin]"),
        ("Timestamp[ us , UTC ]", "timestamp[us, UTC]"),
        ("date32[day]", "date32"),
        ("decimal128(10,2)", "decimal128(10, 2)"),
        ("list< int32 NOT NULL >", "list<int32 not null>"),
        ('struct<"a b": utf8 not null, c: int8>', 'struct<"a b": utf8 not null, c: int8>'),
        ('struct<"say ""hi""": bool>', 'struct<"say ""hi""": bool>'),
        ("fixed_size_list<float>[128]", "fixed_size_list<float32>[128]"),
    ],
)
def test_aliases_and_spacing_become_canonical(text: str, canonical: str) -> None:
    assert str(parse_type(text)) == canonical


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("strng", "did you mean 'string'"),
        ("", "a type name was expected"),
        ("int32 x", "the end was expected"),
        ("list<int32", "'>' was expected"),
        ("decimal128(39, 2)", "a precision from 1 to 38"),
        ("decimal128(5, 6)", "a scale from 0 to 5"),
        ("timestamp[us, Mars/Olympus]", "no time zone 'Mars/Olympus'"),
        ("time32[us]", "one of s, ms"),
        ("fixed_size_binary[0]", "a size from 1"),
        ("dictionary<utf8, utf8>", "integer type"),
        ("struct<a: int8, a: int8>", "two fields named 'a'"),
        ("list<int8 not>", "'null' was expected"),
        ("list<" * 40 + "int8" + ">" * 40, "32 deep"),
        ("int8" + " " * 10_001, "longer than 10000"),
    ],
)
def test_what_is_no_type_is_refused_with_what_was_expected(text: str, says: str) -> None:
    with pytest.raises(TypeTextInvalid, match=says.replace("(", r"\(")) as refusal:
        parse_requested(text)
    assert refusal.value.code == "type_invalid"


def test_type_names_tell_what_stands_in_what() -> None:
    names = type_names(parse_type("fixed_size_list<struct<a: utf8>>[2]"))
    assert names == {"fixed_size_list", "struct", "utf8", "fixed_size_list<struct>", "struct<utf8>"}


def test_a_struct_without_fields_has_a_name_of_its_own() -> None:
    assert "struct<>" in type_names(parse_type("list<struct<>>"))


def test_tables_of_others_may_be_wider_and_deeper_than_what_is_asked_for() -> None:
    wide = f"struct<{', '.join(f'field_number_{number}: float32' for number in range(700))}>"
    deep = "list<" * 40 + "int8" + ">" * 40
    for text in (wide, deep):
        assert str(parse_type(text)) == text
        with pytest.raises(TypeTextInvalid):
            parse_requested(text)


def test_an_opaque_type_keeps_its_text_and_is_not_asked_for() -> None:
    opaque = Opaque('extension<arrow.opaque, int32, {"type_name":"x"}>')
    assert parse_type(str(opaque)) == opaque
    assert list(opaque_types(parse_type(f"struct<a: list<{opaque} not null>>"))) == [opaque]
    with pytest.raises(TypeTextInvalid, match="cannot be asked for"):
        parse_requested(f"list<{opaque}>")
