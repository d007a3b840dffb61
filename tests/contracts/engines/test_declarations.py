"""What every engine promises of changes beside values: keys, indexes, comments, order, restored and nested columns."""

from pathlib import Path
from typing import Any

import lance
import pytest

from domain.engine import Job
from domain.errors import CastFailed, DuplicateKeys, NullsPresent, ValuesGone
from domain.schema import Column, Schema, schema_of
from domain.steps import Compact
from tests.contracts.engines.drivers import (
    Driver,
    LanceDriver,
    MemoryDriver,
    columns,
    job_for,
    migrate,
    people,
    person,
    prepared,
    promised,
    recovery_of,
    shape,
)
from tests.domain.planning import add, change, drop, index, key, nullability, rename, retype, vector_index

ROWS = 40
STRUCT = "struct<city: utf8, zip: int32 not null, geo: struct<lat: float64>>"
PLACES = schema_of(
    (
        Column(id=0, name="id", data_type="int64", nullable=False),
        Column(id=0, name="address", data_type=STRUCT),
        Column(id=0, name="vector", data_type="fixed_size_list<float32>[4]"),
    )
)


def place(number: int) -> dict[str, Any]:
    address = {"city": f"c{number}" if number % 3 else None, "zip": number, "geo": {"lat": number / 2}}
    vector = [float(number), 1.0, 2.0, 3.0]
    return {"id": number, "address": None if number % 7 == 6 else address, "vector": vector}


def driver_of(name: str, folder: Path, schema: Schema) -> Driver:
    driver: Driver = LanceDriver(folder) if name == "lance" else MemoryDriver()
    driver.engine.create(driver.location, schema)
    return driver


@pytest.fixture(params=["lance", "memory"])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Driver:
    driver = driver_of(request.param, tmp_path, people())
    driver.append([person(number) for number in range(ROWS)], 4)
    return driver


@pytest.fixture(params=["lance", "memory"])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> Driver:
    driver = driver_of(request.param, tmp_path, PLACES)
    driver.append([place(number) for number in range(ROWS)], 4)
    return driver


def indexes(driver: Driver) -> list[tuple[str, str, tuple[str, ...]]]:
    schema = driver.engine.inspect(driver.location).schema
    return sorted((index.name, index.index_type, schema.named(index.column_ids)) for index in schema.indexes)


def test_a_key_that_tells_all_rows_apart_is_accepted(table: Driver) -> None:
    job = migrate(table, people(), key("id"))
    assert shape(table) == promised(job.target)
    assert table.engine.published(job) is not None


def test_a_key_makes_its_columns_not_nullable(table: Driver) -> None:
    job = migrate(table, people(), key("age"))
    assert job.target.column("age").nullable is False
    assert shape(table) == promised(job.target)


def test_duplicates_are_counted_and_shown_with_their_rows(table: Driver) -> None:
    table.append([person(3), person(3), person(5)])
    job = job_for(table, people(), key("id"))
    with pytest.raises(DuplicateKeys) as refusal:
        prepared(table, job)
    assert (refusal.value.count, refusal.value.looked_at) == (5, ROWS + 3)
    assert "hold 3" in refusal.value.examples
    assert shape(table) == promised(people())


def test_a_key_of_several_columns_may_repeat_in_each(table: Driver) -> None:
    table.append([{**person(3), "score": 99.5}])
    migrate(table, people(), key("id", "score"))
    with pytest.raises(DuplicateKeys):
        prepared(table, job_for(table, table.engine.inspect(table.location).schema, key("id")))


def test_nulls_in_a_key_are_counted(table: Driver) -> None:
    with pytest.raises(NullsPresent):
        prepared(table, job_for(table, people(), key("name")))


def test_a_key_is_looked_at_as_the_changes_before_it_leave_it(table: Driver) -> None:
    fill = nullability("name", False, fillNullsWith="same")
    with pytest.raises(DuplicateKeys, match="'same'"):
        prepared(table, job_for(table, people(), fill, key("name")))
    with pytest.raises(DuplicateKeys):
        prepared(table, job_for(table, people(), add("one", "int8", nullable=False, defaultValue=1), key("one")))


def test_a_comment_is_kept_with_the_table(table: Driver) -> None:
    job = migrate(table, people(), add("note", comment="first"), rename("age", "years"))
    found = table.engine.inspect(table.location).schema
    assert [column.comment for column in found.columns] == [column.comment for column in job.target.columns]


