"""What changes come to, and every reason why they make no sense."""

from typing import Any

import pytest

from domain.changes.change import HazardKind
from domain.engine import EngineProfile
from domain.schema import fingerprint
from domain.steps import AddField, CastField, CheckNoNulls, DropField, FillNulls, RenameField, SetNullability
from domain.undo import UndoKind
from tests.domain.planning import add, change, drop, nullability, people, planned, refused, rename, retype


def test_a_new_column_stands_where_it_was_asked_for() -> None:
    plan = planned(add("city", position=1))
    assert plan.target.names == ("id", "city", "name", "age", "score")
    (step,) = plan.steps
    assert isinstance(step, AddField)
    assert step.position == 1


def test_a_new_column_gets_an_id_nobody_had() -> None:
    plan = planned(drop("score"), add("score", "float64"))
    assert people().column("score").id == 4
    assert plan.target.column("score").id == 5


def test_a_default_is_for_rows_before_and_after() -> None:
    column = planned(add("city", defaultValue="Bonn")).target.column("city")
    assert (column.initial_default, column.write_default) == ("Bonn", "Bonn")


def test_an_engine_that_applies_no_defaults_says_so() -> None:
    plan = planned(add("city", defaultValue="Bonn"))
    assert [hazard.kind for hazard in plan.hazards] == [HazardKind.WRITERS_FILL_DEFAULT]
    applies = EngineProfile(name="test", applies_write_defaults=True)
    assert planned(add("city", defaultValue="Bonn"), profile=applies).hazards == ()


def test_a_renamed_column_keeps_its_id_its_key_and_its_indexes() -> None:
    plan = planned(rename("id", "key"), rename("age", "years"))
    assert plan.target.column("key").id == 1
    assert plan.target.primary_key == (1,)
    assert plan.target.indexes == people().indexes
    assert all(isinstance(step, RenameField) for step in plan.steps)
    assert not plan.requires_rewrite


def test_two_columns_can_swap_their_names() -> None:
    plan = planned(rename("name", "t"), rename("score", "name"), rename("t", "score"))
    assert plan.target.names == ("id", "score", "age", "name")
    assert plan.is_valid


def test_dropping_an_indexed_column_says_that_the_index_goes() -> None:
    plan = planned(drop("age"))
    assert [(impact.index_name, impact.impact) for impact in plan.index_impacts] == [("age_idx", "drop")]
    assert plan.target.indexes == ()
    assert [hazard.kind for hazard in plan.hazards] == [HazardKind.DATA_LOSS]
    assert isinstance(plan.steps[0], DropField)


def test_a_lossless_cast_looks_at_nothing_and_rewrites_all() -> None:
    plan = planned(retype("name", "string", "large_utf8"))
    (step,) = plan.steps
    assert isinstance(step, CastField)
    assert (step.checked, plan.requires_rewrite) == (False, True)


def test_a_checked_cast_says_so_in_its_step() -> None:
    (step,) = planned(retype("score", "float64", "int64")).steps
    assert isinstance(step, CastField)
    assert step.checked


def test_not_nullable_checks_for_nulls_or_fills_them() -> None:
    checking = planned(nullability("name", False)).steps
    assert [type(step) for step in checking] == [CheckNoNulls, SetNullability]
    filling = planned(nullability("name", False, fillNullsWith="?")).steps
    assert [type(step) for step in filling] == [FillNulls, SetNullability]


