"""Migrations over HTTP: planned, posted, followed, done."""

import base64
import json
from collections.abc import Callable
from typing import Any

import lance
import pyarrow as pa
import pytest

from tests.api.conftest import Api
from tests.domain.planning import add, drop, nullability, rename, retype

OPERATION_FIELDS = {
    "operationId": str,
    "operationType": str,
    "targetType": str,
    "targetId": str,
    "description": str,
    "status": str,
    "progressPercent": float,
    "createdAt": str,
}


def test_a_posted_migration_is_answered_with_an_operation_to_follow(api: Api) -> None:
    table = api.new_table()
    answer = api.migrate(table, add("phone", position=1, defaultValue=None))
    assert answer.status_code == 202
    operation = answer.json()
    assert {name: type(operation[name]) for name in OPERATION_FIELDS} == OPERATION_FIELDS
    assert (operation["targetType"], operation["targetId"]) == ("table", table)
    # A quick worker may have begun before the answer was written.
    assert operation["status"] in ("pending", "running")
    assert answer.headers["location"] == f"/operations/{operation['operationId']}"
    assert answer.headers["operation-location"] == answer.headers["location"]
    assert int(answer.headers["retry-after"]) >= 1

    done = api.finished(operation["operationId"])
    assert (done["status"], done["progressPercent"]) == ("completed", 100.0)
    assert done["startedAt"] >= done["createdAt"]
    assert done["completedAt"] >= done["startedAt"]
    assert api.get(f"/dataset-tables/{table}/operations/{operation['operationId']}").json() == done


def test_the_real_table_has_changed(api: Api) -> None:
    table = api.new_table()
    location = api.get(f"/dataset-tables/{table}").json()["location"]
    schema = lance.dataset(location).schema
    lance.write_dataset(
        pa.Table.from_pylist([{"id": 1, "name": "a", "age": 5}], schema=schema), location, mode="append"
    )
    changes = (
        add("src", nullable=False, position=0, defaultValue="x"),
        retype("age", "int32", "int8"),
        rename("name", "n"),
    )
    done = api.finished(api.migrate(table, *changes).json()["operationId"])
    assert done["status"] == "completed"
    assert lance.dataset(location).to_table().to_pylist() == [{"src": "x", "id": 1, "n": "a", "age": 5}]


def test_the_schema_and_its_versions_follow(api: Api) -> None:
    table = api.new_table()
    api.finished(api.migrate(table, rename("age", "years")).json()["operationId"])
    answer = api.get(f"/dataset-tables/{table}/schema")
    schema = answer.json()
    assert answer.headers["etag"] == '"v2"'
    assert [field["name"] for field in schema["fields"]] == ["id", "name", "years"]
    assert schema["fields"][2]["fieldId"] == 3
    arrow = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(schema["arrowSchema"])))
    assert arrow.names == ["id", "name", "years"]
    assert not arrow.field("id").nullable

    versions = api.get(f"/dataset-tables/{table}/schema/versions").json()["versions"]
    assert [version["versionNumber"] for version in versions] == [2, 1]
    first = api.get(f"/dataset-tables/{table}/schema/versions/1")
    assert [field["name"] for field in first.json()["fields"]] == ["id", "name", "age"]
    assert "immutable" in first.headers["cache-control"]
    assert api.get(f"/dataset-tables/{table}/schema", version=1).json() == first.json()


def test_a_schema_that_has_not_changed_is_answered_without_a_body(api: Api) -> None:
    table = api.new_table()
    path = f"/dataset-tables/{table}/schema"
    unchanged = api.client.get(path, headers={**api.headers, "If-None-Match": '"v1"'})
    assert (unchanged.status_code, unchanged.content) == (304, b"")


def test_a_migration_reads_back_exactly_as_it_was_sent(api: Api) -> None:
    table = api.new_table()
    body = '{"operations": [ {"type":"add_column","params":{"nullable":true,"name":"x","dataType":"DOUBLE","defaultValue":1.0}} ],"description":"why"}'
    path = f"/dataset-tables/{table}/migrations"
    answer = api.client.post(path, content=body, headers={**api.headers, "Content-Type": "application/json"})
    operation = api.finished(answer.json()["operationId"])
    (migration,) = api.get(path).json()["migrations"]
    assert migration["operations"] == json.loads(body)["operations"]
    assert migration["status"] == "succeeded"
    assert (migration["fromSchemaId"], migration["toSchemaId"]) == (f"{table}-v1", f"{table}-v2")
    assert migration["createdBy"] == "admin"
    assert operation["description"] == "why"
    assert api.get(f"{path}/{migration['migrationId']}").json() == migration


