"""What a worker does when things go otherwise than planned, on a real table and a real log."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID

import lance
import msgspec
import pyarrow as pa
import pytest

import api.worker
from adapters.engines.lance_tables.border import border
from adapters.engines.lance_tables.engine import LanceEngine
from adapters.executors.local import LocalExecutor
from adapters.leases import PostgresLeases
from adapters.workbench import PostgresWorkbench
from api.compose import Parts, composed, replays_of
from api.groundwork import prepare
from api.worker import MAX_ATTEMPTS, Worker
from domain.access import SERVICE
from domain.changes.catalogue import AnyChange
from domain.engine import Confirm, Job, Unit, nobody_else
from domain.errors import CastFailed, EngineUnavailable, TableChanged
from domain.facts import Origin
from domain.handlers.migrations import NewMigration, submit_migration
from domain.handlers.operations import cancel_operation
from domain.handlers.tables import NewTable, add_table
from domain.schema import Column
from domain.views import OperationView
from tests.api.conftest import settings_for
from tests.domain.planning import add, index, rename, retype

ORIGIN = Origin(actor="tester")
CHANGES = (retype("n", "int64", "int32"), add("x", defaultValue="y"))


@dataclass
class Troubled(LanceEngine):
    """A Lance engine in whose calls a test can intervene: ``before`` and ``after`` a call of that name."""

    before: dict[str, Callable[[], object]] = field(default_factory=dict)
    after: dict[str, Callable[[], object]] = field(default_factory=dict)
    storage_options: dict[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        super().__init__(self.storage_options)

    def prepare(self, job: Job, unit: Unit, prepared: Mapping[str, bytes]) -> bytes:
        self.before.get("prepare", int)()
        done = super().prepare(job, unit, prepared)
        self.after.get("prepare", int)()
        return done

    def publish(self, job: Job, prepared: Mapping[str, bytes], confirm: Confirm = nobody_else) -> str:
        def last_look() -> None:
            confirm()
            self.after.get("confirm", int)()

        self.before.get("publish", int)()
        version = super().publish(job, prepared, last_look)
        self.after.get("publish", int)()
        return version


class Bench:
    """One table with rows in four fragments, one migration asked of it, and workers to run it."""

    def __init__(self, parts: Parts, storage_options: dict[str, str] | None = None) -> None:
        self.options = storage_options
        self.engine = Troubled(storage_options=storage_options or {})
        self.house = replace(parts.house, engines={"lance": self.engine})
        self.leases, self.workbench = PostgresLeases(parts.database), PostgresWorkbench(parts.database)
        self.replays = replays_of(parts.database.url, parts.database, self.house.store)
        columns = (Column(id=0, name="id", data_type="int64"), Column(id=0, name="n", data_type="int64"))
        new = NewTable(dataset_id="d", name="t", description=None, engine="lance", location=None, columns=columns)
        self.table = add_table(self.house, new, SERVICE, ORIGIN)
        self.location = self.house.table(self.table)[0].location
        for number in range(4):
            self.append(number)

    def append(self, number: int) -> None:
        schema = pa.schema([("id", pa.int64()), ("n", pa.int64())])
        rows = pa.Table.from_pylist([{"id": number, "n": number * 10}], schema=schema)
        lance.write_dataset(rows, self.location, mode="append", storage_options=self.options)

    def submit(self, *operations: dict[str, Any]) -> UUID:
        sent = msgspec.json.encode(list(operations))
        new = NewMigration(changes=msgspec.json.decode(sent, type=tuple[AnyChange, ...]), operations=msgspec.Raw(sent))
        return submit_migration(self.house, self.table, new, ORIGIN).operation_id

    def worker(self, name: str = "w") -> Worker:
        term = timedelta(minutes=5)
        return Worker(
            name,
            self.house,
            self.leases,
            self.workbench,
            lambda _: None,
            Event(),
            LocalExecutor(threads=1),
            self.replays,
            term=term,
        )

    def operation(self, operation_id: UUID) -> OperationView:
        view = self.house.views.operation(operation_id)
        assert view is not None
        return view

    def take_the_lease_away(self, failures: int = 0) -> None:
        """The term of whoever holds it runs out; so many failed before."""
        self.leases._database.rows(
            "UPDATE operation_leases SET expires_at = clock_timestamp() - interval '1 s', failures = %(failures)s "
            "RETURNING 1 AS done",
            {"failures": failures},
        )

    def names(self) -> list[str]:
        return list(lance.dataset(self.location).schema.names)


@pytest.fixture
def bench(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(api.worker, "backoff", lambda failures: timedelta(0))
    settings = settings_for(tmp_path, database_url)
    prepare(settings, database_url)
    with composed(settings, database_url) as parts:
        yield Bench(parts)


def files_and_contents(location: str) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in Path(location).rglob("*") if path.is_file()}


def raising(error: Exception, times: int = 1_000) -> Callable[[], None]:
    left = [times]

    def raise_it() -> None:
        left[0] -= 1
        if left[0] >= 0:
            raise error

    return raise_it


def test_a_passing_fault_is_met_by_another_attempt(bench: Bench) -> None:
    operation = bench.submit(*CHANGES)
    bench.engine.before["prepare"] = raising(EngineUnavailable("lance", "the disk is full"), times=2)
    while bench.worker().work_once():
        pass
    assert bench.operation(operation).status == "completed"
    assert bench.names() == ["id", "n", "x"]


def test_a_lasting_fault_ends_the_operation_with_its_reason_and_the_next_one_has_its_turn(bench: Bench) -> None:
    operation, following = bench.submit(*CHANGES), bench.submit(rename("id", "key"))
    bench.engine.before["prepare"] = raising(EngineUnavailable("lance", "the disk is full"))
    for _ in range(MAX_ATTEMPTS):
        assert bench.operation(operation).status in ("pending", "running")
        assert bench.worker().work_once()
    ended = bench.operation(operation)
    assert (ended.status, ended.error_code) == ("failed", "attempts_exhausted")
    assert "the disk is full" in (ended.error_message or "")
    assert bench.names() == ["id", "n"]
    bench.worker().work_once()
    assert bench.operation(following).error_code == "schema_changed"


def test_a_bug_is_no_end_of_the_world_for_the_worker(bench: Bench) -> None:
    operation = bench.submit(*CHANGES)
    bench.engine.before["publish"] = raising(ZeroDivisionError("oops"), times=1)
    while bench.worker().work_once():
        pass
    assert bench.operation(operation).status == "completed"


def test_a_publish_whose_answer_was_lost_is_found_and_not_done_again(bench: Bench) -> None:
    operation = bench.submit(*CHANGES)
    before = lance.dataset(bench.location).version
    bench.engine.after["publish"] = raising(EngineUnavailable("lance", "the network is gone"), times=1)
    bench.worker().work_once()
    assert bench.operation(operation).status == "running"
    bench.worker().work_once()
    assert bench.operation(operation).status == "completed"
    assert lance.dataset(bench.location).version == before + 1


def test_even_the_last_attempt_does_not_fail_what_is_published(bench: Bench) -> None:
    operation = bench.submit(*CHANGES)
    bench.engine.before["prepare"] = raising(EngineUnavailable("lance", "away"), times=MAX_ATTEMPTS - 1)
    bench.engine.after["publish"] = raising(EngineUnavailable("lance", "the network is gone"))
    while bench.worker().work_once():
        pass
    assert bench.operation(operation).status == "completed"
    assert bench.names() == ["id", "n", "x"]


def test_rows_appended_while_preparing_are_taken_along(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.engines.lance_tables.engine.MOST_ROWS_CAUGHT_UP", 0)
    operation = bench.submit(*CHANGES)
    numbers = iter(range(4, 6))

    def append_one() -> None:
        number = next(numbers, None)
        if number is not None:
            bench.append(number)

    bench.engine.before["publish"] = append_one
    bench.worker().work_once()
    assert bench.operation(operation).status == "completed"
    rows = lance.dataset(bench.location).to_table().to_pylist()
    assert rows == [{"id": number, "n": number * 10, "x": "y"} for number in range(6)]


def test_writers_who_never_pause_make_the_operation_wait_for_another_attempt(bench: Bench) -> None:
    operation = bench.submit(*CHANGES)
    bench.engine.before["publish"] = raising(TableChanged(bench.location, "rows were added"))
    bench.worker().work_once()
    assert bench.operation(operation).status == "running"
    bench.engine.before.clear()
    bench.worker().work_once()
    assert bench.operation(operation).status == "completed"


def test_what_was_about_to_be_published_by_somebody_else_is_failed_only_once_that_cannot_happen(bench: Bench) -> None:
    operation = bench.submit(rename("id", "key"))
    first, second = bench.worker("first"), bench.worker("second")

    def pause() -> None:
        """The first is paused right before its commit; the second takes over, and gives up."""
        bench.engine.after.clear()
        bench.take_the_lease_away(failures=MAX_ATTEMPTS)
        second.work_once()
        assert bench.operation(operation).error_code == "attempts_exhausted"

    bench.engine.after["confirm"] = pause
    first.work_once()
    assert bench.names() == ["id", "n"]
    assert bench.operation(operation).status == "failed"


def test_what_is_visible_in_part_is_taken_to_its_end_however_often_it_fails(bench: Bench) -> None:
    """The columns are there, their index is not: there is no way back, and no other end than the whole of it."""
    operation = bench.submit(*CHANGES, index("n", name="by_n"))
    looks = iter([None])

    def fail_at_the_index() -> None:
        # The first look is before the columns are committed, the next ones before the index.
        if next(looks, "index"):
            raise EngineUnavailable("lance", "the disk is full")

    bench.engine.after["confirm"] = fail_at_the_index
    for _ in range(2 * MAX_ATTEMPTS):
        assert bench.worker().work_once()
    assert bench.operation(operation).status == "running"
    bench.engine.after.clear()
    assert bench.worker().work_once()
    assert bench.operation(operation).status == "completed"
    assert [one.name for one in bench.engine.inspect(bench.location).schema.indexes] == ["by_n"]


def test_an_operation_whose_table_vanished_while_it_was_published_does_not_go_on_for_ever(bench: Bench) -> None:
    operation = bench.submit(*CHANGES)
    bench.engine.before["publish"] = lambda: shutil.rmtree(bench.location, ignore_errors=True)
    while bench.worker().work_once():
        pass
    ended = bench.operation(operation)
    assert (ended.status, ended.error_code) == ("failed", "table_not_found_at_location")


def test_who_lost_the_lease_takes_no_prepared_files_away(bench: Bench) -> None:
    """The one who took over may have published them."""
    operation = bench.submit(*CHANGES)
    first, second = bench.worker("first"), bench.worker("second")

    def lose_it_and_fail() -> None:
        bench.engine.before.clear()
        bench.take_the_lease_away()
        second.work_once()
        raise CastFailed("n", "int64", "int32", 1, 1, "nothing")

    bench.engine.before["publish"] = lose_it_and_fail
    first.work_once()
    assert bench.operation(operation).status == "completed"
    assert lance.dataset(bench.location).to_table().num_rows == 4


def test_cancelling_while_preparing_leaves_the_table_and_no_file(bench: Bench) -> None:
    operation = bench.submit(*CHANGES)
    files = set((Path(bench.location) / "data").iterdir())
    bench.engine.after["prepare"] = lambda: cancel_operation(bench.house, operation, "no longer wanted", ORIGIN)
    bench.worker().work_once()
    assert bench.operation(operation).status == "cancelled"
    assert bench.names() == ["id", "n"]
    assert set((Path(bench.location) / "data").iterdir()) <= files


def test_a_cast_that_fails_in_the_last_fragment_leaves_the_table_and_the_disk_as_they_were(bench: Bench) -> None:
    rows = pa.table({"id": [4, 5], "n": [40, 2**40]})
    lance.write_dataset(rows, bench.location, mode="append")
    before, version = files_and_contents(bench.location), lance.dataset(bench.location).version
    operation = bench.submit(*CHANGES, rename("id", "key"), index("n", name="by_n"))
    bench.worker().work_once()
    ended = bench.operation(operation)
    assert (ended.status, ended.error_code) == ("failed", "cast_failed")
    assert "row 5 holds 1099511627776" in (ended.error_message or "")
    assert lance.dataset(bench.location).version == version
    assert files_and_contents(bench.location) == before


def test_a_worker_that_lost_its_lease_publishes_nothing(bench: Bench) -> None:
    operation = bench.submit(*CHANGES)
    second = bench.worker("second")
    taken = list[bool]()

    def another_takes_over() -> None:
        if not taken:
            taken.append(True)
            bench.engine.after.clear()
            # The first worker's term runs out, and the second one does everything.
            bench.take_the_lease_away()
            second.work_once()

    bench.engine.after["prepare"] = another_takes_over
    before = lance.dataset(bench.location).version
    bench.worker("first").work_once()
    assert bench.operation(operation).status == "completed"
    assert lance.dataset(bench.location).version == before + 1
    starts = [e.fact for e in bench.house.store.load(operation) if e.fact.topic == "operation.started"]
    assert [start.worker for start in starts] == ["first", "second"]  # type: ignore[attr-defined]


def test_what_fails_is_counted_over_the_whole_table(bench: Bench) -> None:
    lance.dataset(bench.location).update({"n": "3000000000 + id"}, where="id > 0")
    operation = bench.submit(retype("n", "int64", "int32"))
    bench.worker().work_once()
    view = bench.operation(operation)
    assert view.error_code == "cast_failed"
    assert "3 of 4 values" in str(view.error_message)


def test_a_fault_that_lasts_is_said_at_once_and_by_its_name(bench: Bench) -> None:
    def refuse() -> None:
        with border(bench.location):
            raise ValueError("Invalid user input: field x is no good, /rust/src/lib.rs:1:2")

    operation = bench.submit(*CHANGES)
    bench.engine.before["prepare"] = refuse
    bench.worker().work_once()
    view = bench.operation(operation)
    assert (view.status, view.attempt) == ("failed", 1)
    assert view.error_code == "engine_refused"
    assert "field x is no good" in str(view.error_message)
    assert ".rs" not in str(view.error_message)


def test_a_writer_who_never_rests_does_not_keep_a_cast_from_ending(bench: Bench) -> None:
    """Somebody appends right before each commit; what came is prepared between two of their commits."""
    rows = iter(range(100, 105))

    def append() -> None:
        if (number := next(rows, None)) is not None:
            bench.append(number)

    operation = bench.submit(*CHANGES)
    bench.engine.after["confirm"] = append
    bench.worker().work_once()
    assert bench.operation(operation).status == "completed"
    found = lance.dataset(bench.location).to_table()
    assert sorted(found["id"].to_pylist()) == [0, 1, 2, 3, *range(100, 105)]
    assert found.schema.field("n").type == pa.int32()
    assert {path.name for path in (Path(bench.location) / "data").iterdir()} == {
        file.path
        for version in lance.dataset(bench.location).versions()
        for fragment in lance.dataset(bench.location, version=version["version"]).get_fragments()
        for file in fragment.metadata.files
    }
