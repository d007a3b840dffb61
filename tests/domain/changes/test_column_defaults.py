"""``set_column_default`` and ``drop_column_default``: what later rows read, and that stored rows stay as they are."""

from typing import Any

import pytest

from tests.domain.planning import add, change, planned, refused


def default(name: str, value: Any) -> dict[str, Any]:
    return change("set_column_default", name=name, defaultValue=value)


def no_default(name: str) -> dict[str, Any]:
    return change("drop_column_default", name=name)


def test_only_later_rows_are_meant() -> None:
    plan = planned(default("name", "?"))
    column = plan.target.column("name")
    assert (column.write_default, column.initial_default) == ("?", None)
    assert [step.cost for step in plan.steps] == ["metadata"]
    assert [hazard.kind for hazard in plan.hazards] == ["writers_fill_default"]


def test_what_earlier_rows_got_stays_when_the_default_goes() -> None:
    column = planned(add("city", defaultValue="Bonn"), no_default("city")).target.column("city")
    assert (column.write_default, column.initial_default) == (None, "Bonn")


def test_one_and_one_point_nought_are_two_defaults() -> None:
    assert planned(default("score", 1), default("score", 1.5), default("score", 1)).is_valid


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ((default("nobody", 1),), ("0/params/name", "column_not_found")),
        ((default("age", "x"),), ("0/params/defaultValue", "default_not_valid")),
        ((default("age", 2**40),), ("0/params/defaultValue", "default_not_valid")),
        ((default("age", None),), ("0/params/defaultValue", "default_not_valid")),
        ((default("age", 1), default("age", 1)), ("1/params/defaultValue", "nothing_to_change")),
        ((no_default("nobody"),), ("0/params/name", "column_not_found")),
        ((no_default("age"),), ("0/params/name", "nothing_to_change")),
    ],
)
def test_defaults_without_sense_are_refused(operations: tuple[dict[str, Any], ...], expected: tuple[str, str]) -> None:
    assert refused(planned(*operations)) == [(f"/operations/{expected[0]}", expected[1])]
