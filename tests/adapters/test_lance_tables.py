"""What is peculiar to Lance: indexes that live on, readers at work, files, names and types it cannot hold."""

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import lance
import pyarrow as pa
import pytest

from adapters.arrow.types import to_arrow
from adapters.engines.lance_tables.engine import PROFILE
from domain.column_types import type_names
from domain.errors import CastFailed, DeletedRowsInTheWay, SchemaDrifted, TableChanged
from domain.schema import Schema
from domain.type_text import parse_type
from tests.contracts.engines.drivers import LanceDriver, columns, job_for, migrate, people, person, prepared
from tests.domain.planning import add, drop, index, nullability, planned, refused, rename, retype

FOUR_CHANGES = (
    add("source", nullable=False, position=1, defaultValue="import"),
    retype("age", "int32", "int8"),
    rename("name", "label"),
    drop("score"),
)


@pytest.fixture
def table(tmp_path: Path) -> LanceDriver:
    """Two hundred people in twenty fragments."""
    driver = LanceDriver(tmp_path)
    driver.engine.create(driver.location, people())
    driver.append([person(number) for number in range(200)], 20)
    return driver


def known(driver: LanceDriver) -> Schema:
    """The table as it is, as a log would know it."""
    return driver.engine.inspect(driver.location).schema


def data_files(driver: LanceDriver) -> set[str]:
    return {path.name for path in (Path(driver.location) / "data").iterdir()}


def test_one_unit_per_fragment_is_prepared_when_values_change(table: LanceDriver) -> None:
    assert len(table.engine.units(job_for(table, people(), *FOUR_CHANGES), {})) == 20
    assert len(table.engine.units(job_for(table, people(), rename("age", "years"), drop("score")), {})) == 1


def test_a_rename_and_a_drop_write_no_data(table: LanceDriver) -> None:
    before = data_files(table)
    migrate(table, people(), rename("age", "years"), drop("score"), add("city"))
    assert data_files(table) == before


def test_only_changed_columns_are_written(table: LanceDriver) -> None:
    migrate(table, people(), *FOUR_CHANGES)
    newest = lance.dataset(table.location).get_fragments()[0].metadata.files[-1]
    assert len(newest.fields) == 2


def test_the_index_on_an_untouched_column_is_kept_and_used(table: LanceDriver) -> None:
    lance.dataset(table.location).create_scalar_index("id", "BTREE")
    migrate(table, known(table), *FOUR_CHANGES)
    after = lance.dataset(table.location)
    assert [description.name for description in after.describe_indices()] == ["id_idx"]
    assert "ScalarIndexQuery" in after.scanner(filter="id = 137").explain_plan()
    assert after.to_table(filter="id = 137").to_pylist() == [
        {"id": 137, "source": "import", "label": "n137", "age": 47}
    ]


def test_the_index_on_a_renamed_column_goes_with_it(table: LanceDriver) -> None:
    lance.dataset(table.location).create_scalar_index("id", "BTREE")
    migrate(table, known(table), rename("id", "key"))
    after = lance.dataset(table.location)
    assert after.to_table(filter="key = 137").num_rows == 1
    assert table.engine.inspect(table.location).schema.indexes[0].column_ids == (1,)


def test_a_reader_polling_meanwhile_sees_the_table_before_or_after_and_nothing_between(table: LanceDriver) -> None:
    before = lance.dataset(table.location).version
    seen, began = set[tuple[int, tuple[str, ...]]](), threading.Event()

    def poll() -> None:
        """Until it has seen the new version."""
        now = lance.dataset(table.location)
        while now.version == before:
            seen.add((now.version, tuple(now.schema.names)))
            began.set()
            now = lance.dataset(table.location)
        seen.add((now.version, tuple(now.schema.names)))

    reader = threading.Thread(target=poll)
    reader.start()
    began.wait()
    migrate(table, people(), *FOUR_CHANGES)
    reader.join()
    assert seen == {(before, people().names), (before + 1, ("id", "source", "label", "age"))}


