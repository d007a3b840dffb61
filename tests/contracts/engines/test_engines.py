"""What every engine promises: the table becomes what was planned, as one version, or stays as it was."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from domain.errors import (
    CastFailed,
    LocationOccupied,
    NullsPresent,
    SchemaDrifted,
    TableChanged,
    TableNotEmpty,
    TableNotFoundAtLocation,
)
from domain.schema import Schema
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
    shape,
)
from tests.domain.planning import add, drop, index, nullability, rename, retype

ROWS = 40
FRAGMENTS = 4
SCHEMA = people()
FOUR_CHANGES = (
    add("source", nullable=False, position=1, defaultValue="import"),
    retype("age", "int32", "int8"),
    rename("name", "label"),
    drop("score"),
)


@pytest.fixture(params=["lance", "memory"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Driver:
    """A new table without rows."""
    driver: Driver = LanceDriver(tmp_path) if request.param == "lance" else MemoryDriver()
    driver.engine.create(driver.location, SCHEMA)
    return driver


@pytest.fixture
def table(empty: Driver) -> Driver:
    """A table with rows in several fragments."""
    empty.append([person(number) for number in range(ROWS)], FRAGMENTS)
    return empty


def values(name: str) -> list[Any]:
    return [person(number)[name] for number in range(ROWS)]


def test_a_new_table_is_what_was_asked_for_and_empty(empty: Driver) -> None:
    assert shape(empty) == promised(SCHEMA)
    assert empty.engine.inspect(empty.location).statistics.rows == 0


def test_a_table_is_made_only_where_nothing_is(empty: Driver) -> None:
    with pytest.raises(LocationOccupied):
        empty.engine.create(empty.location, SCHEMA)


def test_nothing_is_found_where_no_table_is(empty: Driver) -> None:
    with pytest.raises(TableNotFoundAtLocation):
        empty.engine.inspect(empty.location + "-elsewhere")


def test_inspection_tells_the_real_size(table: Driver) -> None:
    statistics = table.engine.inspect(table.location).statistics
    assert statistics.rows == ROWS
    assert (statistics.bytes_stored or 0) > 0


def test_four_changes_are_one_version_and_every_row_keeps_its_values_and_place(table: Driver) -> None:
    before = table.version_count()
    job = migrate(table, SCHEMA, *FOUR_CHANGES)
    assert table.version_count() == before + 1
    assert shape(table) == promised(job.target)
    assert columns(table) == {
        "id": values("id"),
        "source": ["import"] * ROWS,
        "label": values("name"),
        "age": values("age"),
    }


CHANGES: list[tuple[str, list[dict[str, Any]], dict[str, list[Any]]]] = [
    ("add null", [add("city")], {"city": [None] * ROWS}),
    ("add first", [add("city", position=0, defaultValue="Bonn")], {"city": ["Bonn"] * ROWS}),
    ("add nested", [add("xs", "list<int8>", defaultValue=[1, 2])], {"xs": [[1, 2]] * ROWS}),
    ("drop", [drop("age")], {"id": values("id")}),
    ("rename", [rename("age", "years")], {"years": values("age")}),
    ("swap", [rename("age", "t"), rename("score", "age"), rename("t", "score")], {"age": values("score")}),
    ("cast", [retype("age", "int32", "float64")], {"age": [float(age) for age in values("age")]}),
    ("cast text", [retype("age", "int32", "utf8")], {"age": [str(age) for age in values("age")]}),
    (
        "cast chain",
        [retype("age", "int32", "int64"), retype("age", "int64", "utf8")],
        {"age": [str(age) for age in values("age")]},
    ),
    (
        "cast or null",
        [retype("score", "float64", "int64", onCastFailure="null")],
        {"score": [number // 2 if number % 2 == 0 else None for number in range(ROWS)]},
    ),
    ("fill", [nullability("name", False, fillNullsWith="?")], {"name": [name or "?" for name in values("name")]}),
    ("not null", [nullability("age", False)], {"age": values("age")}),
    ("not null beside a cast", [nullability("age", False), retype("score", "float64", "utf8")], {"age": values("age")}),
    ("nullable beside a cast", [nullability("id", True), retype("age", "int32", "int64")], {"id": values("id")}),
    ("nullable", [nullability("id", True)], {"id": values("id")}),
    ("add and drop", [add("x", defaultValue="y"), drop("x")], {"id": values("id")}),
    ("add and rename", [add("x", defaultValue="y"), rename("x", "z")], {"z": ["y"] * ROWS}),
    ("add and cast", [add("x", "int8", defaultValue=5), retype("x", "int8", "int64")], {"x": [5] * ROWS}),
    ("drop and add", [drop("age"), add("age", "utf8", defaultValue="old")], {"age": ["old"] * ROWS}),
    ("all new", [add("x", "int8", defaultValue=1), *map(drop, SCHEMA.names)], {"x": [1] * ROWS}),
    ("all new and null", [add("x", "int8"), *map(drop, SCHEMA.names)], {"x": [None] * ROWS}),
    ("odd names", [rename("age", "ä \"b\" 'c' \\ d"), add("日本", "int8")], {"ä \"b\" 'c' \\ d": values("age")}),
]


@pytest.mark.parametrize(("operations", "expected"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES])
def test_what_a_change_promised_is_what_the_table_became(
    table: Driver, operations: list[dict[str, Any]], expected: dict[str, list[Any]]
) -> None:
    before = table.version_count()
    job = migrate(table, SCHEMA, *operations)
    assert shape(table) == promised(job.target)
    assert {name: columns(table)[name] for name in expected} == expected
    assert table.version_count() == before + 1


def test_an_empty_table_changes_like_any_other(empty: Driver) -> None:
    job = migrate(empty, SCHEMA, *FOUR_CHANGES, add("must", "int8", nullable=False))
    assert shape(empty) == promised(job.target)
    empty.append([{"id": 1, "source": "s", "label": None, "age": 3, "must": 4}])
    assert columns(empty)["must"] == [4]


def test_migrations_follow_each_other(table: Driver) -> None:
    first = migrate(table, SCHEMA, *FOUR_CHANGES)
    second = migrate(table, first.target, retype("age", "int8", "utf8"), rename("label", "name"))
    third = migrate(table, second.target, drop("source"))
    assert shape(table) == promised(third.target)
    assert columns(table) == {"id": values("id"), "name": values("name"), "age": [str(age) for age in values("age")]}


def test_rows_written_after_a_migration_stand_beside_those_before(table: Driver) -> None:
    migrate(table, SCHEMA, *FOUR_CHANGES)
    table.append([{"id": 999, "source": "app", "label": "new", "age": 1}])
    assert columns(table)["source"] == ["import"] * ROWS + ["app"]


def test_a_failing_cast_names_how_many_and_which(table: Driver) -> None:
    job = job_for(table, SCHEMA, retype("score", "float64", "int64"))
    before = table.version_count()
    with pytest.raises(CastFailed) as refusal:
        prepared(table, job)
    assert refusal.value.name == "score"
    assert refusal.value.count > 0
    assert "row 1 holds 0.5" in refusal.value.examples
    assert table.version_count() == before
    assert shape(table) == promised(SCHEMA)


def test_nulls_that_stand_in_the_way_are_counted(table: Driver) -> None:
    job = job_for(table, SCHEMA, nullability("name", False))
    with pytest.raises(NullsPresent) as refusal:
        prepared(table, job)
    assert refusal.value.count > 0


def test_rows_that_came_too_soon_forbid_a_column_that_must_have_values(empty: Driver) -> None:
    job = job_for(empty, SCHEMA, add("must", "int8", nullable=False))
    empty.append([person(1)])
    with pytest.raises(TableNotEmpty):
        prepared(empty, job)


def test_publishing_twice_is_publishing_once(table: Driver) -> None:
    job = job_for(table, SCHEMA, *FOUR_CHANGES)
    done = prepared(table, job)
    version = table.engine.publish(job, done)
    count = table.version_count()
    assert table.engine.publish(job, done) == version
    assert table.restarted().engine.publish(job, done) == version
    assert table.version_count() == count


KINDS_OF_COMMITS = {
    "schema": (rename("age", "years"),),
    "files": FOUR_CHANGES,
    "new index": (index("age", name="by_age"),),
    "dropped index": ({"type": "drop_scalar_index", "params": {"name": "by_id"}},),
}


@pytest.fixture
def indexed(table: Driver) -> tuple[Driver, Schema]:
    return table, migrate(table, SCHEMA, index("id", name="by_id")).target


@pytest.mark.parametrize("operations", KINDS_OF_COMMITS.values(), ids=KINDS_OF_COMMITS)
def test_whoever_is_barred_right_before_the_commit_publishes_nothing(
    indexed: tuple[Driver, Schema], operations: tuple[dict[str, Any], ...]
) -> None:
    table, schema = indexed
    job = job_for(table, schema, *operations)
    done = prepared(table, job)
    with pytest.raises(TableChanged):
        table.engine.publish(job, done, lambda: table.restarted().engine.bar(job))
    found = table.engine.inspect(table.location).schema
    assert (found.names, found.indexes) == (schema.names, schema.indexes)
    assert table.engine.published(job) is None
    table.engine.publish(job, prepared(table, job))
    assert table.engine.published(job) is not None


@pytest.mark.parametrize("operations", KINDS_OF_COMMITS.values(), ids=KINDS_OF_COMMITS)
def test_whoever_comes_second_with_the_same_commit_publishes_nothing(
    indexed: tuple[Driver, Schema], operations: tuple[dict[str, Any], ...]
) -> None:
    table, schema = indexed
    job = job_for(table, schema, *operations)
    done, versions = prepared(table, job), table.version_count()
    with suppress(TableChanged):
        table.engine.publish(job, done, lambda: table.restarted().engine.publish(job, done))
    found = table.engine.inspect(table.location).schema
    assert sorted(one.name for one in found.indexes) == sorted(one.name for one in job.target.indexes)
    assert found.names == job.target.names
    assert table.version_count() <= versions + 2
    assert table.engine.is_visible(job) or not found.names


def test_what_is_visible_is_not_barred(table: Driver) -> None:
    job = migrate(table, SCHEMA, *FOUR_CHANGES)
    with pytest.raises(TableChanged):
        table.engine.bar(job)
    assert table.engine.published(job) is not None


def test_nobody_sees_anything_before_it_is_published(table: Driver) -> None:
    job = job_for(table, SCHEMA, *FOUR_CHANGES)
    before = table.version_count()
    for unit in table.engine.units(job, {}):
        table.engine.prepare(job, unit, {})
        assert (shape(table), table.version_count()) == (promised(SCHEMA), before)
        assert table.engine.published(job) is None


def test_whoever_comes_after_a_crash_learns_whether_it_is_published(table: Driver) -> None:
    job = job_for(table, SCHEMA, *FOUR_CHANGES)
    assert table.restarted().engine.published(job) is None
    version = table.engine.publish(job, prepared(table, job))
    table.append([{"id": 1, "source": "s", "label": None, "age": 3}])
    assert table.restarted().engine.published(job) == version


def test_preparing_again_after_a_crash_converges(table: Driver) -> None:
    job = job_for(table, SCHEMA, *FOUR_CHANGES)
    units = table.engine.units(job, {})
    table.engine.prepare(job, units[0], {})
    again = table.restarted()
    again.engine.publish(job, prepared(again, job))
    assert shape(table) == promised(job.target)
    assert columns(table)["label"] == values("name")


@pytest.mark.parametrize("operations", [FOUR_CHANGES, (retype("age", "int32", "int64"),)])
def test_rows_appended_meanwhile_are_not_lost(table: Driver, operations: tuple[dict[str, Any], ...]) -> None:
    job = job_for(table, SCHEMA, *operations)
    done = prepared(table, job)
    table.append([person(77)])
    # An engine may take a few rows along by itself; else it says that they came.
    with suppress(TableChanged):
        table.engine.publish(job, done)
    if table.engine.published(job) is None:
        names = [unit.name for unit in table.engine.units(job, {})]
        done = {name: outcome for name, outcome in done.items() if name in names}
        for unit in table.engine.units(job, {}):
            if unit.name not in done:
                done[unit.name] = table.engine.prepare(job, unit, {})
    table.engine.publish(job, done)
    assert columns(table)["id"] == [*values("id"), 77]
    assert shape(table) == promised(job.target)


def test_discarding_leaves_the_table_as_it_was(table: Driver) -> None:
    job = job_for(table, SCHEMA, *FOUR_CHANGES)
    done = prepared(table, job)
    table.engine.discard(job, done)
    table.engine.discard(job, done)
    assert shape(table) == promised(SCHEMA)
    assert columns(table) == {name: values(name) for name in SCHEMA.names}


def test_a_table_that_is_not_what_the_job_starts_from_is_left_alone(table: Driver) -> None:
    job = job_for(table, SCHEMA, drop("score"))
    migrate(table, SCHEMA, rename("age", "years"))
    with pytest.raises(SchemaDrifted, match="'years'"):
        table.engine.units(job, {})


def test_a_second_migration_is_not_taken_for_the_first(table: Driver) -> None:
    first = migrate(table, SCHEMA, rename("age", "years"))
    second = job_for(table, first.target, rename("years", "age"))
    assert table.engine.published(second) is None
    table.engine.publish(second, prepared(table, second))
    assert table.engine.published(second) is not None
