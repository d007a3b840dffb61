"""Indexes on fields inside columns: seen, planned with, built again where the column is, and asked afterwards."""

from pathlib import Path
from typing import Any

import lance
import pyarrow as pa
import pytest

from domain.changes.change import Setting
from domain.plan import IndexImpact, Plan, make_plan
from domain.schema import Schema
from tests.adapters.lance_answers import known
from tests.contracts.engines.drivers import LanceDriver, migrate
from tests.domain.planning import (
    add,
    change,
    changes_of,
    drop,
    index,
    nullability,
    planned,
    refused,
    rename,
    retype,
)


def row(number: int) -> dict[str, Any]:
    words = f"fox {number}" if number % 3 == 0 else f"dog {number}"
    return {"number": number % 50, "deep": {"words": words, "labels": [number % 5]}, "a.b": number % 7}


@pytest.fixture
def table(tmp_path: Path) -> LanceDriver:
    """Three hundred rows in three fragments, with an index of somebody else's on every field inside."""
    driver = LanceDriver(tmp_path)
    numbers = range(300)
    rows = pa.table(
        {
            "id": pa.array(numbers, pa.int64()),
            "s": [row(number) for number in numbers],
            "texts": [["fox", "x"] if number % 3 == 0 else ["dog"] for number in numbers],
            "notes": [[{"text": "fox" if number % 3 == 0 else "dog"}] for number in numbers],
        }
    )
    lance.write_dataset(rows, driver.location, max_rows_per_file=100)
    made = lance.dataset(driver.location)
    made.create_scalar_index("s.number", "BTREE", name="numbers")
    made.create_scalar_index("s.deep.words", "INVERTED", name="words", stem=False, with_position=True)
    made.create_scalar_index("s.deep.labels", "LABEL_LIST", name="labels")
    made.create_scalar_index("s.`a.b`", "BITMAP", name="dotted")
    made.create_scalar_index("texts", "INVERTED", name="texts")
    made.create_scalar_index("notes.text", "INVERTED", name="notes", stem=False)
    return driver


ALL = ["dotted", "labels", "notes", "numbers", "texts", "words"]


def names(driver: LanceDriver) -> list[str]:
    return sorted(found.name for found in lance.dataset(driver.location).describe_indices())


def shown(schema: Schema) -> dict[str, tuple[str, ...]]:
    return {found.name: schema.indexed(found) for found in schema.indexes}


def by_filter(driver: LanceDriver, text: str) -> list[int]:
    scanner = lance.dataset(driver.location).scanner(columns=["id"], filter=text)
    assert "ScalarIndexQuery" in scanner.explain_plan()
    return sorted(scanner.to_table().column("id").to_pylist())


def by_words(driver: LanceDriver, path: str) -> list[int]:
    query = lance.query.MatchQuery("fox", path)
    found = lance.dataset(driver.location).to_table(columns=["id"], full_text_query=query)
    return sorted(found.column("id").to_pylist())


FOXES = [number for number in range(300) if number % 3 == 0]
SEVENS = [number for number in range(300) if number % 50 == 7]


def impacts(plan: Plan) -> dict[str, str]:
    assert plan.violations == ()
    return {impact.index_name: impact.impact for impact in plan.index_impacts}


def plan_of(driver: LanceDriver, *operations: dict[str, Any]) -> Plan:
    statistics = driver.engine.inspect(driver.location).statistics
    setting = Setting(profile=driver.engine.profile, statistics=statistics)
    return make_plan(changes_of(*operations), known(driver), 1, setting)


def test_they_are_shown_by_their_paths(table: LanceDriver) -> None:
    assert shown(known(table)) == {
        "numbers": ("s.number",),
        "words": ("s.deep.words",),
        "labels": ("s.deep.labels",),
        "dotted": ('s."a.b"',),
        "texts": ("texts",),
        "notes": ("notes.text",),
    }


@pytest.mark.parametrize(
    "operations",
    [
        (add("s.more", "int32"),),
        (retype("s.number", "int64", "float64"),),
        (add("s.deep.more", "int32"), nullability("texts", False), retype("id", "int64", "float64")),
        (nullability("s", False), nullability("notes", False), retype("id", "int64", "float64")),
    ],
)
def test_they_are_built_again_with_what_they_lie_in(table: LanceDriver, operations: tuple[dict[str, Any], ...]) -> None:
    migrate(table, known(table), *operations)
    assert names(table) == ALL
    assert by_filter(table, "s.number = 7") == SEVENS
    assert by_filter(table, "s.`a.b` = 3") == [number for number in range(300) if number % 7 == 3]
    assert by_words(table, "s.deep.words") == FOXES
    assert by_words(table, "texts") == by_words(table, "notes.text") == FOXES
    (words,) = [found for found in known(table).indexes if found.name == "words"]
    assert words.settings == {"with_position": True, "stem": False}


