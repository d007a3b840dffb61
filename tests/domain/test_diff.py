"""Laws of differences: they lead from one schema to the other, and tell each column's life without gaps."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.diff import ColumnAdded, ColumnDropped, ColumnRenamed, apply, describe, diff
from domain.history import chapters
from domain.schema import Column, Index, Schema

LAST_ID = 40
names = st.sampled_from(["a", "b", "c", "d", "e", "f", "g", "h"])
types = st.sampled_from(["int32", "int64", "utf8", "struct<x: int32, y: utf8>"])
values = st.sampled_from([None, 0, 1, "x"])


@st.composite
def columns(draw: st.DrawFn, column_id: int, name: str) -> Column:
    data_type = draw(types)
    nested = {"x": column_id + 10, "y": column_id + 20} if data_type.startswith("struct") else {}
    return Column(
        id=column_id,
        name=name,
        data_type=data_type,
        nullable=draw(st.booleans()),
        initial_default=draw(values),
        write_default=draw(values),
        comment=draw(st.sampled_from([None, "", "why"])),
        metadata=draw(st.dictionaries(st.sampled_from(["k", "l"]), st.sampled_from(["1", "2"]), max_size=2)),
        field_ids=nested,
    )


@st.composite
def versions(draw: st.DrawFn) -> Schema:
    """Schemas over the same ten column ids, so that any two share some."""
    ids = draw(st.lists(st.integers(1, 10), min_size=1, max_size=6, unique=True))
    called = draw(st.lists(names, min_size=len(ids), max_size=len(ids), unique=True))
    made = tuple(draw(columns(column_id, name)) for column_id, name in zip(ids, called, strict=True))
    key = tuple(draw(st.lists(st.sampled_from(ids), max_size=2, unique=True)))
    index = st.builds(
        Index,
        name=st.sampled_from(["i", "j"]),
        column_ids=st.tuples(st.sampled_from(ids)),
        index_type=st.sampled_from(["btree", "bitmap"]),
    )
    indexes = tuple(draw(st.lists(index, max_size=2, unique_by=lambda one: one.name)))
    return Schema(columns=made, primary_key=key, indexes=indexes, last_column_id=LAST_ID)


def without_order_of_indexes(schema: Schema) -> Schema:
    return replace(schema, indexes=tuple(sorted(schema.indexes, key=lambda index: index.name)))


@given(versions(), versions())
def test_differences_lead_from_one_schema_to_the_other(before: Schema, after: Schema) -> None:
    differences = diff(before, after)
    assert without_order_of_indexes(apply(before, differences)) == without_order_of_indexes(after)
    assert all(describe(difference) for difference in differences)


@given(versions())
def test_a_schema_differs_in_nothing_from_itself(schema: Schema) -> None:
    assert diff(schema, schema) == ()


@given(versions(), versions())
def test_a_column_of_both_is_never_told_as_dropped_or_added(before: Schema, after: Schema) -> None:
    differences = diff(before, after)
    for old in before.columns:
        new = after.by_id(old.id)
        dropped = any(isinstance(one, ColumnDropped) and one.column.id == old.id for one in differences)
        renamed = any(isinstance(one, ColumnRenamed) and one.field_id == old.id for one in differences)
        assert dropped == (new is None)
        assert renamed == (new is not None and new.name != old.name)
    added = {one.column.id for one in differences if isinstance(one, ColumnAdded)}
    assert added == {column.id for column in after.columns} - {column.id for column in before.columns}


@given(st.lists(versions(), min_size=1, max_size=5))
def test_chapters_know_at_every_version_which_columns_live_and_by_what_name(history: list[Schema]) -> None:
    known: dict[int, str] = {}
    for before, after in zip([None, *history], history, strict=False):
        for chapter in chapters(before, after):
            if chapter.alive:
                known[chapter.field_id] = chapter.name
            else:
                assert known.pop(chapter.field_id) == chapter.name
        assert known == {column.id: column.name for column in after.columns}


@given(versions(), versions())
def test_every_change_of_a_column_is_in_its_own_chapter(before: Schema, after: Schema) -> None:
    told = {chapter.field_id for chapter in chapters(before, after)}
    for column in after.columns:
        assert before.by_id(column.id) == column or column.id in told
