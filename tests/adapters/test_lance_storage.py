"""Tables as older versions of Lance stored them: what cannot be done is said, and the way out leads out."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import lance
import pyarrow as pa
import pytest

from domain.engine import Job
from domain.errors import EngineRefused, TableChanged
from domain.plan import Plan
from domain.steps import Maintenance, RenameManifests, RewriteStorage
from tests.contracts.engines.drivers import LanceDriver, columns, migrate, prepared
from tests.domain.planning import add, drop, index, nullability, planned, rename, retype

ITEM = pa.field("element", pa.int32(), metadata={"unit": "kg"})
SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64(), metadata={"a": "b"}),
        pa.field("v", pa.utf8()),
        pa.field("l", pa.list_(ITEM)),
        pa.field("s", pa.struct([("a", pa.int64()), ("b", pa.utf8())])),
    ],
    metadata={"owner": "somebody"},
)
ROWS = [{"id": number, "v": str(number), "l": [number], "s": {"a": number, "b": "x"}} for number in range(20)]


def stored(folder: Path, version: str = "2.0", **how: Any) -> LanceDriver:
    driver = LanceDriver(folder)
    rows = pa.Table.from_pylist(ROWS, schema=SCHEMA)
    if version == "0.1":
        # There the library itself cannot read lists whose items are called otherwise.
        rows = rows.drop_columns(["l"]).append_column("l", pa.array([row["l"] for row in ROWS], pa.list_(pa.int32())))
    lance.write_dataset(rows, driver.location, max_rows_per_file=10, data_storage_version=version, **how)
    lance.dataset(driver.location).delete("id in (3, 17)")
    lance.dataset(driver.location).create_scalar_index("id", "BTREE", name="ids")
    return driver


def plan_of(driver: LanceDriver, *operations: dict[str, Any]) -> Plan:
    found = driver.engine.inspect(driver.location)
    return planned(*operations, schema=found.schema, rows=found.statistics.rows, profile=found.profile)


def maintain(driver: LanceDriver, work: Maintenance) -> Job:
    schema = driver.engine.inspect(driver.location).schema
    job = Job(
        migration_id=uuid4(), table_id=uuid4(), location=driver.location, source=schema, target=schema, steps=(work,)
    )
    driver.engine.publish(job, prepared(driver, job))
    return job


WRITING = [
    add("x"),
    add("x", defaultValue="y"),
    retype("v", "utf8", "int32"),
    retype("v", "utf8", "int32", onCastFailure="null"),
    nullability("v", False, fillNullsWith=""),
    rename("s.a", "s.c"),
]


@pytest.mark.parametrize("operation", WRITING)
def test_no_value_is_written_where_a_null_would_become_0(tmp_path: Path, operation: dict[str, Any]) -> None:
    driver = stored(tmp_path, "0.1")
    (refusal,) = plan_of(driver, operation).violations
    assert (refusal.code, "rewrite-storage" in refusal.message) == ("storage_too_old", True)


def test_what_writes_nothing_is_done_in_any_storage_version(tmp_path: Path) -> None:
    driver = stored(tmp_path, "0.1")
    migrate(driver, driver.engine.inspect(driver.location).schema, rename("v", "w"), drop("l"))
    assert set(columns(driver)) == {"id", "w", "s"}


@pytest.mark.parametrize("version", ["0.1", "2.0", "2.1"])
def test_a_type_that_came_with_a_later_storage_version_is_refused_in_the_plan(tmp_path: Path, version: str) -> None:
    driver = stored(tmp_path, version)
    codes = {one.code for one in plan_of(driver, add("m", "map<utf8, int32>", defaultValue=[["a", 1]])).violations}
    assert "type_not_supported" in codes
    maintain(driver, RewriteStorage())
    migrate(driver, driver.engine.inspect(driver.location).schema, add("m", "map<utf8, int32>"))


@pytest.mark.parametrize("version", ["0.1", "2.0", "2.1"])
def test_a_rewritten_table_is_the_same_but_for_its_storage(tmp_path: Path, version: str) -> None:
    driver = stored(tmp_path, version)
    before, rows = driver.engine.inspect(driver.location), lance.dataset(driver.location).to_table()
    job = maintain(driver, RewriteStorage())
    after = lance.dataset(driver.location)
    assert after.data_storage_version == "2.2"
    assert after.to_table().to_pydict() == rows.to_pydict()
    assert after.schema.equals(rows.schema, check_metadata=True)
    assert driver.engine.inspect(driver.location).schema == before.schema
    assert "ScalarIndexQuery" in after.scanner(filter="id = 7").explain_plan()
    assert after.to_table(filter="id = 7").num_rows == 1
    version_of_it = after.version
    driver.engine.publish(job, prepared(driver, job))
    assert driver.version_count() == version_of_it
    migrate(driver, before.schema, retype("v", "utf8", "int32", onCastFailure="null"))


def test_rows_that_come_while_a_table_is_rewritten_are_not_lost(tmp_path: Path) -> None:
    driver = stored(tmp_path, "0.1")
    late = pa.Table.from_pylist([{**ROWS[0], "id": 99}], schema=lance.dataset(driver.location).schema)
    schema = driver.engine.inspect(driver.location).schema
    job = Job(
        migration_id=uuid4(),
        table_id=uuid4(),
        location=driver.location,
        source=schema,
        target=schema,
        steps=(RewriteStorage(),),
    )
    with pytest.raises(TableChanged):
        driver.engine._publish(job, {}, lambda: lance.write_dataset(late, driver.location, mode="append"))
    assert 99 in columns(driver)["id"]
    lance.write_dataset(late, driver.location, mode="append")
    driver.engine.publish(job, {})
    assert (lance.dataset(driver.location).data_storage_version, len(columns(driver)["id"])) == ("2.2", 20)


def test_blobs_are_not_rewritten_as_what_reading_them_gives(tmp_path: Path) -> None:
    driver = LanceDriver(tmp_path)
    field = pa.field("b", pa.large_binary(), metadata={"lance-encoding:blob": "true"})
    blobs = pa.table({"b": pa.array([b"x"], pa.large_binary())}, schema=pa.schema([field]))
    lance.write_dataset(blobs, driver.location, data_storage_version="2.1")
    with pytest.raises(EngineRefused, match="'b'"):
        maintain(driver, RewriteStorage())


def test_an_index_is_built_beside_new_values_once_the_manifests_are_renamed(tmp_path: Path) -> None:
    driver = stored(tmp_path, "2.2", enable_v2_manifest_paths=False)
    assert plan_of(driver, index("v")).is_valid
    assert plan_of(driver, retype("v", "utf8", "int32")).is_valid
    for operations in ((retype("id", "int64", "int32"),), (add("x", "int8", defaultValue=1), index("x"))):
        (refusal,) = plan_of(driver, *operations).violations
        assert (refusal.code, "migrate-manifest-paths" in refusal.message) == ("storage_too_old", True)
    rows = driver.read()
    job = maintain(driver, RenameManifests())
    driver.engine.publish(job, prepared(driver, job))
    assert driver.read().equals(rows)
    migrate(driver, driver.engine.inspect(driver.location).schema, retype("id", "int64", "int32"))
    assert driver.read()["id"].to_pylist() == rows["id"].to_pylist()
