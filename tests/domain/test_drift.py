"""What differs between a table and the log: everything that planning relies on, and nothing that engines settle."""

import pytest
from msgspec.structs import replace

from domain.column_types import Opaque
from domain.drift import columns_differ, difference, indexes_differ, recognised
from domain.schema import Column, Index, Schema, schema_of
from tests.domain.planning import planned, retype


def documents(*indexes: Index) -> Schema:
    """id int64, body utf8 with a comment and metadata, place struct<lat: float64, long: float64>."""
    columns = (
        Column(id=0, name="id", data_type="int64"),
        Column(id=0, name="body", data_type="utf8", comment="the text", metadata={"lang": "en"}),
        Column(id=0, name="place", data_type="struct<lat: float64, long: float64>"),
    )
    return replace(schema_of(columns), indexes=indexes)


WORDS = Index(name="words", column_ids=(2,), index_type="inverted", settings={"stem": True})
NEAR = Index(name="near", column_ids=(1,), index_type="ivf_pq", metric="l2", settings={"num_partitions": 4, "m": 3})


def altered(**more: object) -> Schema:
    schema = documents(WORDS)
    return schema.replaced(replace(schema.column("body"), **more))


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (altered(comment="other"), "the comment of its column 'body' is now 'other'"),
        (altered(comment=None), "the comment of its column 'body' is now none"),
        (altered(metadata={"lang": "fr", "by": "me"}), "the metadata of its column 'body' changed: by, lang"),
        (documents(), "its index 'words' is gone"),
        (documents(WORDS, NEAR), "it has an index 'near' that the log does not know"),
        (documents(replace(WORDS, column_ids=(1,))), "its index 'words' is now another: inverted on id"),
        (documents(replace(WORDS, index_type="btree")), "its index 'words' is now another: btree on body"),
        (documents(replace(WORDS, settings={"stem": False})), "its index 'words' is now another: inverted on body"),
        (documents(replace(WORDS, list_path="")), None),
    ],
)
def test_what_differs_is_named(found: Schema, words: str | None) -> None:
    assert difference(found, documents(WORDS)) == words


def test_what_is_not_known_of_an_index_and_what_engines_settle_is_no_difference() -> None:
    bare = documents(replace(NEAR, metric=None, settings={}))
    assert difference(documents(NEAR), bare) is None
    assert difference(documents(replace(NEAR, settings={"num_partitions": 9})), documents(NEAR)) is None
    assert difference(documents(replace(NEAR, metric="cosine")), documents(NEAR)) is not None


def test_indexes_that_are_made_or_dropped_may_be_there_or_not() -> None:
    before, after = documents(WORDS), documents(NEAR)
    for there in ((), (WORDS,), (NEAR,), (WORDS, NEAR)):
        assert indexes_differ(documents(*there), before, after) is None
    assert indexes_differ(documents(replace(NEAR, name="x")), before, after) is not None
    assert indexes_differ(documents(), before, before) == "its index 'words' is gone"
    assert columns_differ(documents(), before) is None


def test_an_index_on_a_field_is_recognised_by_the_field() -> None:
    known = documents()
    lat = known.column("place").field_ids["lat"]
    moved = replace(known.moved(3, 0), indexes=())
    found = replace(schema_of(moved.columns), indexes=())
    inside = found.column("place").field_ids["lat"]
    found = replace(found, indexes=(Index(name="lat", column_ids=(inside,), index_type="btree"),))
    seen = recognised(found, known, {"id": 1, "body": 2, "place": 3})
    assert (seen.indexes[0].column_ids, seen.indexed(seen.indexes[0])) == ((lat,), ("place.lat",))


def test_a_column_written_before_fields_had_ids_gets_them_when_an_index_needs_them() -> None:
    found = documents()
    inside = found.column("place").field_ids["lat"]
    found = replace(found, indexes=(Index(name="lat", column_ids=(inside,), index_type="btree"),))
    old = Schema(columns=tuple(replace(column, field_ids={}) for column in found.columns), last_column_id=3)
    seen = recognised(found, old, {"id": 1, "body": 2, "place": 3})
    assert seen.indexed(seen.indexes[0]) == ("place.lat",)
    assert min(seen.column("place").field_ids.values()) > 3


def test_a_column_of_an_extension_type_that_was_told_by_its_storage_is_the_same_still() -> None:
    metadata = {"ARROW:extension:name": "lance.bfloat16", "ARROW:extension:metadata": "", "unit": "kg"}
    told = Column(id=0, name="b", data_type="fixed_size_binary[2]", metadata=metadata)
    known = schema_of((Column(id=0, name="id", data_type="int64"), told))
    opaque = str(Opaque("extension<lance.bfloat16, fixed_size_binary[2]>"))
    shown = Column(id=0, name="b", data_type=opaque, metadata={"unit": "kg"})
    found = schema_of((Column(id=0, name="id", data_type="int64"), shown))
    assert difference(found, known) is None
    assert recognised(found, known, {"id": 1, "b": 2}) == known
    assert difference(schema_of((found.columns[0], replace(shown, metadata={}))), known) is not None
    cast = planned(retype("b", "fixed_size_binary[2]", "binary"), schema=known)
    assert [one.code for one in cast.violations] == ["column_opaque"]