def test_columns_stand_where_they_were_moved(table: Driver) -> None:
    migrate(table, people(), change("reorder_column", name="score", position=0))
    assert list(columns(table)) == ["score", "id", "name", "age"]
    assert columns(table)["score"] == [person(number)["score"] for number in range(ROWS)]


def test_an_index_is_built_and_dropped(table: Driver) -> None:
    job = migrate(table, people(), index("age"), index("name", "bitmap", name="by_name"))
    assert indexes(table) == [("age_idx", "btree", ("age",)), ("by_name", "bitmap", ("name",))]
    assert table.restarted().engine.published(job) is not None
    gone = migrate(table, job.target, change("drop_scalar_index", name="age_idx"))
    assert indexes(table) == [("by_name", "bitmap", ("name",))]
    assert table.restarted().engine.published(gone) is not None


def test_an_index_is_built_over_values_that_the_same_migration_makes(table: Driver) -> None:
    migrate(table, people(), retype("age", "int32", "utf8"), index("age"), add("x", "int8", defaultValue=1), index("x"))
    assert indexes(table) == [("age_idx", "btree", ("age",)), ("x_idx", "btree", ("x",))]
    assert columns(table)["age"] == [str(person(number)["age"]) for number in range(ROWS)]


def test_an_index_on_a_column_that_gets_other_values_is_rebuilt(table: Driver) -> None:
    first = migrate(table, people(), index("age"), index("id"))
    again = migrate(table, first.target, retype("age", "int32", "int64"), rename("id", "key"))
    assert indexes(table) == [("age_idx", "btree", ("age",)), ("id_idx", "btree", ("key",))]
    assert again.target.index("age_idx") == first.target.index("age_idx")


def test_an_index_may_make_room_for_another_of_its_name(table: Driver) -> None:
    first = migrate(table, people(), index("age", name="i"))
    other = migrate(table, first.target, change("drop_scalar_index", name="i"), index("age", "bitmap", name="i"))
    assert indexes(table) == [("i", "bitmap", ("age",))]
    migrate(table, other.target, change("drop_scalar_index", name="i"), index("score", "bitmap", name="i"))
    assert indexes(table) == [("i", "bitmap", ("score",))]


def test_an_index_that_is_dropped_and_added_again_covers_every_row(tmp_path: Path) -> None:
    table = LanceDriver(tmp_path)
    table.engine.create(table.location, people())
    table.append([person(number) for number in range(ROWS)])
    first = migrate(table, people(), index("age", name="i"))
    table.append([person(number) for number in range(5)])
    again = migrate(table, first.target, change("drop_scalar_index", name="i"), index("age", name="i"))
    found = lance.dataset(table.location).stats.index_stats("i")
    assert (found["num_indexed_rows"], found["num_unindexed_rows"]) == (ROWS + 5, 0)
    assert table.restarted().engine.published(again) is not None


def test_rows_appended_while_an_index_is_built_are_not_lost(table: Driver) -> None:
    job = job_for(table, people(), retype("age", "int32", "int64"), index("age"))
    done = prepared(table, job)
    table.append([person(77)])
    again: dict[str, bytes] = done
    while todo := [unit for unit in table.engine.units(job, again) if unit.name not in again]:
        names = {unit.name for unit in table.engine.units(job, again)}
        again = {name: content for name, content in again.items() if name in names}
        again.update({unit.name: table.engine.prepare(job, unit, again) for unit in todo})
    table.engine.publish(job, again)
    assert columns(table)["id"] == [*range(ROWS), 77]
    assert indexes(table) == [("age_idx", "btree", ("age",))]


def test_an_index_on_an_empty_table_is_there_for_later_rows(tmp_path: Path) -> None:
    driver = driver_of("lance", tmp_path, people())
    for kind in ("btree", "bitmap"):
        migrate(driver, driver.engine.inspect(driver.location).schema, index("age", kind, name=kind))
    assert [name for name, _, _ in indexes(driver)] == ["bitmap", "btree"]


def test_a_vector_index_is_built_and_dropped(places: Driver) -> None:
    job = migrate(places, PLACES, vector_index("vector", metric="cosine", numPartitions=2))
    assert indexes(places) == [("vector_idx", "ivf_flat", ("vector",))]
    migrate(places, job.target, change("drop_vector_index", name="vector_idx"))
    assert indexes(places) == []