REFUSALS: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    (add("name"), [("name", "column_already_exists")]),
    (add(""), [("name", "column_name_invalid")]),
    (add(" x"), [("name", "column_name_invalid")]),
    (add("a.b"), [("name", "column_not_found")]),
    (add("a\n"), [("name", "column_name_invalid")]),
    (add("x" * 256), [("name", "column_name_invalid")]),
    (add("x", "strng"), [("dataType", "type_invalid")]),
    (add("x", "map<utf8, utf8>"), [("dataType", "type_not_supported")]),
    (add("x", "list<fixed_size_list<utf8>[2]>"), [("dataType", "type_not_supported")]),
    (add("x", "int8", defaultValue=300), [("defaultValue", "default_not_valid")]),
    (add("x", position=5), [("position", "position_out_of_range")]),
    (add("x", position=-1), [("position", "position_out_of_range")]),
    (add("x", nullable=False), [("defaultValue", "default_required")]),
    (
        add("name", "strng", position=9, nullable=False),
        [
            ("name", "column_already_exists"),
            ("dataType", "type_invalid"),
            ("position", "position_out_of_range"),
            ("defaultValue", "default_required"),
        ],
    ),
    (drop("nobody"), [("name", "column_not_found")]),
    (drop("id"), [("name", "column_in_primary_key")]),
    (rename("nobody", "x"), [("oldName", "column_not_found")]),
    (rename("name", "age"), [("newName", "column_already_exists")]),
    (rename("name", "name"), [("newName", "column_already_exists")]),
    (retype("nobody", "utf8", "int8"), [("name", "column_not_found")]),
    (retype("score", "float32", "int8"), [("oldType", "old_type_mismatch")]),
    (retype("score", "float64", "float64"), [("newType", "type_unchanged")]),
    (retype("score", "float64", "bool"), [("newType", "cast_refused")]),
    (retype("score", "float64", "what"), [("newType", "type_invalid")]),
    (retype("id", "int64", "int32"), [("newType", "column_in_primary_key")]),
    (
        retype("age", "int32", "int8", onCastFailure="null"),
        [("onCastFailure", "nulls_not_allowed"), ("newType", "column_still_indexed")],
    ),
    (nullability("nobody", True), [("name", "column_not_found")]),
    (nullability("name", True), [("nullable", "nullability_unchanged")]),
    (nullability("id", True), [("nullable", "column_in_primary_key")]),
    (nullability("age", True, fillNullsWith=1), [("fillNullsWith", "fill_not_wanted")]),
    (nullability("score", False, fillNullsWith="x"), [("fillNullsWith", "default_not_valid")]),
]


@pytest.mark.parametrize(("operation", "expected"), REFUSALS)
def test_a_change_without_sense_is_refused_with_every_reason(
    operation: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    plan = planned(operation)
    assert refused(plan) == [(f"/operations/0/params/{place}", code) for place, code in expected]
    assert fingerprint(plan.target) == fingerprint(people())
    assert plan.steps == ()


def test_all_violations_of_all_operations_are_collected() -> None:
    plan = planned(drop("nobody"), add("city"), rename("name", "age"))
    assert refused(plan) == [
        ("/operations/0/params/name", "column_not_found"),
        ("/operations/2/params/newName", "column_already_exists"),
    ]


def test_what_follows_from_a_refused_change_is_not_reported_again() -> None:
    plan = planned(add("city", "strng"), rename("city", "town"), drop("town"))
    assert refused(plan) == [("/operations/0/params/dataType", "type_invalid")]


def test_a_not_nullable_column_without_default_fits_an_empty_table() -> None:
    assert planned(add("x", nullable=False), rows=0).is_valid


def test_the_last_column_stays() -> None:
    plan = planned(drop("name"), drop("age"), drop("score"), drop("id"))
    assert ("/operations/3/params/name", "column_in_primary_key") in refused(plan)
    assert ("/operations/3/params/name", "last_column") in refused(plan)


def test_a_default_that_the_new_type_cannot_hold_stands_in_the_way() -> None:
    plan = planned(add("n", "int32", defaultValue=300), retype("n", "int32", "int8"))
    assert refused(plan) == [("/operations/1/params/newType", "default_not_valid")]


def test_names_that_differ_in_case_clash_where_the_engine_folds_case() -> None:
    folding = EngineProfile(name="test", folds_case=True)
    assert refused(planned(add("NAME"), profile=folding)) == [
        ("/operations/0/params/name", "column_names_differ_in_case")
    ]
    assert planned(add("NAME")).is_valid


def test_the_same_plan_has_the_same_hash_and_another_another() -> None:
    assert planned(add("a")).plan_hash == planned(add("a")).plan_hash
    assert planned(add("a")).plan_hash != planned(add("b")).plan_hash


def test_a_comment_is_as_long_as_any_way_of_setting_one_allows() -> None:
    assert planned(add("x", comment="x" * 4_000)).is_valid
    (found,) = planned(add("x", comment="x" * 4_001)).violations
    assert (found.pointer, found.code) == ("/operations/0/params/comment", "comment_too_long")


def test_a_cast_by_way_of_another_type_is_not_promised_to_come_back() -> None:
    """'1.00' is a text that no integer reads."""
    there = (retype("age", "int32", "decimal128(12, 2)"), retype("age", "decimal128(12, 2)", "utf8"))
    undo = planned(change("drop_scalar_index", name="age_idx"), *there).undo
    assert (undo.kind, undo.losses) == (
        UndoKind.LOSSY,
        ("Values of 'age' are cast by way of decimal128(12, 2), and may not read as int32 again.",),
    )
