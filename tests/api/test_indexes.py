"""Indexes and compaction as operations of their own."""

from typing import Any

import lance
import pyarrow as pa

from tests.api.conftest import Api
from tests.domain.planning import add, index, retype


def table_with_rows(api: Api) -> tuple[str, str]:
    """300 rows in three fragments."""
    table = api.new_table()
    location = str(api.get(f"/dataset-tables/{table}").json()["location"])
    for start in (0, 100, 200):
        numbers = list(range(start, start + 100))
        rows = pa.table({"id": numbers, "name": [f"n{n}" for n in numbers], "age": pa.array(numbers, pa.int32())})
        lance.write_dataset(rows.cast(lance.dataset(location).schema), location, mode="append")
    return table, location


def finished(api: Api, answer: Any) -> dict[str, Any]:
    assert answer.status_code == 202, answer.text
    assert answer.headers["Location"] == f"/operations/{answer.json()['operationId']}"
    return api.finished(answer.json()["operationId"])


def test_an_index_is_built_listed_used_and_dropped(api: Api) -> None:
    table, location = table_with_rows(api)
    built = finished(api, api.post(f"/dataset-tables/{table}/indexes", {"column": "age", "indexType": "btree"}))
    assert (built["operationType"], built["targetType"], built["targetId"]) == ("build_index", "index", "age_idx")
    assert built["status"] == "completed"
    wanted = {"name": "age_idx", "columns": ["age"], "indexType": "btree"}
    assert api.get(f"/dataset-tables/{table}/indexes").json() == {"indexes": [wanted]}
    assert api.get(f"/dataset-tables/{table}/indexes/age_idx").json() == wanted
    assert "ScalarIndexQuery" in lance.dataset(location).scanner(filter="age = 7").explain_plan()
    assert api.get("/operations", targetId="age_idx").json()["operations"][0]["operationId"] == built["operationId"]
    dropped = finished(api, api.client.delete(f"/dataset-tables/{table}/indexes/age_idx", headers=api.headers))
    assert (dropped["operationType"], dropped["status"]) == ("drop_index", "completed")
    assert api.get(f"/dataset-tables/{table}/indexes").json() == {"indexes": []}
    assert lance.dataset(location).describe_indices() == []


def test_an_index_is_built_with_the_settings_asked_for(api: Api) -> None:
    table, location = table_with_rows(api)
    body = {"column": "name", "indexType": "inverted", "settings": {"with_position": True}}
    assert finished(api, api.post(f"/dataset-tables/{table}/indexes", body))["status"] == "completed"
    shown = api.get(f"/dataset-tables/{table}/indexes/name_idx").json()
    assert shown["settings"] == {"stem": False, "with_position": True}
    (found,) = lance.dataset(location).describe_indices()
    assert (found.details["stem"], found.details["with_position"]) == (False, True)
    for settings in ({"colour": 1}, {"with_position": 1}, {"min_ngram_length": True}):
        answer = api.post(f"/dataset-tables/{table}/indexes", {**body, "name": "x", "settings": settings})
        (violation,) = answer.json()["details"]["violations"]
        assert (violation["pointer"], violation["code"]) == (
            f"/operations/0/params/settings/{next(iter(settings))}",
            "index_setting_invalid",
        )


def test_a_setting_that_the_engine_does_not_accept_fails_at_once_and_touches_nothing(api: Api) -> None:
    table, location = table_with_rows(api)
    before = lance.dataset(location).version
    body = {"column": "name", "indexType": "inverted", "settings": {"language": "Klingon"}}
    failed = finished(api, api.post(f"/dataset-tables/{table}/indexes", body))
    assert (failed["status"], failed["error"]["code"], failed["attempt"]) == ("failed", "index_not_built", 1)
    assert "Klingon" in failed["error"]["message"]
    assert lance.dataset(location).version == before


def test_what_makes_no_sense_as_an_index_is_said_with_its_place(api: Api) -> None:
    table, _ = table_with_rows(api)
    answer = api.post(f"/dataset-tables/{table}/indexes", {"column": "age", "indexType": "ngram"})
    assert answer.json()["details"]["violations"][0]["code"] == "index_type_refused"
    answer = api.post(f"/dataset-tables/{table}/indexes", {"column": "age", "indexType": "hash"})
    assert "btree" in answer.json()["error"]
    answer = api.post(f"/dataset-tables/{table}/indexes", {"column": "age", "indexType": "ivf_flat", "metric": "l2"})
    assert answer.json()["details"]["violations"][0]["code"] == "index_type_refused"
    assert api.get(f"/dataset-tables/{table}/indexes/nothing").status_code == 404
    assert api.client.delete(f"/dataset-tables/{table}/indexes/nothing", headers=api.headers).status_code == 404


def test_a_plan_says_what_becomes_of_an_index(api: Api) -> None:
    table, _ = table_with_rows(api)
    finished(api, api.migrate(table, index("age")))
    body = {"operations": [retype("age", "int32", "int64")]}
    plan = api.post(f"/dataset-tables/{table}/migrations/plan", body).json()
    assert plan["indexImpacts"] == [
        {"indexName": "age_idx", "impact": "rebuild", "reason": "The values of age are written anew."}
    ]
    assert plan["steps"][-1]["cost"] == "index"


def test_a_compaction_leaves_one_file_and_every_value(api: Api) -> None:
    table, location = table_with_rows(api)
    before = lance.dataset(location).to_table()
    first = api.post(f"/dataset-tables/{table}/compact", Idempotency_Key="c")
    done = finished(api, first)
    assert (done["operationType"], done["status"]) == ("compact", "completed")
    assert "migrationId" not in done
    assert len(lance.dataset(location).get_fragments()) == 1
    assert lance.dataset(location).to_table() == before
    assert api.get(f"/dataset-tables/{table}").json()["versionNumber"] == 1
    again = api.post(f"/dataset-tables/{table}/compact", Idempotency_Key="c")
    assert again.json()["operationId"] == done["operationId"]
    assert finished(api, api.post(f"/dataset-tables/{table}/compact"))["status"] == "completed"


def test_an_estimate_is_checked_against_what_happened(api: Api) -> None:
    table, _ = table_with_rows(api)
    change = retype("age", "int32", "utf8")
    plan = api.post(f"/dataset-tables/{table}/migrations/plan", {"operations": [change]}).json()
    assert plan["estimatedDurationMs"] >= 1
    done = finished(api, api.migrate(table, change))
    expected, measured = done["estimatedDurationMs"], done["measuredDurationMs"]
    assert measured >= 1
    assert done["estimateErrorPercent"] == round(100 * (measured - expected) / expected, 1)
    assert f"{expected:,} ms were expected" in done["progressMessage"]


def test_the_plan_shows_the_schema_it_leads_to_and_what_differs(idle_api: Api) -> None:
    table = idle_api.new_table()
    body = {"operations": [add("city", position=0), index("city")]}
    plan = idle_api.post(f"/dataset-tables/{table}/migrations/plan", body).json()
    assert [field["name"] for field in plan["targetSchema"]["fields"]] == ["city", "id", "name", "age"]
    assert plan["targetSchema"]["indexes"][0]["name"] == "city_idx"
    assert [one["type"] for one in plan["diff"]] == ["column_added", "index_added"]
    assert plan["diff"][0]["description"] == "column 'city' (utf8) is new"
