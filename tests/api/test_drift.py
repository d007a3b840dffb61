"""Tables changed behind our back: seen, told, and accepted on request."""

import shutil
from datetime import datetime, timedelta
from pathlib import Path

import lance
import pyarrow as pa
import pytest

from tests.api.conftest import Api
from tests.domain.planning import add, index, rename, retype


def table_with_rows(api: Api) -> tuple[str, str]:
    table = api.new_table()
    location = str(api.get(f"/dataset-tables/{table}").json()["location"])
    rows = pa.table({"id": [1, 2], "name": ["a", "b"], "age": pa.array([3, 4], pa.int32())})
    schema = lance.dataset(location).schema
    lance.write_dataset(rows.cast(schema), location, mode="append")
    return table, location


def change_outside(location: str) -> None:
    """A rename, a new column, a cast and an index, by Lance's own means."""
    table = lance.dataset(location)
    table.alter_columns({"path": "name", "name": "label"})
    table.add_columns({"doubled": "age * 2"})
    table.alter_columns({"path": "age", "data_type": pa.int64()})
    table.create_scalar_index("id", "BTREE")


def test_a_table_that_is_as_the_log_says_has_not_drifted(api: Api) -> None:
    table, _ = table_with_rows(api)
    api.finished(api.migrate(table, add("x", comment="why", defaultValue="y")).json()["operationId"])
    found = api.get(f"/dataset-tables/{table}/drift").json()
    assert found == {"drifted": False, "versionNumber": 2, "since": None, "diff": []}
    refused = api.post(f"/dataset-tables/{table}/adopt")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_drifted")


def test_what_was_done_outside_is_told_with_renames_as_renames(api: Api) -> None:
    table, location = table_with_rows(api)
    change_outside(location)
    found = api.get(f"/dataset-tables/{table}/drift").json()
    assert found["drifted"]
    assert [one["type"] for one in found["diff"]] == [
        "column_renamed",
        "column_retyped",
        "column_added",
        "index_added",
    ]
    assert datetime.fromisoformat(found["since"]).tzinfo is not None


def test_an_outside_change_is_adopted_as_a_migration_of_unknown_author(api: Api) -> None:
    table, location = table_with_rows(api)
    before = {field["name"]: field["fieldId"] for field in api.get(f"/dataset-tables/{table}/schema").json()["fields"]}
    change_outside(location)
    answer = api.post(f"/dataset-tables/{table}/adopt", {"description": "the nightly job did it"})
    assert answer.status_code == 201, answer.text
    adopted = answer.json()
    assert (adopted["status"], adopted["createdBy"], adopted["adoptedBy"]) == ("succeeded", "unknown", "admin")
    assert adopted["description"] == "the nightly job did it"
    assert "operationId" not in adopted
    types = [operation["type"] for operation in adopted["operations"]]
    assert types == ["rename_column", "add_column", "change_column_type", "add_scalar_index"]
    assert api.get(answer.headers["Location"]).json() == adopted
    schema = api.get(f"/dataset-tables/{table}/schema").json()
    assert schema["versionNumber"] == 2
    ids = {field["name"]: field["fieldId"] for field in schema["fields"]}
    assert ids == {"id": before["id"], "label": before["name"], "age": before["age"], "doubled": 4}
    assert not api.get(f"/dataset-tables/{table}/drift").json()["drifted"]
    assert api.finished(api.migrate(table, add("x")).json()["operationId"])["status"] == "completed"


def test_an_adopted_change_can_be_reverted(api: Api) -> None:
    table, location = table_with_rows(api)
    lance.dataset(location).drop_columns(["age"])
    adopted = api.post(f"/dataset-tables/{table}/adopt").json()["migrationId"]
    api.finished(api.post(f"/dataset-tables/{table}/migrations/{adopted}/revert").json()["operationId"])
    assert lance.dataset(location).to_table().to_pydict()["age"] == [3, 4]


@pytest.mark.parametrize("what", ["index", "index replaced", "comment", "metadata"])
def test_whatever_is_told_as_drift_stops_planning_and_adoption_lets_it_go_on(api: Api, what: str) -> None:
    table, location = table_with_rows(api)
    api.finished(api.migrate(table, index("age", name="ages"), add("x", comment="why")).json()["operationId"])
    change_one_thing_outside(location, what)
    assert api.get(f"/dataset-tables/{table}/drift").json()["drifted"]
    operations = [retype("age", "int32", "int64"), index("name", name="theirs")]
    for path in ("migrations/plan", "migrations"):
        refused = api.post(f"/dataset-tables/{table}/{path}", {"operations": operations})
        assert (refused.status_code, refused.json()["code"]) == (409, "schema_drifted")
    before = what_is_kept(location)
    assert api.post(f"/dataset-tables/{table}/adopt").status_code == 201
    done = api.finished(api.migrate(table, retype("id", "int64", "utf8")).json()["operationId"])
    assert done["status"] == "completed", done
    assert what_is_kept(location) == before


