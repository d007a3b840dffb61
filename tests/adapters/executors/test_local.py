"""Threads and the memory they share."""

import threading
import time
from collections.abc import Mapping
from concurrent.futures import CancelledError
from typing import Any
from uuid import uuid4

import pytest

from adapters.engines.memory.engine import MemoryEngine
from adapters.executors.local import LocalExecutor, memory_of_this_machine
from domain.engine import Job, Unit
from domain.schema import Schema

JOB: Any = Job(
    migration_id=uuid4(),
    table_id=uuid4(),
    location="t",
    source=Schema(columns=(), last_column_id=0),
    target=Schema(columns=(), last_column_id=0),
    steps=(),
)


class Counting(MemoryEngine):
    """Notes how much was held at once, by how many."""

    def __init__(self) -> None:
        super().__init__()
        self.held = self.inside = self.most_held = self.most_inside = 0
        self.lock, self.hold = threading.Lock(), threading.Event()
        self.hold.set()

    def prepare(self, job: Job, unit: Unit, prepared: Mapping[str, bytes]) -> bytes:
        with self.lock:
            self.held, self.inside = self.held + unit.memory, self.inside + 1
            self.most_held, self.most_inside = max(self.most_held, self.held), max(self.most_inside, self.inside)
        self.hold.wait(20)
        time.sleep(0.01)
        with self.lock:
            self.held, self.inside = self.held - unit.memory, self.inside - 1
        return unit.name.encode()


def test_units_run_at_once_only_while_they_fit_and_one_always_runs() -> None:
    engine = Counting()
    preparing = LocalExecutor(threads=4, memory=100).begin(engine, JOB)
    units = [Unit(name=str(number), rows=1, memory=memory) for number, memory in enumerate([40, 40, 40, 500, 10, 90])]
    futures = [preparing.submit(unit, {}) for unit in units]
    assert [future.result(20) for future in futures] == [unit.name.encode() for unit in units]
    preparing.close(wait=True)
    assert engine.most_held == 500
    assert engine.most_inside >= 2


def test_without_a_limit_all_threads_run() -> None:
    engine = Counting()
    preparing = LocalExecutor(threads=3).begin(engine, JOB)
    futures = [preparing.submit(Unit(name=str(number), rows=1, memory=1 << 40), {}) for number in range(6)]
    assert len([future.result(20) for future in futures]) == 6
    preparing.close(wait=True)
    assert engine.most_inside == 3


def test_closing_ends_those_that_wait_for_room() -> None:
    engine = Counting()
    engine.hold.clear()
    preparing = LocalExecutor(threads=2, memory=10).begin(engine, JOB)
    first, *waiting = [preparing.submit(Unit(name=str(number), rows=1, memory=10), {}) for number in range(4)]
    preparing.close(wait=False)
    engine.hold.set()
    assert first.result(20) == b"0"
    for future in waiting:
        with pytest.raises(CancelledError):
            future.result(20)


def test_the_machine_has_memory() -> None:
    assert memory_of_this_machine() > 1 << 20
