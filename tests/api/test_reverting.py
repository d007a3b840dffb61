"""Undoing migrations over HTTP: with their data, in one migration more, and never over what came later."""

from typing import Any

import lance
import pyarrow as pa

from tests.api.conftest import Api
from tests.domain.planning import add, change, drop, index, nullability, rename, retype


def location_of(api: Api, table: str) -> str:
    return str(api.get(f"/dataset-tables/{table}").json()["location"])


def write(api: Api, table: str, *rows: dict[str, Any]) -> None:
    location = location_of(api, table)
    part = pa.Table.from_pylist(list(rows), schema=lance.dataset(location).schema)
    lance.write_dataset(part, location, mode="append")


def rows_of(api: Api, table: str) -> list[dict[str, Any]]:
    return list(lance.dataset(location_of(api, table)).to_table().to_pylist())


def done(api: Api, answer: Any) -> str:
    """The id of the migration, once it has succeeded."""
    assert answer.status_code == 202, answer.text
    operation = api.finished(answer.json()["operationId"])
    assert operation["status"] == "completed", operation
    return str(operation["migrationId"])


def schema_of(api: Api, table: str) -> dict[str, Any]:
    return dict(api.get(f"/dataset-tables/{table}/schema").json())


ROWS = [{"id": 1, "name": "Ada", "age": 36}, {"id": 2, "name": None, "age": 41}]


def test_a_revert_brings_back_names_types_order_and_dropped_values(api: Api) -> None:
    table = api.new_table()
    write(api, table, *ROWS)
    before = schema_of(api, table)
    changes = [
        drop("name"),
        retype("age", "int32", "utf8"),
        rename("age", "years"),
        add("x", "int8", defaultValue=7),
        change("reorder_column", name="years", position=0),
        change("set_column_default", name="years", defaultValue="0"),
        change("set_column_comment", name="id", comment="the key"),
        change("set_primary_key", columns=["id"]),
        index("id"),
    ]
    migration = done(api, api.migrate(table, *changes))
    write(api, table, {"years": "50", "id": 3, "x": 1})
    plan = api.post(f"/dataset-tables/{table}/migrations/{migration}/revert/plan").json()
    assert plan["isValid"], plan
    assert any("1 rows written since" in hazard["message"] for hazard in plan["hazards"])
    body = {"planHash": plan["planHash"]}
    undone = done(api, api.post(f"/dataset-tables/{table}/migrations/{migration}/revert", body))
    after = schema_of(api, table)
    assert after["fields"] == before["fields"]
    assert after["primaryKeyColumns"] == before["primaryKeyColumns"]
    assert rows_of(api, table) == [*ROWS, {"id": 3, "name": None, "age": 50}]
    assert api.get(f"/dataset-tables/{table}/indexes").json() == {"indexes": []}
    view = api.get(f"/dataset-tables/{table}/migrations/{undone}").json()
    assert view["reverts"] == migration
    assert view["description"] == f"Revert migration {migration}"
    assert view["operations"] == plan["operations"]


def test_a_revert_can_be_reverted(api: Api) -> None:
    table = api.new_table()
    write(api, table, *ROWS)
    first = done(api, api.migrate(table, rename("name", "age2"), rename("age", "name"), rename("age2", "age")))
    swapped = schema_of(api, table)["fields"]
    second = done(api, api.post(f"/dataset-tables/{table}/migrations/{first}/revert"))
    assert rows_of(api, table) == ROWS
    done(api, api.post(f"/dataset-tables/{table}/migrations/{second}/revert"))
    assert schema_of(api, table)["fields"] == swapped


def registered(api: Api, rows: pa.Table) -> str:
    """A table that others made."""
    location = f"{location_of(api, api.new_table('made'))}.theirs"
    lance.write_dataset(rows, location, max_rows_per_file=1)
    answer = api.post("/dataset-tables", {"datasetId": "shop", "tableName": "theirs", "location": location})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["tableId"])


def reverted(api: Api, table: str, migration: str) -> str:
    return done(api, api.post(f"/dataset-tables/{table}/migrations/{migration}/revert"))


