"""Indexes as changes: what may be built on what, and what becomes of an index when its column changes."""

from typing import Any

import pytest

from domain.schema import Column, schema_of
from tests.domain.planning import change, drop, index, planned, refused, rename, retype, vector_index

VECTORS = schema_of(
    (
        Column(id=0, name="id", data_type="int64"),
        Column(id=0, name="v", data_type="fixed_size_list<float32>[6]"),
    )
)


def drop_scalar(name: str) -> dict[str, Any]:
    return change("drop_scalar_index", name=name)


def test_an_index_is_named_for_its_column_unless_it_is_named() -> None:
    plan = planned(index("name"), index("name", "ngram", name="words"))
    assert [found.name for found in plan.target.indexes] == ["age_idx", "name_idx", "words"]
    assert [step.cost for step in plan.steps] == ["index", "index"]


def test_an_index_follows_its_column_through_a_rename() -> None:
    plan = planned(index("name"), rename("name", "label"))
    assert plan.target.named(plan.target.indexes[1].column_ids) == ("label",)


def test_an_index_on_a_column_whose_values_change_is_built_again() -> None:
    plan = planned(retype("age", "int32", "int64"))
    assert [(impact.index_name, impact.impact) for impact in plan.index_impacts] == [("age_idx", "rebuild")]
    assert [step.cost for step in plan.steps] == ["rewrite", "index"]


def test_what_the_new_type_cannot_be_indexed_by_is_refused() -> None:
    assert refused(planned(retype("age", "int32", "int16"))) == [
        ("/operations/0/params/newType", "column_still_indexed")
    ]
    assert planned(drop_scalar("age_idx"), retype("age", "int32", "int16")).is_valid


def test_an_index_added_and_dropped_is_no_work() -> None:
    plan = planned(index("name"), drop_scalar("name_idx"))
    assert (plan.differences, plan.steps) == ((), ())


@pytest.mark.parametrize(
    ("operation", "place", "code"),
    [
        (index("nobody"), "column", "column_not_found"),
        (index("name", "hash"), "indexType", "index_type_unknown"),
        (index("score", "ngram"), "indexType", "index_type_refused"),
        (index("name", name="age_idx"), "name", "index_already_exists"),
        (index("name", name=""), "name", "column_name_invalid"),
        (drop_scalar("nobody"), "name", "index_not_found"),
        (change("drop_vector_index", name="age_idx"), "name", "index_not_found"),
        (vector_index("age", name="v"), "column", "index_type_refused"),
    ],
)
def test_scalar_indexes_without_sense_are_refused(operation: dict[str, Any], place: str, code: str) -> None:
    assert refused(planned(operation)) == [(f"/operations/0/params/{place}", code)]


def test_a_vector_index_keeps_its_settings() -> None:
    plan = planned(vector_index("v", numPartitions=2), schema=VECTORS)
    (found,) = plan.target.indexes
    assert (found.name, found.metric, found.settings) == ("v_idx", "l2", {"num_partitions": 2})
    assert planned(change("drop_vector_index", name="v_idx"), schema=plan.target).target.indexes == ()


def test_a_vector_index_goes_with_its_column() -> None:
    assert planned(vector_index("v"), drop("v"), schema=VECTORS).target.indexes == ()


@pytest.mark.parametrize(
    ("operation", "place", "code"),
    [
        (vector_index("v", "flat"), "indexType", "index_type_unknown"),
        (vector_index("v", "ivf_pq"), "indexType", "index_needs_rows"),
        (vector_index("v", metric="manhattan"), "metric", "index_setting_invalid"),
        (vector_index("v", numSubVectors=4), "numSubVectors", "index_setting_invalid"),
        (vector_index("v", numPartitions=11), "numPartitions", "index_setting_invalid"),
    ],
)
def test_vector_indexes_without_sense_are_refused(operation: dict[str, Any], place: str, code: str) -> None:
    assert refused(planned(operation, schema=VECTORS)) == [(f"/operations/0/params/{place}", code)]
