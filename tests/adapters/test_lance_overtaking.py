"""What others commit in the moment of our commit is neither lost nor passed over."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lance
import pyarrow as pa
import pytest

from domain.errors import SchemaDrifted, TableChanged
from tests.contracts.engines.drivers import LanceDriver, columns, job_for, migrate, prepared
from tests.domain.planning import add, drop, nullability, rename, retype

ROWS = 10


@pytest.fixture
def table(tmp_path: Path) -> LanceDriver:
    driver = LanceDriver(tmp_path)
    rows = pa.table({"id": list(range(ROWS)), "v": [str(number) for number in range(ROWS)], "w": [1.5] * ROWS})
    lance.write_dataset(rows, driver.location, max_rows_per_file=5)
    return driver


def note(made: lance.LanceDataset) -> None:
    made.update_field_metadata({"w": {"unit": "kg"}})


def note_table(made: lance.LanceDataset) -> None:
    made.update_schema_metadata({"owner": "somebody"})


def build(made: lance.LanceDataset) -> None:
    made.create_scalar_index("v", "BITMAP", name="theirs")


def delete(made: lance.LanceDataset) -> None:
    made.delete("id = 3")


MIGRATIONS: dict[str, tuple[dict[str, Any], ...]] = {
    "a rename": (rename("id", "key"),),
    "a drop": (drop("id"),),
    "a new column": (add("x", "int8"),),
    "a cast": (retype("v", "utf8", "int64"),),
    "nullability": (nullability("id", False),),
    "a name that is taken over": (drop("id"), rename("v", "id")),
}


@pytest.mark.parametrize("operations", MIGRATIONS.values(), ids=MIGRATIONS)
@pytest.mark.parametrize("act", [note, note_table, build, delete], ids=lambda act: act.__name__)
def test_what_comes_right_before_the_commit_is_kept(
    table: LanceDriver, operations: tuple[dict[str, Any], ...], act: Callable[[lance.LanceDataset], None]
) -> None:
    """Either the migration notices and says so, or both are there afterwards."""
    job = job_for(table, table.engine.inspect(table.location).schema, *operations)
    done, acted = prepared(table, job), list[bool]()

    def overtake() -> None:
        if not acted:
            acted.append(True)
            act(lance.dataset(table.location))

    try:
        table.engine.publish(job, done, overtake)
    except (SchemaDrifted, TableChanged):
        assert table.engine.published(job) is None
    else:
        assert lance.dataset(table.location).schema.names == list(job.target.names)
    now = lance.dataset(table.location)
    match act.__name__:
        case "note":
            assert now.schema.field("w").metadata == {b"unit": b"kg"}
        case "note_table":
            assert (now.schema.metadata or {})[b"owner"] == b"somebody"
        case "build":
            (found,) = now.describe_indices()
            (on,) = found.field_names
            assert (found.name, found.index_type.lower()) == ("theirs", "bitmap")
            column = now.to_table(columns=[on])[on]
            assert now.to_table(filter=f"{on} = {column[4].as_py()!r}").num_rows == 1
        case _:
            assert now.count_rows() == ROWS - 1


def test_who_finds_the_migration_published_puts_back_what_its_commit_had_overtaken(table: LanceDriver) -> None:
    """The worker ended right after its commit, which had gone on top of somebody's metadata."""
    schema = table.engine.inspect(table.location).schema
    job = job_for(table, schema, *MIGRATIONS["a name that is taken over"])
    done = prepared(table, job)

    class Killed(Exception):
        """The worker is gone."""

    def overtaken_and_killed(*_: Any) -> None:
        raise Killed

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("adapters.engines.lance_tables.engine.put_back", overtaken_and_killed)
        with pytest.raises(Killed):
            table.engine.publish(job, done, lambda: note(lance.dataset(table.location)))
    assert not lance.dataset(table.location).schema.field("w").metadata
    version = table.engine.published(job)
    assert table.engine.publish(job, done) == version
    assert lance.dataset(table.location).schema.field("w").metadata == {b"unit": b"kg"}
    commits = table.version_count()
    assert table.engine.publish(job, done) == version
    assert table.version_count() == commits


def test_the_next_migration_goes_on_from_there(table: LanceDriver) -> None:
    job = migrate(table, table.engine.inspect(table.location).schema, rename("id", "key"))
    migrate(table, job.target, rename("key", "id"), drop("w"))
    assert list(columns(table)) == ["id", "v"]
