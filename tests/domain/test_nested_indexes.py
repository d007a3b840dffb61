"""Indexes on fields inside columns, in plans and reverts: they have the ids of the fields."""

from typing import Any

import msgspec
from msgspec.structs import replace

from domain.plan import Plan
from domain.revert import reversal, way
from domain.schema import Column, Index, Schema, schema_of
from tests.domain.planning import add, change, drop, index, planned, refused, rename, retype

COLUMNS = (
    Column(id=0, name="id", data_type="int64"),
    Column(id=0, name="place", data_type="struct<lat: float64, city: struct<name: utf8, code: int32>>"),
)


def places() -> Schema:
    """With an index on place.lat and one on place.city.name."""
    schema = schema_of(COLUMNS)
    ids = schema.column("place").field_ids
    lat = Index(name="lat", column_ids=(ids["lat"],), index_type="btree")
    words = Index(name="words", column_ids=(ids["city.name"],), index_type="ngram")
    return replace(schema, indexes=(lat, words))


def plan(*operations: dict[str, Any]) -> Plan:
    made = planned(*operations, schema=places())
    assert made.violations == ()
    return made


def on(schema: Schema) -> dict[str, tuple[str, ...]]:
    return {found.name: schema.indexed(found) for found in schema.indexes}


def undone(made: Plan) -> list[dict[str, Any]]:
    back = reversal(made.source, made.target, made.target, 1)
    assert back.superseded == ()
    found: list[dict[str, Any]] = msgspec.to_builtins(back.changes)
    return found


def test_they_follow_their_fields_through_renames() -> None:
    made = plan(rename("place", "spot"), rename("spot.city", "spot.town"), rename("spot.town.name", "spot.town.label"))
    assert on(made.target) == {"lat": ("spot.lat",), "words": ("spot.town.label",)}
    assert [step.index.name for step in made.steps if step.cost == "index"] == ["lat", "words"]  # type: ignore[union-attr]


def test_they_go_with_their_field_and_stay_with_the_others() -> None:
    assert on(plan(drop("place.city")).target) == {"lat": ("place.lat",)}
    assert on(plan(drop("place.lat")).target) == {"words": ("place.city.name",)}
    assert on(plan(drop("place")).target) == {}
    assert on(plan(retype("place", COLUMNS[1].data_type, "struct<lat: float64>")).target) == {"lat": ("place.lat",)}


def test_a_type_they_cannot_hold_is_refused_at_every_depth() -> None:
    inside = planned(retype("place.city.name", "utf8", "binary"), schema=places())
    assert refused(inside) == [("/operations/0/params/newType", "column_still_indexed")]
    whole = planned(retype("place", COLUMNS[1].data_type, "struct<lat: utf8, city: utf8>"), schema=places())
    assert {code for _, code in refused(whole)} <= {"column_still_indexed", "cast_refused"}


def test_what_a_revert_brings_back_has_its_index_again() -> None:
    operations = undone(plan(drop("place.city")))
    assert [(one["type"], one["params"].get("column")) for one in operations] == [
        ("add_column", None),
        ("add_scalar_index", "place.city.name"),
    ]


def test_a_revert_of_a_dropped_index_says_its_settings() -> None:
    schema = places()
    built = Index(
        name="near",
        column_ids=(1,),
        index_type="ivf_pq",
        metric="cosine",
        settings={"num_partitions": 4, "num_sub_vectors": 2, "num_bits": 4},
    )
    text = Index(name="text", column_ids=(1,), index_type="inverted", settings={"stem": True})
    with_both = replace(schema, indexes=(*schema.indexes, built, text))
    back: list[dict[str, Any]] = msgspec.to_builtins(reversal(with_both, schema, schema, 1).changes)
    assert [one["params"] for one in back] == [
        {
            "column": "id",
            "indexType": "ivf_pq",
            "metric": "cosine",
            "name": "near",
            "numPartitions": 4,
            "numSubVectors": 2,
            "settings": {"num_bits": 4},
        },
        {"column": "id", "indexType": "inverted", "name": "text", "settings": {"stem": True}},
    ]


def test_an_index_replaced_by_another_of_its_name_is_told_as_both() -> None:
    schema = places()
    other = replace(schema.indexes[0], column_ids=(1,))
    after = replace(schema, indexes=(other, schema.indexes[1]))
    assert [str(one.__struct_config__.tag) for one in way(schema, after)] == ["drop_scalar_index", "add_scalar_index"]


def test_one_may_be_asked_for_by_its_path_and_dropped_with_a_field_added_before() -> None:
    made = plan(add("place.zip", "int32"), index("place.zip"), index("place.city.code"))
    assert on(made.target) == on(places()) | {
        "place_zip_idx": ("place.zip",),
        "place_city_code_idx": ("place.city.code",),
    }
    gone = plan(index("place.city.code"), change("drop_scalar_index", name="place_city_code_idx"))
    assert (gone.differences, gone.steps) == ((), ())