def test_names_that_nothing_new_would_be_given_come_back_in_a_revert(api: Api) -> None:
    struct = pa.struct([pa.field("a.b", pa.int64())])
    made = pa.table({" id ": [1, 2], "s": pa.array([{"a.b": 1}, None], struct), "c\td": [3, 4]})
    table = registered(api, made)
    before = schema_of(api, table)["fields"]
    tidied = done(api, api.migrate(table, rename(" id ", "id"), rename('s."a.b"', "s.ab"), rename("c\td", "c")))
    assert [field["name"] for field in schema_of(api, table)["fields"]] == ["id", "s", "c"]
    back = reverted(api, table, tidied)
    assert schema_of(api, table)["fields"] == before
    assert rows_of(api, table) == made.to_pylist()
    reverted(api, table, back)
    assert rows_of(api, table)[0] == {"id": 1, "s": {"ab": 1}, "c": 3}
    assert api.migrate(table, rename("c", " d")).json()["code"] == "validation_failed"


def test_a_column_that_made_room_for_another_of_its_name_comes_back_and_goes_again(api: Api) -> None:
    table = api.new_table()
    write(api, table, *ROWS)
    first = done(api, api.migrate(table, drop("name"), add("name", "float64")))
    second = reverted(api, table, first)
    assert rows_of(api, table) == ROWS
    third = reverted(api, table, second)
    assert [row["name"] for row in rows_of(api, table)] == [None, None]
    reverted(api, table, third)
    assert rows_of(api, table) == ROWS


def test_a_compaction_keeps_what_can_be_undone(api: Api) -> None:
    table = api.new_table()
    write(api, table, ROWS[0])
    write(api, table, ROWS[1])
    migration = done(api, api.migrate(table, drop("name")))
    compacted = api.post(f"/dataset-tables/{table}/compact").json()["operationId"]
    assert api.finished(compacted)["status"] == "completed"
    assert len(lance.dataset(location_of(api, table)).get_fragments()) == 1
    reverted(api, table, migration)
    assert rows_of(api, table) == ROWS


def test_what_was_changed_again_since_stands_in_the_way(api: Api) -> None:
    table = api.new_table()
    first = done(api, api.migrate(table, rename("name", "label")))
    done(api, api.migrate(table, rename("label", "title")))
    refused = api.post(f"/dataset-tables/{table}/migrations/{first}/revert")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_revertible")
    assert "Revert what came later first" in refused.json()["error"]


def test_nothing_is_undone_twice_and_a_repeat_is_recognised(api: Api) -> None:
    table = api.new_table()
    migration = done(api, api.migrate(table, add("x")))
    path = f"/dataset-tables/{table}/migrations/{migration}/revert"
    first = api.post(path, Idempotency_Key="k")
    done(api, first)
    again = api.post(path, Idempotency_Key="k")
    assert again.json()["operationId"] == first.json()["operationId"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert api.post(path).json()["code"] == "not_revertible"


def test_only_a_migration_of_the_table_that_succeeded_can_be_undone(idle_api: Api) -> None:
    table, other = idle_api.new_table(), idle_api.new_table("other")
    pending = idle_api.migrate(table, add("x")).json()["migrationId"]
    path = f"/migrations/{pending}/revert"
    assert idle_api.post(f"/dataset-tables/{table}{path}").json()["code"] == "not_revertible"
    assert idle_api.post(f"/dataset-tables/{other}{path}").status_code == 404
    assert idle_api.post(f"/dataset-tables/{table}/migrations/{table}/revert").status_code == 404


def test_a_dropped_column_that_must_have_values_comes_back_nullable_when_rows_came_since(api: Api) -> None:
    table = api.new_table()
    write(api, table, *ROWS)
    done(api, api.migrate(table, nullability("age", False)))
    migration = done(api, api.migrate(table, drop("age")))
    write(api, table, {"id": 3, "name": "new"})
    done(api, api.post(f"/dataset-tables/{table}/migrations/{migration}/revert"))
    age = schema_of(api, table)["fields"][2]
    assert (age["name"], age["nullable"], age["fieldId"]) == ("age", True, 3)
    assert [row["age"] for row in rows_of(api, table)] == [36, 41, None]


def test_the_plan_says_beforehand_how_it_could_be_undone(idle_api: Api) -> None:
    table = idle_api.new_table()
    write(idle_api, table, *ROWS)

    def undo(*operations: dict[str, Any]) -> dict[str, Any]:
        answer = idle_api.post(f"/dataset-tables/{table}/migrations/plan", {"operations": list(operations)})
        return dict(answer.json()["undo"])

    assert undo(rename("age", "years"))["kind"] == "lossless"
    assert undo(drop("age"))["conditions"] == [
        "'age' comes back while the table's earlier version exists; rows written since read null."
    ]
    assert undo(nullability("name", False, fillNullsWith="?"))["kind"] == "lossy"
    assert undo(retype("age", "int32", "int8", onCastFailure="null"))["kind"] == "lossy"
