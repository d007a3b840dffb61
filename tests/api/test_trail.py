"""The audit trail: an entry for every event, read in pages or all at once, and every read in it as well."""

import csv
import io
import json
from datetime import datetime
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest

from api.http.trail_formats import COLUMNS
from domain.handlers import trails
from tests.api.conftest import Api

ADD = {"type": "add_column", "params": {"name": "city", "dataType": "utf8", "nullable": True}}
NDJSON, CSV, PARQUET = "application/x-ndjson", "text/csv", "application/vnd.apache.parquet"


def events(api: Api, **query: Any) -> list[dict[str, Any]]:
    answer = api.get("/audit/events", **query)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["events"])


def exported(api: Api, media_type: str, **query: Any) -> httpx.Response:
    answer = api.client.get("/audit/events", headers={**api.headers, "Accept": media_type}, params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith(media_type)
    return answer


@pytest.fixture
def migrated(api: Api) -> str:
    """A table with a migration that succeeded, of which the reason is known."""
    table = api.new_table()
    body = {"operations": [ADD], "description": "ticket 4711"}
    answer = api.post(f"/dataset-tables/{table}/migrations", body, X_Request_Id="r-1")
    assert api.finished(answer.json()["operationId"])["status"] == "completed"
    return table


def test_an_entry_says_who_what_when_from_where_why_for_whom_and_what_came_of_it(api: Api, migrated: str) -> None:
    found = {event["type"]: event for event in events(api, tableId=migrated)}
    asked, done = found["migration.requested"], found["migration.succeeded"]
    assert asked["actor"] == "admin"
    assert asked["authentication"] == "token"
    assert asked["sourceAddress"]
    assert asked["requestId"] == "r-1"
    assert asked["reason"] == "ticket 4711"
    assert asked["details"]["operations"] == [ADD]
    assert asked["recordedAt"].endswith("Z")
    assert done["actor"].startswith("worker:")
    assert done["onBehalfOf"] == "admin"
    assert done["requestId"] == "r-1"
    assert done["result"] == "succeeded"
    # Why, before and after are with whatever led to it or came of it.
    assert done["reason"] == found["table.schema_changed"]["reason"] == "ticket 4711"
    assert [field["name"] for field in done["before"]["fields"]] == ["id", "name", "age"]
    assert [field["name"] for field in done["after"]["fields"]] == ["id", "name", "age", "city"]
    assert found["table.schema_changed"]["after"] == done["after"]
    assert all(event["tableId"] == migrated for event in found.values())
    assert {"operation.started", "operation.completed", "table.registered"} <= set(found)


def test_every_event_of_the_log_has_its_entry(api: Api, migrated: str) -> None:
    api.migrate(migrated, {"type": "drop_column", "params": {"name": "nobody"}})
    found = events(api, pageSize=200)
    assert [event["position"] for event in found] == list(range(1, len(found) + 1))
    (denied,) = (event for event in found if event["result"] == "denied")
    assert (denied["tableId"], denied["code"], denied["type"]) == (
        migrated,
        "validation_failed",
        "trail.command_denied",
    )
    assert found[-1]["type"] == "trail.read"


def test_entries_are_found_by_table_actor_type_moment_and_position(api: Api, migrated: str) -> None:
    other = api.new_table("other")
    everything = events(api, pageSize=200)
    middle = everything[len(everything) // 2]
    wanted = {
        "tableId": (other, lambda event: event.get("tableId") == other),
        "actor": ("admin", lambda event: event["actor"] == "admin"),
        "type": ("migration.requested", lambda event: event["type"] == "migration.requested"),
        "afterPosition": (middle["position"], lambda event: event["position"] > middle["position"]),
        "from": (middle["recordedAt"], lambda event: event["recordedAt"] >= middle["recordedAt"]),
        "to": (middle["recordedAt"], lambda event: event["recordedAt"] < middle["recordedAt"]),
    }
    for name, (value, holds) in wanted.items():
        found = [one for one in events(api, pageSize=200, **{name: value}) if one["position"] <= len(everything)]
        assert found == [event for event in everything if holds(event)], name
        assert found
    assert events(api, **{"from": "2999-01-01T00:00:00Z"}) == []
    assert events(api, type="no.such") == []


@pytest.mark.parametrize("order", ["oldest", "newest"])
def test_pages_follow_each_other_and_are_one_read(api: Api, migrated: str, order: str) -> None:
    before = len(events(api, type="trail.read"))
    whole = [event["position"] for event in events(api, tableId=migrated, pageSize=200, order=order)]
    pages, token = list[int](), None
    while True:
        given = {} if token is None else {"pageToken": token}
        answer = api.get("/audit/events", tableId=migrated, pageSize=3, order=order, **given).json()
        pages += [event["position"] for event in answer["events"]]
        token = answer.get("nextPageToken")
        if token is None:
            break
    assert pages == whole == sorted(whole, reverse=order == "newest")
    assert len(events(api, type="trail.read")) == before + 3


def test_what_was_read_by_whom_and_how_is_in_the_trail(api: Api, migrated: str) -> None:
    exported(api, CSV, tableId=migrated)
    read = events(api, type="trail.read", order="newest")[1]
    assert read["actor"] == "admin"
    assert read["details"] == {"what": "events", "format": "csv", "filters": {"tableId": migrated}}


def test_exports_hold_everything_whatever_the_batches(api: Api, migrated: str, monkeypatch: pytest.MonkeyPatch) -> None:
    paged = events(api, tableId=migrated, pageSize=200)
    for batch in (1, 7, 1_000):
        monkeypatch.setattr(trails, "BATCH", batch)
        answer = exported(api, NDJSON, tableId=migrated)
        assert [json.loads(line) for line in answer.text.splitlines()] == paged
        assert int(answer.headers["last-position"]) >= paged[-1]["position"]
        rows = list(csv.DictReader(io.StringIO(exported(api, CSV, tableId=migrated).content.decode(), newline="")))
        assert list(rows[0]) == list(COLUMNS)
        assert [int(row["position"]) for row in rows] == [event["position"] for event in paged]
        assert [json.loads(row["details"]) for row in rows] == [event["details"] for event in paged]
        table = pq.read_table(io.BytesIO(exported(api, PARQUET, tableId=migrated).content))
        assert table.column_names == list(COLUMNS)
        for row, event in zip(table.to_pylist(), paged, strict=True):
            assert row["recordedAt"] == datetime.fromisoformat(event["recordedAt"])
            assert row["reason"] == event.get("reason")
            assert (json.loads(row["after"]) if row["after"] else None) == event.get("after")


def test_a_name_in_the_query_goes_before_the_header(api: Api, migrated: str) -> None:
    assert exported(api, NDJSON).text.count("\n") > 5
    headers = {**api.headers, "Accept": CSV}
    answer = api.client.get("/audit/events", headers=headers, params={"format": "ndjson"})
    assert answer.headers["content-type"].startswith(NDJSON)
    liked = {**api.headers, "Accept": f"{CSV};q=0.2, text/html, {NDJSON};q=0.9"}
    assert api.client.get("/audit/events", headers=liked).headers["content-type"].startswith(NDJSON)
    refused = api.get("/audit/events", format="xml")
    assert refused.status_code == 400
    assert refused.json()["details"]["violations"][0]["pointer"] == "/format"


def test_what_a_spreadsheet_would_carry_out_is_made_a_text(api: Api) -> None:
    table = api.new_table()
    evil = '=HYPERLINK("http://evil")'
    answer = api.post(f"/dataset-tables/{table}/migrations", {"operations": [ADD], "description": evil})
    assert answer.status_code == 202
    rows = csv.DictReader(io.StringIO(exported(api, CSV).content.decode(), newline=""))
    assert evil not in {row["reason"] for row in rows}
    rows = csv.DictReader(io.StringIO(exported(api, CSV).content.decode(), newline=""))
    assert f"'{evil}" in {row["reason"] for row in rows}


@pytest.mark.parametrize("name", ["from", "to"])
def test_a_moment_that_is_none_is_refused_by_name(idle_api: Api, name: str) -> None:
    refused = idle_api.get("/audit/events", **{name: "yesterday"})
    assert refused.status_code == 400
    assert refused.json()["details"]["violations"][0]["pointer"] == f"/{name}"


def with_grant(api: Api, **grant: Any) -> Api:
    made = api.post("/tokens", {"subject": "auditor", "grants": [grant]})
    assert made.status_code == 201, made.text
    return Api(api.client, made.json()["secret"], api.settings)


def test_an_auditor_of_one_table_reads_of_that_one_only(api: Api, migrated: str) -> None:
    other = api.new_table("other")
    auditor = with_grant(api, roles=["auditor"], tables=[migrated])
    for path in ("/audit/events", "/audit/report"):
        assert auditor.get(path, tableId=migrated).status_code == 200
        assert auditor.get(path, tableId=other).json()["code"] == "table_not_found"
        assert auditor.get(path, **{"from": "2020-01-01T00:00:00Z"}).json()["code"] == "scope_missing"


def test_exporting_needs_a_scope_of_its_own_and_what_is_forbidden_is_written_down(api: Api, migrated: str) -> None:
    reader = with_grant(api, scopes=["audit:read"])
    assert reader.get("/audit/events").status_code == 200
    assert reader.get("/audit/events", format="csv").json()["code"] == "scope_missing"
    assert reader.get("/operations").json()["code"] == "scope_missing"
    found = events(api, actor="auditor", type="trail.command_denied")
    assert [(event["details"]["command"], event["code"]) for event in found] == [
        ("GET /audit/events", "scope_missing"),
        ("GET /operations", "scope_missing"),
    ]


def test_a_token_of_somebody_elses_page_is_refused(api: Api, migrated: str) -> None:
    token = api.get("/audit/events", pageSize=1).json()["nextPageToken"]
    assert with_grant(api, roles=["auditor"]).get("/audit/events", pageSize=1, pageToken=token).status_code == 400
