"""What a primary key comes to: columns that are looked at, and not nullable from then on."""

from typing import Any

import pytest

from domain.engine import EngineProfile
from domain.steps import CheckNoNulls, CheckUnique, DeclareKey, SetNullability
from tests.domain.planning import change, key, planned, refused


def test_what_may_hold_null_is_looked_at_too_and_may_not_from_then_on() -> None:
    plan = planned(key("name", "id"))
    assert [type(step) for step in plan.steps] == [CheckNoNulls, CheckUnique, SetNullability, DeclareKey]
    assert plan.target.primary_key == (2, 1)
    assert not plan.target.column("name").nullable


def test_an_engine_that_enforces_nothing_says_so() -> None:
    assert [hazard.kind for hazard in planned(key("name")).hazards] == ["writers_keep_key"]
    enforcing = EngineProfile(name="test", enforces_keys=True)
    assert planned(key("name"), profile=enforcing).hazards == ()


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"columns": ["nobody"]}, [("columns/0", "column_not_found")]),
        ({"columns": ["name", "name"]}, [("columns/1", "column_repeated")]),
        ({"columns": ["id"]}, [("columns", "nothing_to_change")]),
        ({"columns": ["name"], "enforced": True}, [("enforced", "key_not_enforceable")]),
    ],
)
def test_keys_without_sense_are_refused(params: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    found = refused(planned(change("set_primary_key", **params)))
    assert found == [(f"/operations/0/params/{place}", code) for place, code in expected]


def test_lists_and_structs_are_no_keys() -> None:
    operations = change("add_column", name="tags", dataType="list<utf8>", nullable=True), key("tags")
    assert refused(planned(*operations)) == [("/operations/1/params/columns/0", "key_type_refused")]
