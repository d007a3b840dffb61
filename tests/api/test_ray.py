"""The same migrations through tasks of a Ray cluster: the same outcome, the same refusals, whatever is killed."""

import os
import pickle
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID

import lance
import pyarrow as pa
import pytest

from adapters.engines.by_name import Engines
from adapters.engines.lance_tables.engine import LanceEngine
from adapters.executors.local import LocalExecutor
from domain.engine import Executor, Job, Preparing, TableEngine, Unit
from domain.errors import CastFailed, TypeTextInvalid
from domain.handlers.operations import cancel_operation
from domain.handlers.upkeep import maintain_table
from domain.maintenance import COMPACT
from tests.api.test_worker import ORIGIN, Bench, bench, files_and_contents
from tests.domain.planning import add, index, rename, retype

pytest.importorskip("ray", reason="Ray is not installed: pip install 'schemaledger[ray]'")

from adapters.executors.ray_cluster import RayExecutor

__all__ = ["bench"]

pytestmark = [
    # Ray leaves sockets and files of its own processes to the collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]

CHANGES = (
    retype("n", "int64", "int32"),
    rename("id", "key"),
    add("x", defaultValue="y"),
    index("n", name="by_n"),
)


@dataclass(frozen=True)
class Dying:
    """Makes engines whose process is killed in the midst of the first unit."""

    mark: Path

    def __call__(self, name: str) -> LanceEngine:
        return DyingEngine(self.mark)


class DyingEngine(LanceEngine):
    def __init__(self, mark: Path) -> None:
        super().__init__()
        self.mark = mark

    def prepare(self, job: Job, unit: Unit, prepared: Mapping[str, bytes]) -> bytes:
        done = super().prepare(job, unit, prepared)
        try:
            self.mark.touch(exist_ok=False)
        except FileExistsError:
            return done
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("unreachable")


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayExecutor]:
    executor = RayExecutor(Engines({}, str), None, cpus=2)
    yield executor
    executor.close()


def run(bench: Bench, executor: Executor, *operations: dict[str, Any]) -> Any:
    operation = bench.submit(*operations)
    while replace(bench.worker(), executor=executor).work_once():
        pass
    return bench.operation(operation)


def shown(location: str) -> tuple[Any, ...]:
    table = lance.dataset(location)
    return table.to_table().to_pylist(), table.schema.remove_metadata(), [i.name for i in table.describe_indices()]


@pytest.mark.parametrize("where", ["threads", "ray"])
def test_ray_and_threads_make_the_same_table(bench: Bench, where: str, request: pytest.FixtureRequest) -> None:
    executor = LocalExecutor(2) if where == "threads" else request.getfixturevalue("cluster")
    versions = lance.dataset(bench.location).version
    assert run(bench, executor, *CHANGES[:3]).status == "completed"
    assert lance.dataset(bench.location).version == versions + 1
    assert run(bench, executor, index("n", name="by_n")).status == "completed"
    rows, schema, indexes = shown(bench.location)
    assert rows == [{"key": number, "n": number * 10, "x": "y"} for number in range(4)]
    assert schema == pa.schema([("key", pa.int64()), ("n", pa.int32()), ("x", pa.utf8())])
    assert indexes == ["by_n"]


def test_a_killed_task_changes_nothing(bench: Bench, cluster: RayExecutor, tmp_path: Path) -> None:
    cluster._connect()
    dying = RayExecutor(Dying(tmp_path / "killed"), None, cpus=2)
    assert run(bench, dying, *CHANGES).status == "completed"
    assert (tmp_path / "killed").exists()
    assert shown(bench.location)[0] == [{"key": number, "n": number * 10, "x": "y"} for number in range(4)]


def test_a_refusal_arrives_as_it_is(bench: Bench, cluster: RayExecutor) -> None:
    rows = pa.table({"id": pa.array([9], pa.int64()), "n": pa.array([1 << 40], pa.int64())})
    lance.write_dataset(rows, bench.location, mode="append")
    before = files_and_contents(bench.location)
    ended = run(bench, cluster, *CHANGES)
    assert ended.status == "failed"
    assert ended.error_code == "cast_failed"
    assert "1099511627776" in ended.error_message
    assert files_and_contents(bench.location) == before


def test_cancelled_before_it_began_it_leaves_nothing(bench: Bench, cluster: RayExecutor) -> None:
    before = files_and_contents(bench.location)
    operation = bench.submit(*CHANGES)
    cancel_operation(bench.house, operation, "no longer wanted", ORIGIN)
    replace(bench.worker(), executor=cluster).work_once()
    assert bench.operation(operation).status == "cancelled"
    assert files_and_contents(bench.location) == before