def test_a_plan_says_what_would_happen_and_writes_nothing(api: Api) -> None:
    table = api.new_table()
    before = api.events()
    plan = api.post(
        f"/dataset-tables/{table}/migrations/plan", {"operations": [drop("age"), retype("name", "utf8", "large_utf8")]}
    )
    assert plan.status_code == 200
    found = plan.json()
    assert (found["isValid"], found["validationErrors"], found["requiresRewrite"]) == (True, [], True)
    assert [step["type"] for step in found["steps"]] == ["drop_field", "cast_field"]
    assert [field["name"] for field in found["targetSchema"]["fields"]] == ["id", "name"]
    assert {hazard["kind"] for hazard in found["hazards"]} == {"data_loss", "rewrite"}
    bad = api.post(f"/dataset-tables/{table}/migrations/plan", {"operations": [drop("nobody")]}).json()
    assert (bad["isValid"], bad["validationErrors"]) == (False, ["There is no column 'nobody'."])
    assert api.events() == before


def test_the_data_may_still_forbid_what_made_sense(api: Api) -> None:
    table = api.new_table()
    location = api.get(f"/dataset-tables/{table}").json()["location"]
    schema = lance.dataset(location).schema
    rows = [{"id": 1, "name": None, "age": 300}, {"id": 2, "name": "b", "age": 7}]
    lance.write_dataset(pa.Table.from_pylist(rows, schema=schema), location, mode="append")
    cast = api.finished(api.migrate(table, retype("age", "int32", "int8")).json()["operationId"])
    assert (cast["status"], cast["error"]["code"]) == ("failed", "cast_failed")
    assert "1 of 2 values of column 'age'" in cast["error"]["message"]
    assert "row 0 holds 300" in cast["error"]["message"]
    nulls = api.finished(api.migrate(table, nullability("name", False)).json()["operationId"])
    assert (nulls["status"], nulls["error"]["code"]) == ("failed", "nulls_present")
    assert api.get(f"/dataset-tables/{table}/schema").headers["etag"] == '"v1"'
    statuses = [m["status"] for m in api.get(f"/dataset-tables/{table}/migrations").json()["migrations"]]
    assert statuses == ["failed", "failed"]


def test_two_migrations_at_once_run_one_after_the_other(idle_api: Api, worker: Callable[[], None]) -> None:
    table = idle_api.new_table()
    first = idle_api.migrate(table, add("a")).json()["operationId"]
    second = idle_api.migrate(table, rename("a", "b")).json()["operationId"]
    third = idle_api.migrate(table, drop("b")).json()["operationId"]
    worker()
    done = [idle_api.finished(operation) for operation in (first, second, third)]
    assert [operation["status"] for operation in done] == ["completed"] * 3
    assert done[0]["completedAt"] <= done[1]["startedAt"]
    assert done[1]["completedAt"] <= done[2]["startedAt"]
    assert idle_api.get(f"/dataset-tables/{table}/schema").headers["etag"] == '"v4"'


def test_a_migration_behind_one_that_failed_is_not_done_on_another_schema(
    idle_api: Api, worker: Callable[[], None]
) -> None:
    table = idle_api.new_table()
    location = idle_api.get(f"/dataset-tables/{table}").json()["location"]
    schema = lance.dataset(location).schema
    lance.write_dataset(pa.Table.from_pylist([{"id": 1, "name": None}], schema=schema), location, mode="append")
    fails = idle_api.migrate(table, nullability("name", False)).json()["operationId"]
    behind = idle_api.migrate(table, add("x")).json()["operationId"]
    worker()
    assert idle_api.finished(fails)["error"]["code"] == "nulls_present"
    assert idle_api.finished(behind)["error"]["code"] == "schema_changed"
    again = idle_api.migrate(table, add("x")).json()["operationId"]
    assert idle_api.finished(again)["status"] == "completed"


