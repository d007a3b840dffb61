"""Tables over HTTP: made, registered, listed, let go."""

from pathlib import Path
from typing import Any

import lance
import pyarrow as pa
import pytest

from tests.api.conftest import Api
from tests.api.test_access import caller
from tests.domain.planning import add


def registration(location: Path | str, name: str = "there") -> dict[str, Any]:
    return {"datasetId": "d", "tableName": name, "location": str(location)}


def existing(api: Api, name: str = "there.lance") -> Path:
    place = api.settings.table_roots[0] / name
    lance.write_dataset(pa.table({"id": [1, 2], "tags": [["a"], []]}), place)
    return place


def test_a_table_that_exists_is_registered_as_it_is(idle_api: Api) -> None:
    place = existing(idle_api)
    answer = idle_api.post("/dataset-tables", registration(place))
    assert answer.status_code == 201
    table = answer.json()
    assert (table["location"], table["versionNumber"], table["engine"]) == (str(place), 1, "lance")
    fields = idle_api.get(f"/dataset-tables/{table['tableId']}/schema").json()["fields"]
    assert [(field["name"], field["dataType"]) for field in fields] == [("id", "int64"), ("tags", "list<utf8>")]
    assert lance.dataset(place).count_rows() == 2


def test_a_name_is_one_tables_in_its_dataset(idle_api: Api) -> None:
    idle_api.new_table()
    tables = idle_api.settings.table_roots[0]
    before = set(tables.iterdir())
    body = {"datasetId": "d", "tableName": "people", "fields": [{"name": "id", "arrowType": "int64"}]}
    answer = idle_api.post("/dataset-tables", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "table_name_taken")
    assert set(tables.iterdir()) == before
    assert idle_api.post("/dataset-tables", {**body, "datasetId": "other"}).status_code == 201


def test_a_location_is_one_tables(idle_api: Api) -> None:
    place = existing(idle_api)
    assert idle_api.post("/dataset-tables", registration(place)).status_code == 201
    again = idle_api.post("/dataset-tables", registration(place, "again"))
    assert (again.status_code, again.json()["code"]) == (409, "location_taken")


def test_a_table_of_another_dataset_is_nothing_to_register_and_tells_nothing(idle_api: Api) -> None:
    place = str(existing(idle_api))
    assert idle_api.post("/dataset-tables", registration(place)).status_code == 201
    stranger = caller(idle_api, {"roles": ["owner"], "datasets": ["mine"]})
    nothing = str(Path(place).with_name("nothing.lance"))
    for more in ({}, {"primaryKeyColumns": ["id"]}, {"primaryKeyColumns": ["not_there"]}):
        asked = [
            stranger.post("/dataset-tables", {**registration(each), "datasetId": "mine", **more})
            for each in (place, nothing)
        ]
        assert [(each.status_code, each.json()["code"]) for each in asked] == [(400, "table_not_found_at_location")] * 2
        there, not_there = (each.json()["error"] for each in asked)
        assert there.replace(place, "") == not_there.replace(nothing, "")
    fields = [{"name": "id", "arrowType": "int64"}]
    made = stranger.post(
        "/dataset-tables", {"datasetId": "mine", "tableName": "t", "location": place, "fields": fields}
    )
    assert made.json()["code"] == "location_occupied"


@pytest.mark.parametrize("location", ["/etc", "../outside", "s3://bucket/t", "/", "a/../../../etc"])
def test_locations_outside_the_roots_are_refused(idle_api: Api, location: str) -> None:
    answer = idle_api.post("/dataset-tables", registration(location))
    assert (answer.status_code, answer.json()["code"]) == (400, "location_not_allowed")


def test_a_loop_of_links_is_no_place(idle_api: Api) -> None:
    root = idle_api.settings.table_roots[0]
    (root / "loop.lance").symlink_to(root / "loop.lance")
    for location in ("loop.lance", "loop.lance/inside"):
        answer = idle_api.post("/dataset-tables", registration(str(root / location)))
        assert (answer.status_code, answer.json()["code"]) == (400, "location_not_allowed")


