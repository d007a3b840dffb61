"""Work that was done before a worker died is not done again, and what cannot be used of it is done anew."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import lance
import pytest

from adapters.postgres.statements import Statement, run
from domain.handlers.operations import cancel_operation
from domain.operation.events import OperationProgressed
from tests.api.test_worker import CHANGES, ORIGIN, Bench, bench, files_and_contents
from tests.domain.planning import index, retype

__all__ = ["bench"]


class Killed(BaseException):
    """What ends a worker without a chance to do anything."""


def killed_after(bench: Bench, units: int) -> None:
    """A worker prepares so many units, then it is gone, and its lease has run out."""
    left = iter(range(units - 1))

    def die() -> None:
        if next(left, None) is None:
            bench.engine.before["prepare"] = bench.engine.before["publish"] = killed
            bench.engine.after.clear()

    def killed() -> None:
        raise Killed

    bench.engine.after["prepare"] = die
    with pytest.raises(Killed):
        bench.worker("first").work_once()
    bench.engine.before.clear()
    expire = Statement("UPDATE operation_leases SET expires_at = clock_timestamp() - interval '1 s'", {})
    bench.leases._database.write(lambda connection: run(connection, expire))


@pytest.fixture
def prepared(bench: Bench) -> Iterator[list[str]]:
    """The names of the units that are prepared from here on, one by one."""
    names = list[str]()
    original = type(bench.engine).prepare

    def noting(self: object, job: object, unit: object, done: object) -> bytes:
        outcome = original(self, job, unit, done)  # type: ignore[arg-type]
        names.append(unit.name)  # type: ignore[attr-defined]
        return outcome

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(type(bench.engine), "prepare", noting)
        yield names


def messages(bench: Bench, operation: UUID) -> list[str]:
    facts = (event.fact for event in bench.house.store.load(operation))
    return [fact.message for fact in facts if isinstance(fact, OperationProgressed)]


def test_units_of_a_killed_worker_are_not_done_again(bench: Bench, prepared: list[str]) -> None:
    operation = bench.submit(*CHANGES)
    killed_after(bench, 2)
    bench.worker("second").work_once()
    assert bench.operation(operation).status == "completed"
    assert len(prepared) == len(set(prepared)) == 4
    assert any(
        "2 of 4 units" in said and "2 prepared by an earlier attempt" in said for said in messages(bench, operation)
    )
    rows = lance.dataset(bench.location).to_table().to_pylist()
    assert rows == [{"id": number, "n": number * 10, "x": "y"} for number in range(4)]


def test_an_index_that_was_built_is_not_built_again(bench: Bench, prepared: list[str]) -> None:
    operation = bench.submit(retype("n", "int64", "int32"), index("n", name="by_n"))
    killed_after(bench, 5)
    bench.worker("second").work_once()
    assert bench.operation(operation).status == "completed"
    assert len([name for name in prepared if name.startswith("index")]) == 1
    assert [found.name for found in lance.dataset(bench.location).describe_indices()] == ["by_n"]


def test_what_others_changed_meanwhile_is_prepared_anew_and_said(bench: Bench, prepared: list[str]) -> None:
    operation = bench.submit(*CHANGES)
    killed_after(bench, 2)
    lance.dataset(bench.location).delete("id = 0")
    bench.append(9)
    bench.worker("second").work_once()
    assert bench.operation(operation).status == "completed"
    assert any("1 prepared anew, because the table changed" in said for said in messages(bench, operation))
    assert [row["id"] for row in lance.dataset(bench.location).to_table().to_pylist()] == [1, 2, 3, 9]


def test_files_that_are_gone_are_written_again(bench: Bench) -> None:
    before = files_and_contents(bench.location).keys()
    operation = bench.submit(*CHANGES)
    killed_after(bench, 3)
    for file in files_and_contents(bench.location).keys() - before:
        file.unlink()
    bench.worker("second").work_once()
    assert bench.operation(operation).status == "completed"
    assert lance.dataset(bench.location).to_table()["x"].to_pylist() == ["y"] * 4


def test_cancelling_takes_away_what_a_killed_worker_left(bench: Bench) -> None:
    before = files_and_contents(bench.location)
    operation = bench.submit(*CHANGES)
    killed_after(bench, 3)
    assert files_and_contents(bench.location) != before
    cancel_operation(bench.house, operation, "no longer wanted", ORIGIN)
    bench.worker("second").work_once()
    assert bench.operation(operation).status == "cancelled"
    assert files_and_contents(bench.location) == before


def test_nothing_is_kept_once_the_operation_has_ended(bench: Bench) -> None:
    operation = bench.submit(*CHANGES)
    killed_after(bench, 2)
    assert len(bench.workbench.kept(operation)) == 2
    bench.worker("second").work_once()
    assert bench.workbench.kept(operation) == {}
    assert Path(bench.location).exists()
