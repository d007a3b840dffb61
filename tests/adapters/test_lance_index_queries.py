"""Every type of index answers after it was built, and after everything that may become of its column."""

from pathlib import Path
from typing import Any

import lance
import pytest
from msgspec import structs

from adapters.engines.lance_tables.profile import PROFILE
from domain.steps import Compact
from tests.adapters.lance_answers import KINDS, VECTOR, Kind, answers, known, rows, statistics, table_of_rows
from tests.contracts.engines.drivers import LanceDriver, job_for, migrate, prepared, recovery_of
from tests.domain.planning import add, change, drop, index, nullability, rename, retype, vector_index


def building(kind: Kind, column: str | None = None, **more: Any) -> dict[str, Any]:
    on = column or kind.column
    if kind.index_type in PROFILE.vector_indexes:
        return vector_index(on, kind.index_type, "cosine", name="found", numPartitions=2, **more)
    return index(on, kind.index_type, name="found", **more)


def casting(driver: LanceDriver, kind: Kind) -> dict[str, Any]:
    now = known(driver).column(kind.column).data_type
    return retype(kind.column, now, kind.other_type)


@pytest.fixture(params=sorted(KINDS))
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture
def table(tmp_path: Path, kind: Kind) -> LanceDriver:
    """With the index, and with rows appended and deleted since."""
    driver = table_of_rows(tmp_path)
    migrate(driver, known(driver), building(kind))
    lance.write_dataset(rows(300, 40), driver.location, mode="append")
    lance.dataset(driver.location).delete("id in (17, 310)")
    return driver


def test_every_type_that_is_offered_is_tried() -> None:
    assert set(KINDS) == {*PROFILE.scalar_indexes, *PROFILE.vector_indexes}


def test_an_index_answers_over_all_fragments_and_over_rows_appended_and_deleted(table: LanceDriver, kind: Kind) -> None:
    assert statistics(table, "found")["num_indexed_fragments"] == 3
    answers(table, kind)


def test_an_index_answers_after_its_column_was_cast(table: LanceDriver, kind: Kind) -> None:
    migrate(table, known(table), casting(table, kind))
    assert statistics(table, "found")["num_unindexed_fragments"] == 0
    answers(table, kind)


def test_an_index_answers_after_its_column_was_renamed_and_moved(table: LanceDriver, kind: Kind) -> None:
    job = migrate(table, known(table), rename(kind.column, "other"), add("more", defaultValue="x"))
    migrate(table, job.target, change("reorder_column", name="other", position=0))
    answers(table, kind, "other")


def test_an_index_answers_after_its_column_was_made_not_null_beside_a_cast(table: LanceDriver, kind: Kind) -> None:
    migrate(table, known(table), nullability(kind.column, False), retype("id", "int64", "float64"))
    assert statistics(table, "found")["num_unindexed_fragments"] == 0
    answers(table, kind)


def test_an_index_answers_after_its_column_was_dropped_and_restored_and_it_was_built_again(
    table: LanceDriver, kind: Kind
) -> None:
    before = known(table)
    gone = migrate(table, before, drop(kind.column))
    version = table.engine.published(gone)
    assert version is not None
    recoveries = {(1, kind.column): recovery_of(table, before, kind.column, version)}
    restoring = change("restore_column", name=kind.column, version=1)
    back = migrate(table, gone.target, restoring, recoveries=recoveries)
    assert back.target.indexes == ()
    migrate(table, back.target, building(kind))
    answers(table, kind)


def test_an_index_answers_after_the_table_was_compacted(table: LanceDriver, kind: Kind) -> None:
    schema = known(table)
    job = structs.replace(job_for(table, schema, add("unused")), target=schema, steps=(Compact(),))
    table.engine.publish(job, prepared(table, job))
    assert len(lance.dataset(table.location).get_fragments()) < 4
    answers(table, kind)
    migrate(table, schema, casting(table, kind))
    answers(table, kind)


def test_an_index_is_kept_by_a_table_that_has_no_rows(table: LanceDriver, kind: Kind) -> None:
    lance.dataset(table.location).delete("true")
    before = statistics(table, "found")["index_type"]
    migrate(table, known(table), casting(table, kind))
    (found,) = lance.dataset(table.location).describe_indices()
    assert (found.name, found.index_type) == ("found", before)
    lance.write_dataset(rows(0, 60).cast(lance.dataset(table.location).schema), table.location, mode="append")
    assert lance.dataset(table.location).count_rows() == 60


@pytest.mark.parametrize("index_type", ["ivf_flat", "ivf_hnsw_sq", "ivf_pq"])
def test_an_index_on_vectors_that_are_all_null_waits_for_the_first(tmp_path: Path, index_type: str) -> None:
    driver = table_of_rows(tmp_path)
    job = migrate(driver, known(driver), add("later", VECTOR))
    migrate(driver, job.target, vector_index("later", index_type, "cosine"))
    (found,) = known(driver).indexes
    assert (found.name, found.metric) == ("later_idx", "cosine")


def test_an_index_given_up_leaves_no_file_of_any_type(tmp_path: Path, kind: Kind) -> None:
    driver = table_of_rows(tmp_path)
    job = job_for(driver, known(driver), casting(driver, kind), building(kind))
    done = prepared(driver, job)
    assert list((Path(driver.location) / "_indices").iterdir())
    driver.engine.discard(job, done)
    assert list((Path(driver.location) / "_indices").iterdir()) == []