def test_a_column_made_again_under_its_name_is_another_one(api: Api) -> None:
    table, location = table_with_rows(api)
    done = api.finished(api.migrate(table, retype("age", "int32", "int64")).json()["operationId"])
    assert done["status"] == "completed", done
    assert not api.get(f"/dataset-tables/{table}/drift").json()["drifted"]
    lance.dataset(location).drop_columns(["age"])
    lance.dataset(location).add_columns({"age": "id + 100"})
    drift = api.get(f"/dataset-tables/{table}/drift").json()
    assert drift["drifted"]
    assert {one["type"] for one in drift["diff"]} == {"column_dropped", "column_added"}
    refused = api.migrate(table, rename("age", "years"))
    assert (refused.status_code, refused.json()["code"]) == (409, "schema_drifted")
    assert "'age' was dropped and another made" in refused.json()["error"]
    assert api.post(f"/dataset-tables/{table}/adopt").status_code == 201
    assert not api.get(f"/dataset-tables/{table}/drift").json()["drifted"]
    done = api.finished(api.migrate(table, rename("age", "years")).json()["operationId"])
    assert done["status"] == "completed", done


def test_a_table_made_anew_in_its_place_is_another_one(api: Api) -> None:
    table, location = table_with_rows(api)
    rows = lance.dataset(location).to_table()
    shutil.rmtree(location)
    for _ in range(3):
        lance.write_dataset(rows, location, mode="append" if Path(location).exists() else "create")
    assert api.get(f"/dataset-tables/{table}/drift").json()["drifted"]
    refused = api.migrate(table, add("x"))
    assert (refused.status_code, refused.json()["code"]) == (409, "schema_drifted")
    assert "another table" in refused.json()["error"]
    assert api.post(f"/dataset-tables/{table}/adopt").status_code == 201
    done = api.finished(api.migrate(table, add("x")).json()["operationId"])
    assert done["status"] == "completed", done


def test_rows_that_others_write_and_versions_that_are_cleaned_away_are_no_drift(api: Api) -> None:
    table, location = table_with_rows(api)
    for _ in range(2):
        lance.write_dataset(lance.dataset(location).to_table(), location, mode="append")
    lance.dataset(location).cleanup_old_versions(older_than=timedelta(0), delete_unverified=True)
    assert not api.get(f"/dataset-tables/{table}/drift").json()["drifted"]
    done = api.finished(api.migrate(table, add("x")).json()["operationId"])
    assert done["status"] == "completed", done


def change_one_thing_outside(location: str, what: str) -> None:
    made = lance.dataset(location)
    match what:
        case "index":
            made.create_scalar_index("name", "BTREE", name="theirs")
        case "index replaced":
            made.drop_index("ages")
            lance.dataset(location).create_scalar_index("name", "BTREE", name="ages")
        case "comment":
            made.update_field_metadata({"x": {"comment": "because"}})
        case "metadata":
            made.update_field_metadata({"age": {"unit": "years"}})


def what_is_kept(location: str) -> list[object]:
    """Indexes and notes, as a plain reader finds them."""
    made = lance.dataset(location)
    indexes = sorted((found.name, found.index_type, tuple(found.field_names)) for found in made.describe_indices())
    return [indexes, {field.name: field.metadata for field in made.schema}]


def test_an_index_made_outside_is_adopted_with_what_it_was_built_with(api: Api) -> None:
    table, location = table_with_rows(api)
    lance.dataset(location).create_scalar_index("name", "INVERTED", name="words", stem=True, with_position=True)
    api.post(f"/dataset-tables/{table}/adopt")
    wanted = {"name": "words", "columns": ["name"], "indexType": "inverted"}
    settings = {"stem": True, "with_position": True}
    assert api.get(f"/dataset-tables/{table}/indexes/words").json() == {**wanted, "settings": settings}
    drop = {"type": "drop_scalar_index", "params": {"name": "words"}}
    dropped = api.finished(api.migrate(table, drop).json()["operationId"])
    migration = dropped["migrationId"]
    back = api.post(f"/dataset-tables/{table}/migrations/{migration}/revert").json()["operationId"]
    assert api.finished(back)["status"] == "completed"
    (found,) = lance.dataset(location).describe_indices()
    assert (found.details["stem"], found.details["with_position"]) == (True, True)
    assert not api.get(f"/dataset-tables/{table}/drift").json()["drifted"]


def test_nothing_is_adopted_while_migrations_wait(idle_api: Api) -> None:
    table, location = table_with_rows(idle_api)
    idle_api.migrate(table, add("x"))
    lance.dataset(location).drop_columns(["age"])
    refused = idle_api.post(f"/dataset-tables/{table}/adopt")
    assert (refused.status_code, refused.json()["code"]) == (409, "table_busy")
