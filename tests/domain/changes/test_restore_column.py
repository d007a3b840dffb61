"""What of a dropped column comes back: its id, its place, and the values of the rows that had them."""

from typing import Any

import pytest

from domain.changes.change import Recovery
from domain.schema import Schema
from domain.steps import RestoreField
from tests.domain.planning import add, change, people, planned, refused

RESTORE = change("restore_column", name="score", version=1)


def without_score() -> Schema:
    return planned(change("drop_column", name="score")).target


def recovery(name: str = "score", gone_as: str | None = "4", rows: int = 10) -> dict[tuple[int, str], Recovery]:
    column = people().column(name)
    found = Recovery(column=column, position=people().names.index(name), gone_as=gone_as, rows=rows)
    return {(1, name): found}


def test_the_column_that_lives_again_is_the_one_that_was() -> None:
    plan = planned(RESTORE, schema=without_score(), recoveries=recovery())
    assert plan.target.column("score") == people().column("score")
    assert [type(step) for step in plan.steps] == [RestoreField]
    assert plan.hazards == ()


def test_rows_that_are_new_since_are_counted() -> None:
    plan = planned(RESTORE, schema=without_score(), recoveries=recovery(rows=7))
    (hazard,) = plan.hazards
    assert (hazard.kind, hazard.message[:31]) == ("data_loss", "3 rows written since column 'sc")


def test_another_place_may_be_asked_for() -> None:
    first = change("restore_column", name="score", version=1, position=0)
    assert planned(first, schema=without_score(), recoveries=recovery()).target.names[0] == "score"


@pytest.mark.parametrize(
    ("schema", "recoveries", "position", "expected"),
    [
        (without_score(), {}, None, ("name", "column_not_in_version")),
        (people(), recovery(), None, ("name", "column_not_dropped")),
        (without_score(), recovery(gone_as=None), None, ("name", "values_gone")),
        (without_score(), recovery(rows=0), None, ("name", "values_gone")),
        (without_score(), recovery(), 4, ("position", "position_out_of_range")),
    ],
)
def test_what_cannot_come_back_is_refused(
    schema: Schema, recoveries: Any, position: int | None, expected: tuple[str, str]
) -> None:
    operation = change("restore_column", name="score", version=1, position=position)
    found = refused(planned(operation, schema=schema, recoveries=recoveries))
    assert found == [(f"/operations/0/params/{expected[0]}", expected[1])]


def test_a_name_that_is_taken_by_now_stands_in_the_way() -> None:
    found = refused(planned(add("score"), RESTORE, schema=without_score(), recoveries=recovery()))
    assert found == [("/operations/1/params/name", "column_already_exists")]
