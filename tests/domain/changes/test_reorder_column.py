"""Where a column stands after it was moved, and that nothing but its place changes."""

import pytest

from domain.diff import ColumnsReordered
from tests.domain.planning import change, planned, refused


def move(name: str, position: int) -> dict[str, object]:
    return change("reorder_column", name=name, position=position)


@pytest.mark.parametrize(
    ("name", "position", "order"),
    [
        ("score", 0, ("score", "id", "name", "age")),
        ("id", 3, ("name", "age", "score", "id")),
        ("name", 2, ("id", "age", "name", "score")),
    ],
)
def test_the_others_keep_their_order(name: str, position: int, order: tuple[str, ...]) -> None:
    plan = planned(move(name, position))
    assert plan.target.names == order
    assert [type(difference) for difference in plan.differences] == [ColumnsReordered]
    assert [step.cost for step in plan.steps] == ["metadata"]


def test_there_and_back_is_nothing() -> None:
    assert planned(move("score", 0), move("score", 3)).differences == ()


@pytest.mark.parametrize(
    ("name", "position", "place", "code"),
    [
        ("nobody", 0, "name", "column_not_found"),
        ("id", 4, "position", "position_out_of_range"),
        ("id", -1, "position", "position_out_of_range"),
        ("id", 0, "position", "nothing_to_change"),
    ],
)
def test_places_that_are_none_are_refused(name: str, position: int, place: str, code: str) -> None:
    assert refused(planned(move(name, position))) == [(f"/operations/0/params/{place}", code)]
