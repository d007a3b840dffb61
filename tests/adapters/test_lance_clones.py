"""Shallow clones and branches: tables whose files lie in another. They are migrated as any, and the other is untouched."""

from collections.abc import Callable
from pathlib import Path

import lance
import pyarrow as pa
import pytest

from domain.engine import Job
from domain.errors import CastFailed, ValuesGone
from domain.steps import Compact
from tests.adapters.lance_answers import known
from tests.contracts.engines.drivers import (
    LanceDriver,
    columns,
    job_for,
    migrate,
    people,
    person,
    prepared,
    recovery_of,
)
from tests.domain.planning import add, change, drop, rename, retype


class Placed(LanceDriver):
    """A table somewhere else than where drivers have theirs."""

    def __init__(self, location: str) -> None:
        super().__init__(Path(location).parent)
        self.location = location


def cloned(source: lance.LanceDataset, folder: Path) -> str:
    place = str(folder / "clone.lance")
    source.shallow_clone(place, source.version)
    return place


def clone_of_a_clone(source: lance.LanceDataset, folder: Path) -> str:
    """Its files lie in two other tables."""
    first = lance.dataset(cloned(source, folder))
    more = pa.Table.from_pylist([person(number) for number in (200, 201)], schema=first.schema)
    lance.write_dataset(more, first.uri, mode="append")
    first = lance.dataset(first.uri)
    place = str(folder / "second.lance")
    first.shallow_clone(place, first.version)
    return place


def branched(source: lance.LanceDataset, folder: Path) -> str:
    return str(source.create_branch("trial").uri)


MAKERS = [cloned, clone_of_a_clone, branched]


@pytest.fixture
def source(tmp_path: Path) -> LanceDriver:
    """Two hundred people in four fragments, with indexes."""
    driver = LanceDriver(tmp_path)
    driver.engine.create(driver.location, people())
    driver.append([person(number) for number in range(200)], 4)
    lance.dataset(driver.location).create_scalar_index("id", "BTREE")
    lance.dataset(driver.location).create_scalar_index("name", "INVERTED", stem=False)
    return driver


@pytest.fixture(params=MAKERS)
def clone(request: pytest.FixtureRequest, source: LanceDriver, tmp_path: Path) -> LanceDriver:
    make: Callable[[lance.LanceDataset, Path], str] = request.param
    return Placed(make(lance.dataset(source.location), tmp_path))


def files(driver: LanceDriver) -> set[Path]:
    """Those of the table itself, not of its branches."""
    place = Path(driver.location)
    return {path for path in place.rglob("*") if path.is_file() and path.relative_to(place).parts[0] != "tree"}


def test_a_change_that_writes_is_made_in_the_clone_alone(source: LanceDriver, clone: LanceDriver) -> None:
    before, held, expected = columns(source), files(source), columns(clone)
    migrate(
        clone,
        known(clone),
        add("source", nullable=False, defaultValue="x"),
        retype("age", "int32", "utf8"),
        retype("name", "utf8", "large_utf8"),
        rename("score", "points"),
    )
    found = columns(clone)
    assert found["age"] == [str(age) for age in expected["age"]]
    assert (found["name"], found["points"]) == (expected["name"], expected["score"])
    assert set(found["source"]) == {"x"}
    assert (columns(source), files(source)) == (before, held)


def test_indexes_of_the_source_serve_the_clone_and_are_built_again_in_it(
    source: LanceDriver, clone: LanceDriver
) -> None:
    migrate(clone, known(clone), retype("name", "utf8", "large_utf8"))
    table = lance.dataset(clone.location)
    assert "ScalarIndexQuery" in table.scanner(filter="id = 7").explain_plan()
    assert table.scanner(filter="id = 7").count_rows() == 1
    bases = {found.name: {part.base_id for part in found.segments} for found in table.describe_indices()}
    assert None not in bases["id_idx"]
    assert bases["name_idx"] == {None}
    query = lance.query.MatchQuery("n7", "name")
    assert table.to_table(full_text_query=query).column("id").to_pylist() == [7]
    assert lance.dataset(source.location).to_table(full_text_query=query).column("id").to_pylist() == [7]