def test_a_table_changed_behind_our_back_is_not_migrated(api: Api) -> None:
    table = api.new_table()
    location = api.get(f"/dataset-tables/{table}").json()["location"]
    lance.dataset(location).drop_columns(["age"])
    refused = api.migrate(table, add("x"))
    assert (refused.status_code, refused.json()["code"]) == (409, "schema_drifted")
    assert "'age' (int32) is gone" in refused.json()["error"]
    assert lance.dataset(location).schema.names == ["id", "name"]


def test_a_table_changed_between_submission_and_start_is_not_migrated(
    idle_api: Api, worker: Callable[[], None]
) -> None:
    table = idle_api.new_table()
    location = idle_api.get(f"/dataset-tables/{table}").json()["location"]
    operation = idle_api.migrate(table, add("x")).json()["operationId"]
    lance.dataset(location).drop_columns(["age"])
    worker()
    done = idle_api.finished(operation)
    assert done["error"]["code"] == "schema_drifted"
    assert "'age'" in done["error"]["message"]


def test_a_repeat_with_the_same_key_is_answered_with_the_same_operation(api: Api) -> None:
    table = api.new_table()
    first = api.migrate(table, add("x"), Idempotency_Key='"k-1"')
    again = api.migrate(table, add("x"), Idempotency_Key="k-1")
    assert first.json()["operationId"] == again.json()["operationId"]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    other = api.migrate(table, add("y"), Idempotency_Key="k-1")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    api.finished(first.json()["operationId"])


def test_a_migration_meant_for_another_version_is_refused(api: Api) -> None:
    table = api.new_table()
    stale = api.migrate(table, add("x"), If_Match='"v9"')
    assert (stale.status_code, stale.json()["code"], stale.json()["retryable"]) == (
        412,
        "schema_version_mismatch",
        False,
    )
    assert api.migrate(table, add("x"), If_Match='"v1"').status_code == 202
    assert api.migrate(table, add("y"), If_Match="what").json()["code"] == "header_invalid"


def test_a_plan_that_no_longer_holds_is_refused(api: Api) -> None:
    table = api.new_table()
    path = f"/dataset-tables/{table}/migrations"
    body: dict[str, Any] = {"operations": [add("x")]}
    planned = api.post(f"{path}/plan", body).json()["planHash"]
    api.finished(api.post(path, {"operations": [add("y")]}).json()["operationId"])
    stale = api.post(path, {**body, "planHash": planned})
    assert (stale.status_code, stale.json()["code"]) == (412, "plan_mismatch")
    fresh = api.post(f"{path}/plan", body).json()["planHash"]
    assert api.post(path, {**body, "planHash": fresh}).status_code == 202


def test_a_long_poll_returns_when_the_operation_changes(idle_api: Api, worker: Callable[[], None]) -> None:
    operation = idle_api.migrate(idle_api.new_table(), add("x")).json()
    assert idle_api.get(f"/operations/{operation['operationId']}", wait=1).json() == operation
    worker()
    assert idle_api.get(f"/operations/{operation['operationId']}", wait=30).json()["status"] != "pending"


@pytest.mark.parametrize("path", ["operations/x", "operations/00000000-0000-0000-0000-000000000000"])
def test_an_operation_nobody_asked_for_is_not_found(api: Api, path: str) -> None:
    answer = api.get(f"/{path}", wait=5)
    assert (answer.status_code, answer.json()["code"]) == (404, "operation_not_found")


def test_lists_are_paged_and_a_token_belongs_to_its_list(api: Api) -> None:
    table = api.new_table()
    ids = [api.migrate(table, add(f"c{number}")).json()["operationId"] for number in range(3)]
    first = api.get("/operations", pageSize=2).json()
    second = api.get("/operations", pageSize=2, pageToken=first["nextPageToken"]).json()
    listed = [operation["operationId"] for operation in first["operations"] + second["operations"]]
    assert listed == ids[::-1]
    assert "nextPageToken" not in second
    misused = api.get("/operations", pageSize=2, pageToken=first["nextPageToken"], status="failed")
    assert misused.json()["code"] == "page_token_invalid"
    assert api.get("/operations", pageToken="%%%").json()["code"] == "page_token_invalid"
    for operation in ids:
        api.finished(operation)