def test_the_columns_of_a_new_table_are_limited_together(idle_api: Api) -> None:
    fields = [{"name": f"v{number}", "arrowType": "fixed_size_list<float32>[4000000]"} for number in range(5)]
    answer = idle_api.post("/dataset-tables", {"datasetId": "d", "tableName": "wide", "fields": fields})
    assert answer.status_code == 400
    (violation,) = answer.json()["details"]["violations"]
    assert (violation["pointer"], violation["code"]) == ("/fields", "row_too_wide")


def test_a_table_whose_folder_becomes_a_link_that_leads_out_is_left_alone(idle_api: Api, tmp_path: Path) -> None:
    table = idle_api.new_table()
    place, outside = Path(idle_api.get(f"/dataset-tables/{table}").json()["location"]), tmp_path / "outside"
    place.rename(outside)
    place.symlink_to(outside)
    asked = [
        idle_api.get(f"/dataset-tables/{table}/drift"),
        idle_api.migrate(table, {"type": "drop_column", "params": {"name": "age"}}),
        idle_api.post(f"/dataset-tables/{table}/compact"),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in asked] == [(400, "location_not_allowed")] * 3


def test_a_link_that_leads_out_is_refused(idle_api: Api, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (idle_api.settings.table_roots[0] / "link").symlink_to(outside)
    answer = idle_api.post("/dataset-tables", registration("link"))
    assert answer.json()["code"] == "location_not_allowed"


def test_where_no_table_is_none_is_registered(idle_api: Api) -> None:
    answer = idle_api.post("/dataset-tables", registration("nothing.lance"))
    assert (answer.status_code, answer.json()["code"]) == (400, "table_not_found_at_location")


def test_a_bad_definition_is_refused_at_every_place(idle_api: Api) -> None:
    fields = [
        {"name": "id", "arrowType": "int65"},
        {"name": "a", "arrowType": "utf8"},
        {"name": "a", "arrowType": "utf8"},
    ]
    body = {"datasetId": "d", "tableName": "t", "fields": fields, "primaryKeyColumns": ["b"]}
    violations = idle_api.post("/dataset-tables", body).json()["details"]["violations"]
    assert [(violation["pointer"], violation["code"]) for violation in violations] == [
        ("/fields/0/arrowType", "type_invalid"),
        ("/fields/2/name", "column_already_exists"),
        ("/primaryKeyColumns/0", "column_not_found"),
    ]
    unknown = idle_api.post("/dataset-tables", {**body, "engine": "paper"})
    assert unknown.json()["code"] == "engine_unknown"


def test_tables_are_listed_and_filtered(idle_api: Api) -> None:
    first, second = idle_api.new_table("a"), idle_api.new_table("b")
    listed = idle_api.get("/dataset-tables").json()["tables"]
    assert [table["tableId"] for table in listed] == [second, first]
    assert [table["tableId"] for table in idle_api.get("/dataset-tables", name="a").json()["tables"]] == [first]
    assert idle_api.get("/dataset-tables", datasetId="nobody").json() == {"tables": []}


def test_an_unregistered_table_keeps_its_data_and_history(api: Api) -> None:
    table = api.new_table()
    location = api.get(f"/dataset-tables/{table}").json()["location"]
    api.finished(api.migrate(table, add("x")).json()["operationId"])
    assert api.client.delete(f"/dataset-tables/{table}", headers=api.headers).status_code == 204
    assert api.get(f"/dataset-tables/{table}").status_code == 404
    assert api.migrate(table, add("y")).status_code == 404
    assert lance.dataset(location).schema.names[-1] == "x"
    assert len(api.get(f"/dataset-tables/{table}/schema/versions").json()["versions"]) == 2


def test_a_table_with_work_to_do_is_not_let_go(idle_api: Api) -> None:
    table = idle_api.new_table()
    idle_api.migrate(table, add("x"))
    busy = idle_api.client.delete(f"/dataset-tables/{table}", headers=idle_api.headers)
    assert (busy.status_code, busy.json()["code"], busy.json()["retryable"]) == (409, "table_busy", True)
