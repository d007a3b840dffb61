"""One table's storage hangs: its own operations wait or are cancelled, and everybody else goes on."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID, uuid4

import lance
import pyarrow as pa
import pytest

import api.compose
import api.worker
import api.workshop
from adapters.engines.bulkhead import Bulkhead, Patience
from adapters.executors.local import LocalExecutor
from api.compose import composed
from api.groundwork import prepare
from api.heartbeat import Heartbeat
from api.vigil import Vigil
from api.workshop import examination
from domain.access import SERVICE
from domain.errors import EngineUnavailable
from domain.examination import Verdict
from domain.handlers.operations import cancel_operation
from domain.handlers.outside import adopt_drift
from domain.handlers.tables import NewTable, add_table
from domain.handlers.upkeep import maintain_table
from domain.ports import Lease
from domain.schema import Column
from tests.api.conftest import serving, settings_for
from tests.api.test_worker import ORIGIN, Bench
from tests.domain.planning import add
from tests.pipes import Signs, hanging

SHORT = 0.2
"""What hangs hangs for ever here: how long it is waited for is not what is tested."""


class Hanging(Bench):
    """A bench whose worker has little patience with what ``signs`` say that it hangs, and all with everything else."""

    def impatient(self) -> None:
        self.signs = Signs()
        patience = Patience(seconds=SHORT, signs=self.signs, pause=0)
        self.house = replace(self.house, engines={"lance": Bulkhead(self.engine, patience)})


@pytest.fixture
def bench(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hanging]:
    monkeypatch.setattr(api.worker, "backoff", lambda failures: timedelta(0))
    settings = settings_for(tmp_path, database_url)
    prepare(settings, database_url)
    with composed(settings, database_url) as parts:
        made = Hanging(parts)
        made.impatient()
        yield made


def test_a_worker_leaves_a_table_that_hangs_and_goes_on_with_it_once_it_answers(bench: Hanging) -> None:
    operation = bench.submit(add("x"))
    worker = bench.worker()
    with hanging(bench.location):
        bench.signs.hangs = True
        assert worker.work_once()
        assert worker.work_once()
        seen = bench.operation(operation)
    assert seen.status == "running"
    bench.signs.hangs = False
    until(lambda: answers(bench))
    assert worker.work_once()
    assert bench.operation(operation).status == "completed"
    assert bench.names() == ["id", "n", "x"]


def answers(bench: Hanging) -> bool:
    try:
        bench.house.engine("lance").inspect(bench.location)
    except EngineUnavailable:
        return False
    return True


def until(holds: Callable[[], bool]) -> None:
    while not holds():
        pass


def test_an_operation_whose_table_hangs_is_cancelled_without_asking_the_table(bench: Hanging) -> None:
    operation = bench.submit(add("x"))
    with hanging(bench.location):
        bench.signs.hangs = True
        bench.worker().work_once()
        cancel_operation(bench.house, operation, "it hangs", ORIGIN)
        bench.worker().work_once()
        assert bench.operation(operation).status == "cancelled"
    assert bench.names() == ["id", "n"]


def test_cancellation_that_comes_while_a_call_hangs_is_not_paused_for(
    bench: Hanging, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.worker, "backoff", lambda failures: timedelta(days=1))
    operation, held = bench.submit(add("x", defaultValue="y")), Event()

    def asked() -> None:
        cancel_operation(bench.house, operation, "it hangs", ORIGIN)
        bench.signs.hangs = True
        held.wait()

    bench.engine.before["prepare"] = asked
    bench.worker().work_once()
    bench.worker().work_once()
    assert bench.operation(operation).status == "cancelled"
    held.set()


def test_what_may_be_published_by_a_call_that_hangs_is_neither_failed_nor_cancelled(bench: Hanging) -> None:
    operation, held, confirmed = bench.submit(add("x")), Event(), Event()

    def hang() -> None:
        confirmed.set()
        bench.signs.hangs = True
        held.wait()

    bench.engine.after["confirm"] = hang
    bench.worker().work_once()
    assert confirmed.is_set()
    for _ in range(api.worker.MAX_ATTEMPTS + 1):
        bench.worker().work_once()
    assert bench.operation(operation).status == "running"
    bench.signs.hangs = False
    held.set()
    until(lambda: bench.worker().work_once() and bench.operation(operation).status == "completed")
    assert bench.names() == ["id", "n", "x"]
    assert migrations_shown(bench) == 1


def migrations_shown(bench: Hanging) -> int:
    """How many versions of the table brought the column."""
    versions = [
        lance.dataset(bench.location, version=one["version"]) for one in lance.dataset(bench.location).versions()
    ]
    shown = ["x" in one.schema.names for one in versions]
    return sum(after and not before for before, after in zip([False, *shown], shown, strict=False))


def test_callers_are_told_that_a_table_hangs_and_other_tables_answer(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signs = Signs()
    monkeypatch.setattr(api.compose, "LOOKS", replace(api.compose.LOOKS, seconds=SHORT, signs=signs))
    monkeypatch.setattr(api.workshop, "EXAMINING", replace(api.workshop.EXAMINING, seconds=SHORT))
    with serving(database_url, tmp_path) as api_of_all:
        hung, fine = api_of_all.new_table("hung"), api_of_all.new_table("fine")
        with hanging(api_of_all.get(f"/dataset-tables/{hung}").json()["location"]):
            signs.hangs = True
            for answer in (api_of_all.get(f"/dataset-tables/{hung}/drift") for _ in range(3)):
                told: dict[str, Any] = answer.json()
                assert (answer.status_code, told["code"], told["retryable"]) == (503, "engine_unavailable", True)
                assert answer.headers["Retry-After"] == "5"
            signs.hangs = False
            assert api_of_all.get(f"/dataset-tables/{fine}/drift").status_code == 200
            found = examination(api_of_all.settings, database_url, mend=True)
    (said,) = (one for one in found if one.subject == "table d.hung")
    assert said.verdict is Verdict.PROBLEM
    assert "has not" in said.message


class Renewing:
    """Leases that are always renewed."""

    def claim(self, worker: str, term: timedelta) -> Lease | None:
        raise NotImplementedError

    def renew(self, lease: Lease, term: timedelta) -> bool:
        return True

    def release(
        self, lease: Lease, delay: timedelta = timedelta(0), *, failed: bool = False, last: bool = False
    ) -> None:
        raise NotImplementedError


def test_a_lease_is_renewed_while_its_attempt_gets_on_and_not_longer() -> None:
    lease = Lease(operation_id=uuid4(), table_id=UUID(int=1), worker="w", attempt=1)
    now = [0.0]
    vigil = Vigil(seconds=10.0, clock=lambda: now[0])
    now[0] = 1_000.0
    assert not vigil.is_quiet
    with vigil.kept(), Heartbeat(Renewing(), lease, timedelta(seconds=0.01), vigil) as heartbeat:
        now[0] += 9.0
        vigil.progressed()
        now[0] += 9.0
        assert not vigil.is_quiet
        now[0] += 9.0
        heartbeat.lost.wait()
    assert not vigil.is_quiet


def test_an_operation_that_killed_its_workers_lets_others_go_first(bench: Hanging) -> None:
    poison = bench.submit(add("x"))
    assert bench.leases.claim("dead", timedelta(minutes=5)) is not None
    bench.take_the_lease_away(failures=1)
    columns = (Column(id=0, name="id", data_type="int64"),)
    new = NewTable(dataset_id="d", name="other", description=None, engine="lance", location=None, columns=columns)
    other = replace_table(bench, add_table(bench.house, new, SERVICE, ORIGIN)).submit(add("y"))
    worker, seen = bench.worker(), []
    for _ in range(3):
        assert worker.work_once()
        seen.append([bench.operation(operation).status for operation in (poison, other)])
    assert seen == [["pending", "pending"], ["pending", "completed"], ["completed", "completed"]]


def replace_table(bench: Hanging, table: UUID) -> Hanging:
    bench.table = table
    return bench


def test_a_row_that_no_worker_can_hold_is_refused_by_name_and_not_tried(bench: Hanging) -> None:
    wide = pa.field("wide", pa.list_(pa.float32(), 2**31 - 1))
    lance.dataset(bench.location).add_columns(wide)
    adopt_drift(bench.house, bench.table, None, ORIGIN)
    compacting = maintain_table(bench.house, bench.table, "compact", None, ORIGIN).operation_id
    replace(bench.worker(), executor=LocalExecutor(threads=1, memory=8 << 30)).work_once()
    assert bench.operation(compacting).status == "failed"
    assert bench.operation(compacting).error_code == "row_too_wide"