def test_compaction_runs_as_tasks_too(bench: Bench, cluster: RayExecutor) -> None:
    operation = maintain_table(bench.house, bench.table, COMPACT, None, ORIGIN).operation_id
    while replace(bench.worker(), executor=cluster).work_once():
        pass
    assert bench.operation(operation).status == "completed"
    assert len(lance.dataset(bench.location).get_fragments()) == 1


@pytest.mark.parametrize(
    "refusal", [CastFailed("n", "int32", 1, 4, "row 0 holds 'x'"), TypeTextInvalid(text="x", reason="y")]
)
def test_refusals_are_pickled_by_their_fields(refusal: Exception) -> None:
    again = pickle.loads(pickle.dumps(refusal))
    assert again == refusal
    assert str(again) == str(refusal)


@dataclass(frozen=True)
class Halting:
    """Makes engines that prepare one unit, leave a mark, and halt in every other until the gate is there."""

    mark: Path
    gate: Path

    def __call__(self, name: str) -> LanceEngine:
        return HaltingEngine(self.mark, self.gate)


class HaltingEngine(LanceEngine):
    def __init__(self, mark: Path, gate: Path) -> None:
        super().__init__()
        self.mark, self.gate = mark, gate

    def prepare(self, job: Job, unit: Unit, prepared: Mapping[str, bytes]) -> bytes:
        try:
            self.mark.touch(exist_ok=False)
        except FileExistsError:
            while not self.gate.exists():
                time.sleep(0.02)
        return super().prepare(job, unit, prepared)


@pytest.fixture
def halting(cluster: RayExecutor, tmp_path: Path) -> Iterator[tuple[RayExecutor, Path]]:
    """An executor that halts in the midst of the units, and the gate that lets it go on."""
    cluster._connect()
    gate = tmp_path / "gate"
    yield RayExecutor(Halting(tmp_path / "mark", gate), None, cpus=2), gate
    gate.touch()


@contextmanager
def in_the_midst(bench: Bench, executor: RayExecutor, *, stop: Event | None = None) -> Iterator[UUID]:
    """A worker that has kept one unit of the operation and halts in the others; it ends with the block."""
    operation = bench.submit(*CHANGES[:3])
    worker = replace(bench.worker("first"), executor=executor, stop=stop or Event())
    thread = threading.Thread(target=worker.work_once)
    thread.start()
    while not bench.workbench.kept(operation):
        time.sleep(0.02)
    yield operation
    thread.join()


def test_cancelled_in_the_midst_of_its_tasks_it_leaves_nothing(bench: Bench, halting: tuple[RayExecutor, Path]) -> None:
    executor, gate = halting
    before = files_and_contents(bench.location)
    with in_the_midst(bench, executor) as operation:
        cancel_operation(bench.house, operation, "no longer wanted", ORIGIN)
        # Tasks that cannot be interrupted in the library's own code end by themselves sooner or later.
        gate.touch()
    assert bench.operation(operation).status == "cancelled"
    assert files_and_contents(bench.location) == before


def test_another_worker_goes_on_where_one_that_was_stopped_left_its_tasks(
    bench: Bench, halting: tuple[RayExecutor, Path], cluster: RayExecutor
) -> None:
    executor, _ = halting
    stop = Event()
    with in_the_midst(bench, executor, stop=stop) as operation:
        stop.set()
    assert bench.operation(operation).status == "running"
    kept = set(bench.workbench.kept(operation))
    assert 1 <= len(kept) < 4
    prepared = list[str]()
    noting = NotingExecutor(cluster, prepared)
    assert replace(bench.worker("second"), executor=noting).work_once()
    assert bench.operation(operation).status == "completed"
    assert not kept & set(prepared)
    assert shown(bench.location)[0] == [{"key": number, "n": number * 10, "x": "y"} for number in range(4)]


class NotingExecutor:
    """Notes which units are prepared."""

    def __init__(self, executor: Executor, prepared: list[str]) -> None:
        self._executor, self._prepared = executor, prepared

    def begin(self, engine: TableEngine, job: Job) -> Preparing:
        begun, prepared = self._executor.begin(engine, job), self._prepared

        class Noting:
            def submit(self, unit: Unit, done: Mapping[str, bytes]) -> Future[bytes]:
                prepared.append(unit.name)
                return begun.submit(unit, done)

            def close(self, *, wait: bool) -> None:
                begun.close(wait=wait)

        return Noting()

    def close(self) -> None: ...