def test_a_column_dropped_in_a_clone_comes_back_with_the_values_of_the_source(
    source: LanceDriver, clone: LanceDriver
) -> None:
    before, schema = columns(clone), known(clone)
    gone = migrate(clone, schema, drop("score"))
    version = clone.engine.published(gone)
    assert version is not None
    recovery = recovery_of(clone, schema, "score", version)
    assert recovery.rows == len(before["score"])
    restoring = change("restore_column", name="score", version=1)
    migrate(clone, gone.target, restoring, recoveries={(1, "score"): recovery})
    assert columns(clone) == before
    assert columns(source)["score"] == [number / 2 for number in range(200)]


def test_what_was_cleaned_away_in_the_source_is_gone_for_the_clone(source: LanceDriver, tmp_path: Path) -> None:
    clone = Placed(cloned(lance.dataset(source.location), tmp_path))
    schema = known(clone)
    gone = migrate(clone, schema, drop("score"))
    version = clone.engine.published(gone)
    assert version is not None
    for file in (Path(source.location) / "data").iterdir():
        file.unlink()
    assert recovery_of(clone, schema, "score", version).rows == 0


def test_what_is_given_up_in_a_clone_takes_no_file_of_the_source(source: LanceDriver, clone: LanceDriver) -> None:
    before, held, expected = files(clone), files(source), columns(clone)
    schema = known(clone)
    job = job_for(clone, schema, retype("age", "int32", "utf8"), retype("name", "utf8", "large_utf8"))
    done = prepared(clone, job)
    clone.engine.discard(job, done)
    assert files(clone) - before <= set((Path(clone.location) / "_versions").iterdir())
    failing = job_for(clone, schema, change("drop_scalar_index", name="name_idx"), retype("name", "utf8", "int64"))
    with pytest.raises(CastFailed):
        prepared(clone, failing)
    clone.engine.tidy(clone.location)
    clone.engine.tidy(source.location)
    assert files(source) == held
    assert columns(clone) == expected


def test_a_clone_is_compacted_into_files_of_its_own(source: LanceDriver, clone: LanceDriver) -> None:
    held, expected = files(source), columns(clone)
    compaction = _compaction(clone)
    clone.engine.publish(compaction, prepared(clone, compaction))
    assert sorted(columns(clone)["id"]) == sorted(expected["id"])
    bases = {file.base_id for one in lance.dataset(clone.location).get_fragments() for file in one.metadata.files}
    assert None in bases
    assert files(source) == held


def test_a_source_goes_on_while_it_has_clones(source: LanceDriver, clone: LanceDriver) -> None:
    expected = columns(clone)
    job = migrate(source, known(source), retype("age", "int32", "int64"), drop("name"))
    source.engine.tidy(source.location)
    assert source.engine.published(job) is not None
    assert columns(clone) == expected


def test_what_is_given_up_takes_no_file_that_an_earlier_version_holds(source: LanceDriver) -> None:
    before = lance.dataset(source.location)
    expected = before.to_table()
    job = job_for(source, known(source), retype("age", "int32", "utf8"))
    done = prepared(source, job)
    before.optimize.compact_files()
    source.engine.discard(job, done)
    assert lance.dataset(source.location, version=before.version).to_table() == expected


def test_a_clone_does_not_reach_back_beyond_its_own_beginning(source: LanceDriver, tmp_path: Path) -> None:
    schema = known(source)
    gone = migrate(source, schema, drop("score"))
    version = source.engine.published(gone)
    assert version is not None
    clone = Placed(cloned(lance.dataset(source.location), tmp_path))
    with pytest.raises(ValuesGone):
        clone.engine.recoverable(clone.location, schema.column("score"), version)


def _compaction(driver: LanceDriver) -> Job:
    schema = known(driver)
    plain = job_for(driver, schema, rename("age", "years"))
    return Job(
        migration_id=plain.migration_id,
        table_id=plain.table_id,
        location=driver.location,
        source=schema,
        target=schema,
        steps=(Compact(),),
    )
