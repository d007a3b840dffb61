"""Dropped columns come back with their values, also once the table is compacted or another column has their name."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lance
import pyarrow as pa
import pytest

from domain.schema import Column, Schema, schema_of
from tests.contracts.engines.drivers import LanceDriver, columns, migrate, recovery_of
from tests.domain.planning import add, change, drop, rename

ROWS = 12


def numbered() -> Schema:
    """id int64, v utf8, w float64: the last is never written."""
    types = {"id": "int64", "v": "utf8", "w": "float64"}
    return schema_of(tuple(Column(id=0, name=name, data_type=data_type) for name, data_type in types.items()))


@pytest.fixture(params=["addresses", "stable row ids"])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> LanceDriver:
    """Twelve rows in four fragments."""
    driver = LanceDriver(tmp_path)
    driver.engine.create(driver.location, numbered())
    if request.param == "stable row ids":
        empty = lance.dataset(driver.location).to_table()
        shutil.rmtree(driver.location)
        lance.write_dataset(empty, driver.location, enable_stable_row_ids=True)
    driver.append([{"id": number, "v": f"v{number}"} for number in range(ROWS)], 4)
    return driver


def compact(driver: LanceDriver) -> None:
    lance.dataset(driver.location).optimize.compact_files(materialize_deletions_threshold=0.0)


def delete(driver: LanceDriver, where: str) -> None:
    lance.dataset(driver.location).delete(where)


def by_id(driver: LanceDriver, column: str) -> dict[int, Any]:
    found = columns(driver)
    return dict(zip(found["id"], found[column], strict=True))


HAPPENS: dict[str, Callable[[LanceDriver], None]] = {
    "compacted": compact,
    "rows deleted, then compacted": lambda driver: (delete(driver, "id in (1, 4, 5)"), compact(driver))[-1],
    "compacted, then rows deleted": lambda driver: (compact(driver), delete(driver, "id in (0, 7)"))[-1],
    "compacted twice, with rows deleted and added between": lambda driver: (
        delete(driver, "id = 3"),
        compact(driver),
        driver.append([{"id": 100}, {"id": 101}], 2),
        delete(driver, "id in (4, 100)"),
        compact(driver),
        driver.append([{"id": 102}]),
        delete(driver, "id = 8"),
    )[-1],
}


@pytest.mark.parametrize("happens", HAPPENS.values(), ids=HAPPENS)
def test_every_row_that_is_left_has_its_own_value_again(table: LanceDriver, happens: Callable[..., None]) -> None:
    first = migrate(table, numbered(), drop("v"))
    happens(table)
    left = columns(table)["id"]
    recovery = recovery_of(table, numbered(), "v", str(table.engine.published(first)))
    assert recovery.rows == sum(number < ROWS for number in left)
    back = change("restore_column", name="v", version=1)
    migrate(table, first.target, back, recoveries={(1, "v"): recovery})
    assert by_id(table, "v") == {number: f"v{number}" if number < ROWS else None for number in left}
    assert lance.dataset(table.location, version=table.version_count()).to_table(filter="v = 'v2'").num_rows == 1


def test_rows_that_were_updated_since_keep_theirs_where_rows_have_ids(table: LanceDriver) -> None:
    """Else they have lost them, and the plan says how many."""
    first = migrate(table, numbered(), drop("v"))
    lance.dataset(table.location).update({"w": "1.5"}, where="id < 2")
    compact(table)
    recovery = recovery_of(table, numbered(), "v", str(table.engine.published(first)))
    kept = ROWS if lance.dataset(table.location).get_fragments()[0].metadata.row_id_meta else ROWS - 2
    assert recovery.rows == kept
    migrate(table, first.target, change("restore_column", name="v", version=1), recoveries={(1, "v"): recovery})
    assert by_id(table, "v") == {number: f"v{number}" if number >= ROWS - kept else None for number in range(ROWS)}


def test_a_table_that_was_overwritten_gives_nothing_back_to_rows_it_never_had(table: LanceDriver) -> None:
    first = migrate(table, numbered(), drop("v"))
    gone_as = str(table.engine.published(first))
    others = pa.table({"id": [70, 80, 90], "w": [1.0, 2.0, 3.0]}, schema=lance.dataset(table.location).schema)
    lance.write_dataset(others, table.location, mode="overwrite")
    assert table.engine.recoverable(table.location, numbered().column("v"), gone_as) == 0


@pytest.mark.parametrize("compacted", [False, True])
@pytest.mark.parametrize("name", ["v", "w"])
def test_a_column_comes_back_in_place_of_one_that_has_its_name(table: LanceDriver, name: str, compacted: bool) -> None:
    values = by_id(table, name)
    first = migrate(table, numbered(), drop(name), add(name, dataType="int32", defaultValue=7))
    gone_as = str(table.engine.published(first))
    if compacted:
        compact(table)
    recoveries = {(1, name): recovery_of(table, numbered(), name, gone_as)}
    second = migrate(
        table, first.target, drop(name), change("restore_column", name=name, version=1), recoveries=recoveries
    )
    assert by_id(table, name) == values
    gone_as = str(table.engine.published(second))
    recovery = recovery_of(table, first.target, name, gone_as)
    again = change("restore_column", name=name, version=2)
    migrate(table, second.target, drop(name), again, recoveries={(2, name): recovery})
    assert set(by_id(table, name).values()) == {7}


def test_two_columns_come_back_beside_other_changes(table: LanceDriver) -> None:
    first = migrate(table, numbered(), drop("v"), drop("w"))
    compact(table)
    gone_as = str(table.engine.published(first))
    recoveries = {(1, name): recovery_of(table, numbered(), name, gone_as) for name in ("v", "w")}
    back = [change("restore_column", name=name, version=1) for name in ("w", "v")]
    more = [rename("id", "key"), add("city", defaultValue="x", position=0), rename("v", "label")]
    migrate(table, first.target, *back, *more, recoveries=recoveries)
    found = columns(table)
    assert found["label"] == [f"v{number}" for number in found["key"]]
    assert (set(found["w"]), set(found["city"])) == ({None}, {"x"})


def test_opaque_values_come_back_as_they_were(tmp_path: Path) -> None:
    driver = LanceDriver(tmp_path)
    uuids = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0" * 16, None, b"1" * 16], pa.binary(16)))
    texts = pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a":1}', None, "[1]"]))
    made = pa.table({"id": [1, 2, 3], "u": uuids, "j": texts})
    lance.write_dataset(made, driver.location, max_rows_per_file=2)
    before = driver.engine.inspect(driver.location).schema
    first = migrate(driver, before, drop("u"), drop("j"))
    compact(driver)
    gone_as = str(driver.engine.published(first))
    recoveries = {(1, name): recovery_of(driver, before, name, gone_as) for name in ("u", "j")}
    back = [change("restore_column", name=name, version=1) for name in ("u", "j")]
    migrate(driver, first.target, *back, recoveries=recoveries)
    assert driver.read().to_pydict() == made.to_pydict()
    assert driver.read().schema.remove_metadata() == made.schema
