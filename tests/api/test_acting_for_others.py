"""Who acts for others says for whom, is trusted to say so, and gets nothing by it but a name in the log."""

import pytest

from tests.api.conftest import Api
from tests.api.test_access import caller
from tests.domain.planning import add, drop


def acting(api: Api, whom: str) -> Api:
    made = Api(api.client, api.token, api.settings)
    made.headers = {**api.headers, "On-Behalf-Of": whom}
    return made


@pytest.fixture
def portal(api: Api) -> Api:
    return caller(api, {"roles": ["owner", "approver"]}, {"scopes": ["subjects:represent"]}, subject="portal")


def test_the_trail_and_the_report_say_who_acted_and_for_whom(api: Api, portal: Api) -> None:
    table = api.new_table()
    operation = acting(portal, "u-17").migrate(table, add("x")).json()["operationId"]
    assert api.finished(operation)["status"] == "completed"
    found = {event["type"]: event for event in api.get("/audit/events", tableId=table).json()["events"]}
    asked, done = found["migration.requested"], found["migration.succeeded"]
    assert (asked["actor"], asked["onBehalfOf"]) == ("portal", "u-17")
    assert (done["actor"].partition(":")[0], done["onBehalfOf"]) == ("worker", "u-17")
    api.post("/subjects", {"subjectId": "u-17", "name": "Ann Example"})
    text = api.get("/audit/report", tableId=table, format="markdown").text
    assert "portal for Ann Example (u-17)" in text


def test_who_may_not_speak_for_others_is_refused_and_that_is_written_down(api: Api) -> None:
    table, plain = api.new_table(), caller(api, {"roles": ["owner"]}, subject="plain")
    refused = acting(plain, "u-17").migrate(table, add("x"))
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
    assert "subjects:represent" in refused.json()["error"]
    assert acting(plain, "u-17").get("/dataset-tables").status_code == 403
    (denied,) = api.get("/audit/events", type="trail.command_denied", tableId=table).json()["events"]
    assert denied["actor"] == "plain"
    assert "onBehalfOf" not in denied


@pytest.mark.parametrize("whom", ["", "two words", "x" * 201])
def test_a_name_that_cannot_be_meant_is_refused(portal: Api, whom: str) -> None:
    answer = acting(portal, whom).get("/dataset-tables")
    assert answer.status_code == 400
    assert answer.json()["details"]["violations"][0]["pointer"] == "/On-Behalf-Of"


def test_neither_of_the_two_approves_what_was_asked_for_so(api: Api, portal: Api) -> None:
    table = api.new_table()
    api.client.put("/datasets/d/approval-policy", headers=api.headers, json={})
    ann, bea = (caller(api, {"roles": ["approver"]}, subject=subject) for subject in ("ann", "bea"))
    assert acting(portal, "ann").migrate(table, drop("age")).status_code == 202
    (waiting,) = api.get("/approvals").json()["approvals"]
    path = f"/dataset-tables/{table}/migrations/{waiting['migrationId']}/approve"
    for same in (ann, portal, acting(portal, "bea"), acting(portal, "ann")):
        assert same.post(path, {"reason": "seen"}).json()["code"] == "approver_not_allowed"
    assert bea.post(path, {"reason": "seen"}).status_code == 200
