"""Indexes on Lance: what happens when a migration that builds one stops half way, and what is left when it is given up."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import lance
import pytest

import adapters.engines.lance_tables.engine as lance_engine
from domain.engine import Job
from domain.errors import EngineUnavailable
from domain.schema import Index
from tests.contracts.engines.drivers import LanceDriver, columns, job_for, people, person, prepared
from tests.domain.planning import index, retype

CHANGES = (retype("age", "int32", "int64"), index("age", name="by_age"))


@pytest.fixture
def table(tmp_path: Path) -> LanceDriver:
    """Two hundred people in four fragments."""
    driver = LanceDriver(tmp_path)
    driver.engine.create(driver.location, people())
    driver.append([person(number) for number in range(200)], 4)
    return driver


def files(driver: LanceDriver) -> set[Path]:
    return {path for path in Path(driver.location).rglob("*") if path.is_file()}


def unavailable(*_: lance.LanceDataset | Mapping[str, bytes] | Sequence[Index] | Job) -> lance.LanceDataset:
    raise EngineUnavailable("lance", "killed between the two commits")


def test_a_publish_stopped_between_values_and_index_is_finished_by_the_next(
    table: LanceDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_for(table, people(), *CHANGES)
    done = prepared(table, job)
    with monkeypatch.context() as patched:
        patched.setattr(lance_engine, "commit_indexes", unavailable)
        with pytest.raises(EngineUnavailable):
            table.engine.publish(job, done)
    half = lance.dataset(table.location)
    assert (half.schema.field("age").type, half.describe_indices()) == ("int64", [])
    after = table.restarted()
    assert after.engine.published(job) is None
    after.engine.publish(job, prepared(after, job))
    whole = lance.dataset(table.location)
    assert [found.name for found in whole.describe_indices()] == ["by_age"]
    assert whole.stats.index_stats("by_age")["num_unindexed_rows"] == 0
    assert whole.version == half.version + 1
    assert after.engine.published(job) is not None
    assert columns(after)["age"] == [number % 90 for number in range(200)]


def test_what_was_built_before_the_kill_is_good_for_the_next(
    table: LanceDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_for(table, people(), *CHANGES)
    done = prepared(table, job)
    with monkeypatch.context() as patched:
        patched.setattr(lance_engine, "commit_indexes", unavailable)
        with pytest.raises(EngineUnavailable):
            table.engine.publish(job, done)
    assert {unit.name for unit in table.engine.units(job, done)} <= set(done)


def test_an_index_given_up_leaves_no_file(table: LanceDriver) -> None:
    before = files(table)
    job = job_for(table, people(), *CHANGES)
    table.engine.discard(job, prepared(table, job))
    assert files(table) == before