def test_the_plan_names_what_is_built_again_and_what_goes(table: LanceDriver) -> None:
    inside = ("numbers", "words", "labels", "dotted")
    kept = {"texts": "none", "notes": "none"}
    assert impacts(plan_of(table, add("s.more", "int32"))) == kept | dict.fromkeys(inside, "rebuild")
    assert impacts(plan_of(table, rename("s", "t"))) == kept | dict.fromkeys(inside, "none")
    assert impacts(plan_of(table, drop("s"))) == kept | dict.fromkeys(inside, "drop")
    gone = plan_of(table, drop("s.deep"))
    assert impacts(gone) == kept | {"numbers": "rebuild", "dotted": "rebuild", "words": "drop", "labels": "drop"}
    assert IndexImpact("words", "drop", "Field 's.deep.words' is dropped.") in gone.index_impacts


def test_they_go_with_renames_of_columns_and_of_fields(table: LanceDriver) -> None:
    job = migrate(table, known(table), rename("s", "t"))
    assert by_words(table, "t.deep.words") == FOXES
    job = migrate(table, job.target, rename("t.number", "t.count"), rename("t.deep", "t.low"))
    assert names(table) == ALL
    assert by_filter(table, "t.count = 7") == SEVENS
    assert by_words(table, "t.low.words") == FOXES
    assert shown(known(table)) == shown(job.target)


def test_they_go_with_the_field_and_with_the_column(table: LanceDriver) -> None:
    job = migrate(table, known(table), drop("s.deep"))
    assert names(table) == ["dotted", "notes", "numbers", "texts"]
    assert by_filter(table, "s.number = 7") == SEVENS
    migrate(table, job.target, drop("s"), drop("texts"))
    assert names(table) == ["notes"]


def test_a_type_that_the_index_cannot_hold_is_refused(table: LanceDriver) -> None:
    cast = plan_of(table, retype("s.deep.words", "utf8", "binary"))
    assert refused(cast) == [("/operations/0/params/newType", "column_still_indexed")]
    assert "'words'" in cast.violations[0].message
    items = plan_of(table, retype("texts", "list<utf8>", "list<binary>"))
    assert refused(items) == [("/operations/0/params/newType", "column_still_indexed")]
    assert plan_of(table, retype("texts", "list<utf8>", "large_list<large_utf8>")).is_valid


def test_a_cast_of_a_list_builds_the_index_on_its_items_again(table: LanceDriver) -> None:
    migrate(table, known(table), retype("texts", "list<utf8>", "large_list<large_utf8>"))
    assert by_words(table, "texts") == FOXES


def test_a_cast_of_a_whole_struct_keeps_the_indexes_of_what_stays(table: LanceDriver) -> None:
    now = known(table).column("s").data_type
    cast = retype("s", now, "struct<number: int64, deep: struct<words: large_utf8>>")
    assert impacts(plan_of(table, cast)) | {"labels": "drop", "dotted": "drop"} == impacts(plan_of(table, cast))
    migrate(table, known(table), cast)
    assert names(table) == ["notes", "numbers", "texts", "words"]
    assert by_words(table, "s.deep.words") == FOXES
    assert by_filter(table, "s.number = 7") == SEVENS


def test_one_may_be_built_and_dropped_by_its_path(table: LanceDriver) -> None:
    job = migrate(
        table, known(table), *(change("drop_scalar_index", name=name) for name in ("numbers", "words", "notes"))
    )
    job = migrate(
        table,
        job.target,
        index("s.number", "btree"),
        index("s.deep.words", "inverted"),
        index("notes.text", "inverted", name="notes"),
    )
    assert by_filter(table, "s.number = 7") == SEVENS
    assert by_words(table, "s.deep.words") == by_words(table, "notes.text") == FOXES
    assert shown(job.target).items() >= {"s_number_idx": ("s.number",), "s_deep_words_idx": ("s.deep.words",)}.items()
    assert shown(known(table)) == shown(job.target)


def test_paths_that_lead_nowhere_are_refused() -> None:
    nowhere = planned(index("name.first"), index("nobody.first"))
    assert [code for _, code in refused(nowhere)] == ["column_not_found", "column_not_found"]