def test_deleted_rows_stay_deleted_and_stand_in_no_way(table: LanceDriver) -> None:
    lance.dataset(table.location).delete("id % 2 = 1 OR id = 10")
    migrate(table, people(), retype("score", "float64", "int64"), add("source", defaultValue="x"))
    ids = [number for number in range(0, 200, 2) if number != 10]
    assert columns(table)["id"] == ids
    assert columns(table)["score"] == [number // 2 for number in ids]
    assert set(columns(table)["source"]) == {"x"}


def test_a_failing_value_is_named_by_its_row_in_the_table(table: LanceDriver) -> None:
    job = job_for(table, people(), retype("name", "utf8", "int64"))
    last = table.engine.units(job, {})[19]
    with pytest.raises(CastFailed, match=r"row 190 holds 'n190'"):
        table.engine.prepare(job, last, {})


def test_a_refused_unit_leaves_no_file_behind(table: LanceDriver) -> None:
    before = data_files(table)
    job = job_for(table, people(), retype("name", "utf8", "int64"))
    with pytest.raises(CastFailed):
        prepared(table, job)
    assert data_files(table) == before


def test_discarding_removes_what_was_prepared_and_nothing_else(table: LanceDriver) -> None:
    before = data_files(table)
    job = job_for(table, people(), *FOUR_CHANGES)
    done = prepared(table, job)
    assert len(data_files(table)) == len(before) + 20
    table.engine.discard(job, done)
    assert data_files(table) == before


def test_discarding_after_publishing_removes_nothing(table: LanceDriver) -> None:
    job = job_for(table, people(), *FOUR_CHANGES)
    done = prepared(table, job)
    table.engine.publish(job, done)
    files = data_files(table)
    table.engine.discard(job, done)
    assert data_files(table) == files


def test_an_append_between_changes_only_the_new_fragments_unit(table: LanceDriver) -> None:
    job = job_for(table, people(), *FOUR_CHANGES)
    before = {unit.name for unit in table.engine.units(job, {})}
    table.append([person(999)])
    after = {unit.name for unit in table.engine.units(job, {})}
    assert before < after
    assert len(after - before) == 1


def test_the_answer_to_published_outlives_the_clean_up_of_old_versions(table: LanceDriver) -> None:
    job = migrate(table, people(), *FOUR_CHANGES)
    lance.dataset(table.location).cleanup_old_versions(older_than=timedelta(0))
    assert table.restarted().engine.published(job) is not None


def test_the_commit_carries_the_migrations_id(table: LanceDriver) -> None:
    job = migrate(table, people(), rename("age", "years"))
    now = lance.dataset(table.location)
    transaction = now.read_transaction(now.version)
    assert transaction.transaction_properties == {"schemaledger:migration": str(job.migration_id)}


def test_a_column_added_by_another_writer_is_not_dropped_in_silence(table: LanceDriver) -> None:
    job = job_for(table, people(), *FOUR_CHANGES)
    done = prepared(table, job)
    lance.dataset(table.location).add_columns({"theirs": "id + 1"})
    with pytest.raises(SchemaDrifted, match="'theirs'"):
        table.engine.publish(job, done)
    with pytest.raises(SchemaDrifted, match="'theirs'"):
        table.engine.units(job, {})
    assert columns(table)["theirs"][:2] == [1, 2]


def test_a_column_renamed_by_another_writer_is_said_so(table: LanceDriver) -> None:
    job = job_for(table, people(), rename("age", "years"))
    done = prepared(table, job)
    lance.dataset(table.location).alter_columns({"path": "age", "name": "their_age"})
    with pytest.raises(SchemaDrifted, match="'their_age'"):
        table.engine.publish(job, done)


def test_prepared_files_that_somebody_cleaned_away_are_not_published(table: LanceDriver) -> None:
    job = job_for(table, people(), *FOUR_CHANGES)
    done = prepared(table, job)
    lance.dataset(table.location).cleanup_old_versions(older_than=timedelta(0), delete_unverified=True)
    with pytest.raises(TableChanged, match="files are gone"):
        table.engine.publish(job, done)
    assert columns(table)["id"] == list(range(200))
    table.engine.publish(job, prepared(table, job))
    assert columns(table)["source"] == ["import"] * 200


def test_an_index_that_would_be_lost_stands_in_the_way(table: LanceDriver) -> None:
    lance.dataset(table.location).create_scalar_index("age", "BTREE")
    job = job_for(table, people(), nullability("age", False), retype("score", "float64", "utf8"))
    with pytest.raises(SchemaDrifted, match="age_idx"):
        table.engine.units(job, {})


def _index(table: lance.LanceDataset) -> None:
    table.create_scalar_index("name", "BTREE", name="theirs")


def _index_of_the_same_name(table: lance.LanceDataset) -> None:
    table.create_scalar_index("score", "BTREE", name="source_idx")


def _comment(table: lance.LanceDataset) -> None:
    table.update_field_metadata({"id": {"comment": "theirs"}})


def _metadata(table: lance.LanceDataset) -> None:
    table.update_field_metadata({"score": {"unit": "points"}})


@pytest.mark.parametrize("meanwhile", [_index, _index_of_the_same_name, _comment, _metadata])
def test_what_others_did_meanwhile_is_seen_right_before_publishing(
    table: LanceDriver, meanwhile: Callable[[lance.LanceDataset], None]
) -> None:
    job = job_for(table, people(), *FOUR_CHANGES, index("source"))
    done = prepared(table, job)
    meanwhile(lance.dataset(table.location))
    version = lance.dataset(table.location).version
    with pytest.raises(SchemaDrifted):
        table.engine.publish(job, done)
    with pytest.raises(SchemaDrifted):
        table.engine.units(job, {})
    assert lance.dataset(table.location).version == version


def test_published_is_answered_after_a_compaction(table: LanceDriver) -> None:
    lance.dataset(table.location).create_scalar_index("id", "BTREE")
    job = migrate(table, known(table), *FOUR_CHANGES)
    lance.dataset(table.location).optimize.compact_files()
    assert table.restarted().engine.published(job) is not None
    assert columns(table)["id"] == list(range(200))


def test_nulls_of_deleted_rows_are_named_as_what_stands_in_the_way(table: LanceDriver) -> None:
    lance.dataset(table.location).delete("name IS NULL")
    first = migrate(table, people(), nullability("name", False))
    job = job_for(table, first.target, retype("name", "utf8", "large_utf8"))
    with pytest.raises(DeletedRowsInTheWay, match="Compact the table"):
        prepared(table, job)
    lance.dataset(table.location).optimize.compact_files(materialize_deletions_threshold=0)
    table.engine.publish(job, prepared(table, job))
    assert columns(table)["name"] == [f"n{number}" for number in range(200) if number % 5 != 4]


@pytest.mark.parametrize(
    "operations",
    [
        (drop("id"), add("id", "int8")),
        (rename("id", "key"), add("id", "int8")),
        (drop("name"), rename("score", "name")),
        (rename("name", "t"), rename("score", "name"), rename("t", "score")),
    ],
)
def test_a_name_may_go_from_one_column_to_another_beside_a_cast(
    table: LanceDriver, operations: tuple[dict[str, Any], ...]
) -> None:
    before = columns(table)
    job = migrate(table, people(), *operations, retype("age", "int32", "int64"))
    kept = {column.name: people().by_id(column.id) for column in job.target.columns}
    expected = {name: before[old.name] if old else [None] * 200 for name, old in kept.items()}
    assert columns(table) == expected


def test_what_is_said_of_the_table_itself_is_kept(table: LanceDriver) -> None:
    made = lance.dataset(table.location)
    made.update_config({"team": "search"})
    made.update_metadata({"owner": "ana"})
    made.update_schema_metadata({"source": "crawl"})
    made.tags.create("frozen", made.version)
    migrate(table, people(), *FOUR_CHANGES, index("source"))
    after = lance.dataset(table.location)
    assert (after.config(), after.metadata) == ({"team": "search"}, {"owner": "ana"})
    assert (after.schema.metadata or {})[b"source"] == b"crawl"
    assert lance.dataset(table.location, version="frozen").schema.names == list(people().names)


def test_nullability_is_real(table: LanceDriver) -> None:
    migrate(table, people(), nullability("age", False))
    assert not lance.dataset(table.location).schema.field("age").nullable


TYPES: list[tuple[str, Any]] = [
    ("bool", True),
    ("uint64", 2**63),
    ("float16", 1.5),
    ("large_utf8", "x"),
    ("binary", b"x"),
    ("fixed_size_binary[4]", b"abcd"),
    ("date32", 5),
    ("time64[ns]", 5),
    ("timestamp[ns, +01:00]", 5),
    ("duration[us]", 5),
    ("decimal256(50, 2)", 5),
    ("list<struct<a: int32>>", [{"a": 1}]),
    ("large_list<utf8>", ["x"]),
    ("fixed_size_list<float32>[3]", [1, 2, 3]),
    ("struct<a: int32, b: list<utf8>>", {"a": 1, "b": ["x"]}),
    ("map<utf8, int32>", [("a", 1)]),
    ("dictionary<int32, utf8>", "x"),
    ("dictionary<int8, int64>", 5),
    ("null", None),
]


@pytest.mark.parametrize(("text", "value"), TYPES)
def test_a_type_that_is_not_refused_can_be_written_and_read(tmp_path: Path, text: str, value: Any) -> None:
    data_type = parse_type(text)
    assert not type_names(data_type) & PROFILE.unsupported_types
    rows = pa.table({"id": [1, 2], "a": pa.array([value, None], to_arrow(data_type))})
    lance.write_dataset(rows, tmp_path / "t")
    found = LanceDriver(tmp_path).engine.inspect(str(tmp_path / "t")).schema
    assert found.column("a").data_type == text
    assert lance.dataset(tmp_path / "t").to_table().equals(rows)


@pytest.mark.parametrize("text", ["fixed_size_list<utf8>[2]", "struct<a: struct<>>", "dictionary<int8, list<int8>>"])
def test_what_lance_cannot_hold_is_refused_in_the_plan(text: str) -> None:
    assert refused(planned(add("x", text), profile=PROFILE))[0][1] == "type_not_supported"


@pytest.mark.parametrize("name", ["a`b", "_rowid"])
def test_names_lance_cannot_hold_are_refused_in_the_plan(name: str) -> None:
    assert refused(planned(add(name), profile=PROFILE)) == [("/operations/0/params/name", "column_name_invalid")]
