"""Schemas as of a moment on two clocks, what became of them, and the biographies of columns."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import lance
import pytest

from tests.api.conftest import Api
from tests.domain.planning import add, change, drop, nullability, rename, retype

SECOND = timedelta(microseconds=1)


def done(api: Api, table: str, *operations: dict[str, Any], description: str | None = None) -> dict[str, Any]:
    body = {"operations": list(operations), "description": description}
    accepted = api.post(f"/dataset-tables/{table}/migrations", body)
    assert accepted.status_code == 202, accepted.text
    ended = api.finished(accepted.json()["operationId"])
    assert ended["status"] == "completed", ended
    return ended


def versions(api: Api, table: str) -> list[dict[str, Any]]:
    """Oldest first."""
    return list(reversed(api.get(f"/dataset-tables/{table}/schema/versions").json()["versions"]))


def names(api: Api, table: str, **query: Any) -> list[str]:
    answer = api.get(f"/dataset-tables/{table}/schema", **query)
    assert answer.status_code == 200, answer.text
    return [field["name"] for field in answer.json()["fields"]]


def shifted(moment: str, by: timedelta) -> str:
    return (datetime.fromisoformat(moment) + by).isoformat()


def test_the_schema_of_a_moment_and_of_a_position(api: Api) -> None:
    table = api.new_table()
    done(api, table, add("x"))
    done(api, table, rename("x", "y"))
    first, second, third = versions(api, table)
    assert names(api, table, at=first["appliedAt"]) == ["id", "name", "age"]
    assert names(api, table, at=shifted(second["appliedAt"], -SECOND)) == ["id", "name", "age"]
    assert names(api, table, at=second["appliedAt"])[-1] == "x"
    assert names(api, table, at=shifted(third["appliedAt"], timedelta(days=1)))[-1] == "y"
    assert names(api, table, position=third["position"] - 1)[-1] == "x"
    assert names(api, table, position=third["position"])[-1] == "y"
    assert names(api, table, knownAt=second["knownAt"])[-1] == "x"
    answer = api.get(f"/dataset-tables/{table}/schema", at=second["appliedAt"])
    assert (answer.headers["etag"], answer.json()["versionNumber"]) == ('"v2"', 2)


def test_an_adopted_change_was_true_before_it_was_known(api: Api) -> None:
    table = api.new_table()
    location = api.get(f"/dataset-tables/{table}").json()["location"]
    lance.dataset(location).add_columns({"extra": "id + 1"})
    assert api.post(f"/dataset-tables/{table}/adopt", {"description": "by hand"}).status_code == 201
    first, second = versions(api, table)
    assert first["appliedAt"] <= second["appliedAt"] < second["knownAt"]
    assert second["migrationId"]
    between = shifted(second["knownAt"], -SECOND)
    assert names(api, table, at=between)[-1] == "extra"
    assert "extra" not in names(api, table, at=between, knownAt=between)
    assert names(api, table, at=between, knownAt=second["knownAt"])[-1] == "extra"
    assert names(api, table, version=2)[-1] == "extra"
    current, told = api.get(f"/dataset-tables/{table}/schema").json(), second
    assert all(current[clock] == told[clock] for clock in ("appliedAt", "knownAt", "position"))
    assert api.get(f"/dataset-tables/{table}/schema", position=10**30).json() == current
    (born,) = api.get(f"/dataset-tables/{table}/columns/extra/history").json()["history"]
    assert (born["appliedAt"], born["knownAt"]) == (second["appliedAt"], second["knownAt"])
    assert (born["position"], born["createdBy"], born["adoptedBy"]) == (second["position"], "unknown", "admin")


def test_before_the_first_version_there_was_none(idle_api: Api, worker: Any) -> None:
    table = idle_api.new_table()
    worker()
    answer = idle_api.get(f"/dataset-tables/{table}/schema", at="2001-01-01T00:00:00Z")
    assert (answer.status_code, answer.json()["code"]) == (404, "schema_not_there")
    assert versions(idle_api, table)[0]["appliedAt"][:19] in answer.json()["error"]
    nobody = idle_api.get(f"/dataset-tables/{'0' * 32}/schema", position=1)
    assert (nobody.status_code, nobody.json()["code"]) == (404, "table_not_found")


def test_the_past_outlives_the_registration(api: Api) -> None:
    table = api.new_table()
    done(api, table, rename("age", "years"))
    first, second = versions(api, table)
    assert api.client.delete(f"/dataset-tables/{table}", headers=api.headers).status_code == 204
    assert api.get(f"/dataset-tables/{table}/schema").status_code == 404
    assert names(api, table, at=first["appliedAt"]) == ["id", "name", "age"]
    assert names(api, table, position=second["position"]) == ["id", "name", "years"]
    early = api.get(f"/dataset-tables/{table}/schema", knownAt="2001-01-01T00:00:00Z")
    assert (early.status_code, early.json()["code"]) == (404, "schema_not_there")
    assert len(api.get(f"/dataset-tables/{table}/columns/years/history").json()["history"]) == 2
    compared = api.get(f"/dataset-tables/{table}/schema/diff", **{"from": 1, "to": 2})
    assert [one["type"] for one in compared.json()["differences"]] == ["column_renamed"]


def test_a_column_with_an_odd_name_has_a_biography(api: Api) -> None:
    table = api.new_table()
    for odd in ("how old?", "50%", "#1", "größe"):
        done(api, table, add(odd))
        answer = api.get(f"/dataset-tables/{table}/columns/{quote(odd, safe='')}/history")
        assert (odd, answer.status_code, answer.json().get("name")) == (odd, 200, odd)


@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        ({"at": "yesterday"}, ["/at"]),
        ({"at": "2026-03-03T12:00:00"}, ["/at"]),
        ({"at": "", "knownAt": "2026-13-03T12:00:00Z"}, ["/at", "/knownAt"]),
        ({"version": 1, "at": "2026-03-03T12:00:00Z"}, ["/version"]),
        ({"position": 1, "knownAt": "2026-03-03T12:00:00Z"}, ["/position"]),
        ({"version": 1, "position": 1}, ["/version", "/position"]),
    ],
)
def test_what_is_no_moment_is_refused_at_its_place(idle_api: Api, query: dict[str, Any], pointers: list[str]) -> None:
    answer = idle_api.get(f"/dataset-tables/{idle_api.new_table()}/schema", **query)
    assert answer.status_code == 400
    assert [violation["pointer"] for violation in answer.json()["details"]["violations"]] == pointers


def test_a_plus_that_was_not_escaped_is_understood(api: Api) -> None:
    table = api.new_table()
    moment = (datetime.fromisoformat(versions(api, table)[0]["appliedAt"]) + timedelta(days=1)).isoformat()
    answer = api.client.get(f"/dataset-tables/{table}/schema?at={moment}", headers=api.headers)
    assert ("+" in moment, answer.status_code) == (True, 200)


def test_a_diff_tells_renames_as_renames(api: Api) -> None:
    table = api.new_table()
    done(api, table, add("x", defaultValue="?"), drop("age"), rename("name", "label"))
    found = api.get(f"/dataset-tables/{table}/schema/diff").json()
    assert (found["fromVersion"], found["toVersion"]) == (1, 2)
    told = {one["type"]: one for one in found["differences"]}
    renamed = told["column_renamed"]
    assert (renamed["before"], renamed["after"], renamed["fieldId"]) == ("name", "label", 2)
    assert told["column_dropped"]["before"]["dataType"] == "int32"
    assert told["column_added"]["after"]["writeDefault"] == "?"
    back = api.get(f"/dataset-tables/{table}/schema/diff", **{"from": 2, "to": 1}).json()["differences"]
    assert {one["type"] for one in back} == set(told)
    assert api.get(f"/dataset-tables/{table}/schema/diff", **{"from": 2, "to": 2}).json()["differences"] == []
    missing = api.get(f"/dataset-tables/{table}/schema/diff", **{"from": 1, "to": 9})
    assert (missing.status_code, missing.json()["code"]) == (404, "schema_version_not_found")


def test_a_column_tells_its_life_under_all_its_names(api: Api) -> None:
    table = api.new_table()
    done(api, table, rename("age", "years"), description="clearer")
    done(api, table, retype("years", "int32", "int64"), nullability("years", False))
    done(api, table, change("set_primary_key", columns=["years"]))
    done(api, table, change("drop_primary_key"), drop("years"))
    done(api, table, change("restore_column", name="age", version=1))
    story = api.get(f"/dataset-tables/{table}/columns/years/history").json()
    assert (story["fieldId"], story["name"], story["alive"]) == (3, "years", True)
    chapters = story["history"]
    assert [(told["versionNumber"], told["event"]) for told in chapters] == [
        (1, "born"),
        (2, "changed"),
        (3, "changed"),
        (4, "changed"),
        (5, "dropped"),
        (6, "restored"),
    ]
    assert (chapters[1]["createdBy"], chapters[1]["description"]) == ("admin", "clearer")
    assert [one["type"] for one in chapters[2]["changes"]] == ["column_retyped", "nullability_changed"]
    assert chapters[3]["changes"][0]["after"] == ["years"]
    assert "migrationId" not in chapters[0]
    assert api.get(f"/dataset-tables/{table}/columns/age/history").json()["fieldId"] == 3


def test_a_name_is_that_of_the_column_that_has_it_now_or_had_it_last(api: Api) -> None:
    table = api.new_table()
    done(api, table, drop("age"))
    assert api.get(f"/dataset-tables/{table}/columns/age/history").json()["fieldId"] == 3
    done(api, table, add("age"))
    again = api.get(f"/dataset-tables/{table}/columns/age/history").json()
    assert (again["fieldId"], len(again["history"])) == (4, 1)
    done(api, table, drop("age"), rename("name", "age"))
    assert api.get(f"/dataset-tables/{table}/columns/age/history").json()["fieldId"] == 2
    nobody = api.get(f"/dataset-tables/{table}/columns/nobody/history")
    assert (nobody.status_code, nobody.json()["code"]) == (404, "column_not_known")
