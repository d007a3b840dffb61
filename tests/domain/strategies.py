"""Hypothesis strategies for types, columns and schemas, shared by the laws."""

from hypothesis import strategies as st

from domain.column_types import (
    Binary,
    Bool,
    DataType,
    Date,
    Decimal,
    Dictionary,
    Duration,
    Field,
    FixedSizeBinary,
    FixedSizeListOf,
    Float,
    Integer,
    ListOf,
    MapOf,
    Null,
    StructOf,
    Time,
    Timestamp,
    Utf8,
)
from domain.schema import Column, Schema, schema_of

units = st.sampled_from(["s", "ms", "us", "ns"])
integers = st.builds(Integer, st.sampled_from([8, 16, 32, 64]), st.booleans())
field_names = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)


@st.composite
def decimals(draw: st.DrawFn) -> Decimal:
    bits = draw(st.sampled_from([128, 256]))
    precision = draw(st.integers(1, 38 if bits == 128 else 76))
    return Decimal(bits, precision, draw(st.integers(0, precision)))


plain_types: st.SearchStrategy[DataType] = st.one_of(
    st.just(Null()),
    st.just(Bool()),
    integers,
    st.builds(Float, st.sampled_from([16, 32, 64])),
    decimals(),
    st.builds(Utf8, st.booleans()),
    st.builds(Binary, st.booleans()),
    st.builds(FixedSizeBinary, st.integers(1, 64)),
    st.builds(Date, st.sampled_from([32, 64])),
    st.builds(Time, units),
    st.builds(Timestamp, units, st.sampled_from([None, "UTC", "Europe/Berlin", "+02:00"])),
    st.builds(Duration, units),
)


def _nested(children: st.SearchStrategy[DataType]) -> st.SearchStrategy[DataType]:
    # A value of type null is always null, so "null not null" is no type.
    elements = st.tuples(children, st.booleans()).map(lambda e: (e[0], e[1] or e[0] == Null()))
    field = st.tuples(field_names, elements).map(lambda f: Field(f[0], *f[1]))
    fields = st.lists(field, max_size=3, unique_by=lambda f: f.name)
    return st.one_of(
        st.tuples(elements, st.booleans()).map(lambda e: ListOf(*e[0], e[1])),
        st.tuples(elements, st.integers(1, 16)).map(lambda e: FixedSizeListOf(e[0][0], e[1], e[0][1])),
        st.builds(StructOf, fields.map(tuple)),
        st.tuples(children.filter(lambda key: key != Null()), elements).map(lambda e: MapOf(e[0], *e[1])),
        st.builds(Dictionary, integers, children),
    )


data_types: st.SearchStrategy[DataType] = st.recursive(plain_types, _nested, max_leaves=6)


@st.composite
def schemas(draw: st.DrawFn) -> Schema:
    """Schemas of one to six columns with plain names ``c0``, ``c1``, ..."""
    types = draw(st.lists(plain_types, min_size=1, max_size=6))
    nullable = [draw(st.booleans()) or data_type == Null() for data_type in types]
    columns = (Column(id=0, name=f"c{i}", data_type=str(types[i]), nullable=nullable[i]) for i in range(len(types)))
    return schema_of(tuple(columns))
