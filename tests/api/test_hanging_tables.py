"""One table's storage hangs: its own operations wait or are cancelled, and everybody else goes on."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID, uuid4

import lance
import pytest

import api.compose
import api.worker
import api.workshop
from adapters.engines.bulkhead import Bulkhead, Patience
from api.compose import composed
from api.groundwork import prepare
from api.heartbeat import Heartbeat
from api.vigil import Vigil
from api.workshop import examination
from domain.errors import EngineUnavailable
from domain.examination import Verdict
from domain.handlers.operations import cancel_operation
from domain.ports import Lease
from tests.api.conftest import serving, settings_for
from tests.api.test_worker import ORIGIN, Bench
from tests.domain.planning import add
from tests.pipes import hanging

SHORT = Patience(seconds=0.2, pause=0)
"""What hangs hangs for ever here: how long it is waited for is not what is tested."""


class Hanging(Bench):
    """A bench whose worker has little patience."""

    def impatient(self) -> None:
        self.house = replace(self.house, engines={"lance": Bulkhead(self.engine, SHORT)})


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
        assert worker.work_once()
        assert worker.work_once()
        seen = bench.operation(operation)
    assert seen.status == "running"
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
        held.wait()

    bench.engine.after["confirm"] = hang
    bench.worker().work_once()
    assert confirmed.is_set()
    for _ in range(api.worker.MAX_ATTEMPTS + 1):
        bench.worker().work_once()
    assert bench.operation(operation).status == "running"
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
    monkeypatch.setattr(api.compose, "LOOKS", replace(api.compose.LOOKS, seconds=0.2))
    monkeypatch.setattr(api.workshop, "EXAMINING", replace(api.workshop.EXAMINING, seconds=0.2))
    with serving(database_url, tmp_path) as api_of_all:
        hung, fine = api_of_all.new_table("hung"), api_of_all.new_table("fine")
        with hanging(api_of_all.get(f"/dataset-tables/{hung}").json()["location"]):
            for answer in (api_of_all.get(f"/dataset-tables/{hung}/drift") for _ in range(3)):
                told: dict[str, Any] = answer.json()
                assert (answer.status_code, told["code"], told["retryable"]) == (503, "engine_unavailable", True)
                assert answer.headers["Retry-After"] == "5"
            assert api_of_all.get(f"/dataset-tables/{fine}/drift").status_code == 200
            found = examination(api_of_all.settings, database_url, mend=True)
    (said,) = (one for one in found if one.subject.startswith("table"))
    assert (said.subject, said.verdict) == ("table d.hung", Verdict.PROBLEM)
    assert "has not" in said.message


class Renewing:
    """Leases that are always renewed."""

    def claim(self, worker: str, term: timedelta) -> Lease | None:
        raise NotImplementedError

    def renew(self, lease: Lease, term: timedelta) -> bool:
        return True

    def release(self, lease: Lease, delay: timedelta = timedelta(0), *, failed: bool = False) -> None:
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
