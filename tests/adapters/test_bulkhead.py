"""One table whose storage hangs holds up nobody but itself."""

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from threading import Event
from uuid import UUID

import lance
import pyarrow as pa
import pytest

from adapters.engines.bulkhead import Bulkhead, Patience
from adapters.engines.lance_tables.engine import LanceEngine
from adapters.engines.signs import worked
from domain.engine import Confirm, Job, nobody_else
from domain.errors import EngineUnavailable
from domain.schema import Column, schema_of
from domain.steps import AddField
from tests.pipes import Signs, hanging

SOON = 0.2
"""How long is never what a test is about: a call that hangs hangs for ever, and any other is waited for."""
LONG = 600.0


@pytest.fixture
def place(tmp_path: Path) -> str:
    return table_at(tmp_path / "t.lance")


def table_at(path: Path) -> str:
    lance.write_dataset(pa.table({"id": [1, 2]}), path)
    return str(path)


def until(holds: Callable[[], bool]) -> None:
    pause = threading.Event()
    while not holds():
        pause.wait(0.01)


def answers(engine: Bulkhead, location: str) -> bool:
    try:
        engine.inspect(location)
    except EngineUnavailable:
        return False
    return True


def test_a_call_that_hangs_is_given_up_and_its_table_left_alone_until_it_comes_back(place: str, tmp_path: Path) -> None:
    signs, other = Signs(), table_at(tmp_path / "other.lance")
    engine = Bulkhead(LanceEngine(), Patience(seconds=SOON, signs=signs, pause=7))
    with hanging(place):
        signs.hangs = True
        with pytest.raises(EngineUnavailable, match="not answered") as refused:
            engine.inspect(place)
        assert refused.value.seconds == 7
        with pytest.raises(EngineUnavailable, match="earlier call has not come back"):
            engine.tidy(place)
        signs.hangs = False
        assert engine.inspect(other).statistics.rows == 2
    until(lambda: answers(engine, place))


def test_only_a_few_are_inside_of_one_tables_storage(place: str, tmp_path: Path) -> None:
    engine, other = Bulkhead(LanceEngine(), Patience(seconds=LONG, most_inside=2)), table_at(tmp_path / "other.lance")
    with ThreadPoolExecutor(8) as callers:
        with hanging(place):
            asked = [callers.submit(engine.inspect, place) for _ in range(8)]
            until(lambda: sum(one.done() for one in asked) == 6)
            refused = [one.exception() for one in asked if one.done()]
            assert engine.inspect(other).statistics.rows == 2
        assert [type(error) for error in refused] == [EngineUnavailable] * 6
    assert answers(engine, place)


def test_a_call_that_works_is_waited_for(place: str) -> None:
    """Signs of work come as long as the call is held; with every third of them it could end."""
    seen, held = Event(), Event()

    class Slow(LanceEngine):
        def tidy(self, location: str) -> int:
            held.wait()
            return 7

    signs, told = count(), count()

    def progressed() -> None:
        if next(told) == 3:
            seen.set()

    patience = Patience(seconds=0.05, signs=lambda _: float(next(signs)), progressed=progressed)
    with ThreadPoolExecutor(1) as caller:
        asked = caller.submit(Bulkhead(Slow(), patience).tidy, place)
        seen.wait()
        assert not asked.done()
        held.set()
        assert asked.result() == 7


def test_processor_time_of_the_engines_threads_is_a_sign_and_that_of_others_is_none() -> None:
    busy, over = Event(), Event()

    def burn() -> None:
        while not over.is_set():
            busy.set()

    burning = threading.Thread(target=burn)
    burning.start()
    busy.wait()
    assert burning.native_id is not None
    others, ours = worked(()), worked({burning.native_id})
    until(lambda: worked({burning.native_id or 0}) - ours >= 0.2 + worked(()) - others)
    over.set()
    burning.join()


@pytest.fixture
def job(place: str) -> Job:
    source, x = LanceEngine().inspect(place).schema, Column(id=2, name="x", data_type="utf8")
    return Job(
        migration_id=UUID(int=1),
        table_id=UUID(int=2),
        location=place,
        source=source,
        target=schema_of((*source.columns, x)),
        steps=(AddField(column=x, position=1),),
    )


@pytest.fixture
def prepared(job: Job) -> dict[str, bytes]:
    engine = LanceEngine()
    return {unit.name: engine.prepare(job, unit, {}) for unit in engine.units(job, {})}


@pytest.fixture
def release() -> Iterator[Event]:
    event = Event()
    yield event
    event.set()


def test_a_publish_that_was_given_up_does_not_commit_when_it_wakes_up(
    place: str, job: Job, prepared: dict[str, bytes], release: Event
) -> None:
    class Sleepy(LanceEngine):
        def publish(self, job: Job, prepared: Mapping[str, bytes], confirm: Confirm = nobody_else) -> str:
            release.wait()
            return super().publish(job, prepared, confirm)

    signs, asked = Signs(), Event()
    engine = Bulkhead(Sleepy(), Patience(seconds=SOON, signs=signs))
    signs.hangs = True
    with pytest.raises(EngineUnavailable, match="not answered"):
        engine.publish(job, prepared, asked.set)
    signs.hangs = False
    release.set()
    until(lambda: answers(engine, place))
    assert asked.is_set()
    assert lance.dataset(place).schema.names == ["id"]


def test_the_time_that_the_log_takes_is_not_held_against_the_storage(job: Job, prepared: dict[str, bytes]) -> None:
    looked, times = Event(), count(1)

    def clock() -> float:
        """Hours pass from look to look."""
        if (time := next(times)) == 3:
            looked.set()
        return 3_600.0 * time

    assert (
        Bulkhead(LanceEngine(), Patience(seconds=0.2, clock=clock)).publish(job, prepared, lambda: bool(looked.wait()))
        == "2"
    )
