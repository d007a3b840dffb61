"""docs/reference/engines.md is what every engine does now, and refusals say when the engine is the reason."""

import pytest

from tests.contracts.engines.matrix import CHANGES, ENGINES, KINDS, Outcome, all_outcomes, name_of
from tests.docs.engines import page
from tests.docs.pages import assert_fresh

Found = dict[str, dict[str, dict[str, Outcome]]]


@pytest.fixture(scope="module")
def found() -> Found:
    """For all tests of this file: tests/scheduling.py has one process run them."""
    return {engine: all_outcomes(engine) for engine in ENGINES}


def test_the_page_says_what_every_engine_does(found: Found) -> None:
    assert_fresh("engines.md", page(found))


def test_what_one_engine_refuses_and_another_does_is_refused_in_its_name(found: Found) -> None:
    for data_type in KINDS:
        for name in map(name_of, CHANGES):
            cells = {engine: found[engine][data_type][name] for engine in ENGINES}
            if any(cell.code is None for cell in cells.values()):
                for engine, cell in cells.items():
                    assert cell.code is None or engine in cell.message, (data_type, name, cell)


def test_every_engine_that_does_it_leaves_the_same_rows(found: Found) -> None:
    for data_type in KINDS:
        for name in map(name_of, CHANGES):
            cells = [found[engine][data_type][name] for engine in ENGINES]
            done = [cell.rows for cell in cells if cell.code is None]
            assert all(done), (data_type, name)
            assert all(rows == done[0] for rows in done), (data_type, name, done)


def test_what_an_engine_cannot_do_is_known_before_it_is_tried(found: Found) -> None:
    """Only the values may refuse a change that was planned, and those here are chosen to suit."""
    unplanned = {
        (data_type, name)
        for by_type in found.values()
        for data_type, by_name in by_type.items()
        for name, cell in by_name.items()
        if cell.code is not None and not cell.planned
    }
    assert unplanned == {("null", "alter_column_nullability")}