def test_a_dropped_column_is_restored_with_its_values(table: Driver) -> None:
    first = migrate(table, people(), drop("score"), drop("name"))
    gone_as = table.engine.published(first)
    table.append([{"id": 99, "age": 1}])
    recoveries = {(1, name): recovery_of(table, people(), name, str(gone_as)) for name in ("score", "name")}
    assert {recovery.rows for recovery in recoveries.values()} == {ROWS}
    back = [change("restore_column", name=name, version=1) for name in ("name", "score")]
    job = migrate(table, first.target, *back, rename("score", "points"), recoveries=recoveries)
    assert list(columns(table)) == ["id", "name", "age", "points"]
    assert columns(table)["points"] == [*(person(number)["score"] for number in range(ROWS)), None]
    assert columns(table)["name"] == [*(person(number)["name"] for number in range(ROWS)), None]
    assert job.target.column("points").id == people().column("score").id
    retyped = migrate(table, job.target, retype("points", "float64", "utf8"))
    assert columns(table)["points"][:2] == ["0", "0.5"]
    assert shape(table) == promised(retyped.target)


def test_a_column_that_a_version_never_had_cannot_be_recovered(table: Driver) -> None:
    first = migrate(table, people(), drop("score"))
    gone_as = str(table.engine.published(first))
    with pytest.raises(ValuesGone):
        table.engine.recoverable(table.location, Column(id=9, name="other", data_type="int8"), gone_as)


NESTED: list[tuple[str, list[dict[str, Any]], str, dict[str, Any]]] = [
    (
        "add",
        [add("address.street", position=0, defaultValue="?")],
        "struct<street: utf8, city: utf8, zip: int32 not null, geo: struct<lat: float64>>",
        {"street": "?", "city": "c1", "zip": 1, "geo": {"lat": 0.5}},
    ),
    (
        "drop",
        [drop("address.zip")],
        "struct<city: utf8, geo: struct<lat: float64>>",
        {"city": "c1", "geo": {"lat": 0.5}},
    ),
    (
        "rename deep",
        [rename("address.geo.lat", "address.geo.latitude")],
        "struct<city: utf8, zip: int32 not null, geo: struct<latitude: float64>>",
        {"city": "c1", "zip": 1, "geo": {"latitude": 0.5}},
    ),
    (
        "cast",
        [retype("address.zip", "int32", "utf8"), rename("address.zip", "address.code")],
        "struct<city: utf8, code: utf8 not null, geo: struct<lat: float64>>",
        {"city": "c1", "code": "1", "geo": {"lat": 0.5}},
    ),
    (
        "fill",
        [nullability("address.city", False, fillNullsWith="none")],
        "struct<city: utf8 not null, zip: int32 not null, geo: struct<lat: float64>>",
        {"city": "c1", "zip": 1, "geo": {"lat": 0.5}},
    ),
    (
        "move",
        [change("reorder_column", name="address.geo", position=0)],
        "struct<geo: struct<lat: float64>, city: utf8, zip: int32 not null>",
        {"geo": {"lat": 0.5}, "city": "c1", "zip": 1},
    ),
]


@pytest.mark.parametrize(("operations", "data_type", "second"), [c[1:] for c in NESTED], ids=[c[0] for c in NESTED])
def test_fields_inside_a_struct_change_like_columns(
    places: Driver, operations: list[dict[str, Any]], data_type: str, second: dict[str, Any]
) -> None:
    job = migrate(places, PLACES, *operations)
    assert shape(places) == promised(job.target)
    assert job.target.column("address").data_type == data_type
    found = columns(places)["address"]
    assert found[1] == second
    assert [row is None for row in found] == [number % 7 == 6 for number in range(ROWS)]


def test_values_inside_a_struct_that_fail_are_named_by_their_path(places: Driver) -> None:
    with pytest.raises(CastFailed, match=r"address\.geo\.lat"):
        prepared(places, job_for(places, PLACES, retype("address.geo.lat", "float64", "int32")))
    with pytest.raises(NullsPresent) as refusal:
        prepared(places, job_for(places, PLACES, nullability("address.city", False)))
    assert refusal.value.name == "address.city"


def test_a_compaction_changes_no_value(table: Driver) -> None:
    schema = people()
    first = job_for(table, schema, rename("age", "years"))
    job = Job(
        migration_id=first.migration_id,
        table_id=first.table_id,
        location=table.location,
        source=schema,
        target=schema,
        steps=(Compact(),),
    )
    before = columns(table)
    table.engine.publish(job, prepared(table, job))
    assert columns(table) == before
    table.engine.publish(job, prepared(table, job))
    assert columns(table) == before
