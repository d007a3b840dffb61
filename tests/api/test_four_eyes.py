"""Two subjects are not two people when one of them gave the other its access."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from api.oidc_settings import OidcSettings
from tests.api.conftest import Api, serving
from tests.api.issuer import AUDIENCE, Issuer
from tests.api.test_access import caller, token
from tests.domain.planning import drop

MANAGER = {
    "scopes": ["tokens:manage", "tables:read", "migrations:read", "migrations:plan", "migrations:write",
               "migrations:destructive", "migrations:approve"],
    "datasets": ["d"],
}  # fmt: skip
APPROVER = {"roles": ["approver"], "datasets": ["d"]}
APPROVE = {"scopes": ["migrations:approve"], "datasets": ["d"]}


@pytest.fixture
def manager(idle_api: Api) -> Api:
    """Makes tokens in dataset ``d``, where losing data needs approval, and migrates there."""
    policy = idle_api.client.put("/datasets/d/approval-policy", headers=idle_api.headers, json={})
    assert policy.status_code == 200
    return caller(idle_api, MANAGER, subject="manager")


def asked(author: Api, table: str) -> str:
    answer = author.migrate(table, drop("age"))
    assert answer.status_code == 202, answer.text
    return f"/dataset-tables/{table}/migrations/{answer.json()['migrationId']}"


def refusal(approver: Api, path: str) -> str:
    answer = approver.post(f"{path}/approve")
    assert (answer.status_code, answer.json()["code"]) == (403, "approver_not_allowed"), answer.text
    return str(answer.json()["error"])


def test_access_that_the_author_gave_does_not_approve_however_long_ago(idle_api: Api, manager: Api) -> None:
    carol = caller(manager, APPROVE, subject="carol")
    # By way of another token, with a subject of its own.
    helper = caller(manager, MANAGER, subject="helper")
    dora = caller(helper, APPROVE, subject="dora")
    bea = caller(idle_api, APPROVER, subject="bea")
    path = asked(manager, idle_api.new_table())
    for approver in (carol, helper, dora):
        assert "comes from the one who asked" in refusal(approver, path)
    assert bea.post(f"{path}/approve").status_code == 200


def test_access_that_was_given_or_renewed_while_it_waits_does_not_approve(idle_api: Api, manager: Api) -> None:
    before = token(idle_api, APPROVER, subject="bea").json()
    path = asked(manager, idle_api.new_table())
    young = caller(idle_api, APPROVER, subject="cleo")
    assert "after the question was asked" in refusal(young, path)
    rotated = idle_api.post(f"/tokens/{before['tokenId']}/rotate").json()
    bea = Api(idle_api.client, rotated["secret"], idle_api.settings)
    assert "after the question was asked" in refusal(bea, path)
    # That nothing happens may be anybody's word.
    assert young.post(f"{path}/reject", {"reason": "no"}).status_code == 200


def test_an_emergency_is_not_reviewed_with_access_that_its_author_gave_or_that_is_younger(
    idle_api: Api, manager: Api
) -> None:
    declarer = caller(idle_api, {"roles": ["admin"]}, subject="declarer")
    carol = caller(declarer, APPROVE, subject="carol")
    bea = caller(idle_api, APPROVER, subject="bea")
    table = idle_api.new_table()
    body = {"operations": [drop("age")], "emergency": True, "emergencyReason": "it burns"}
    answer = declarer.post(f"/dataset-tables/{table}/migrations", body)
    assert answer.status_code == 202, answer.text
    path = f"/dataset-tables/{table}/migrations/{answer.json()['migrationId']}"
    young = caller(idle_api, APPROVER, subject="cleo")
    for who in (carol, young):
        for how in ("approve", "reject"):
            assert who.post(f"{path}/{how}", {"reason": "x"}).json()["code"] == "approver_not_allowed"
    assert bea.post(f"{path}/reject", {"reason": "x"}).status_code == 200


def test_the_report_says_who_gave_the_access_that_approved(
    idle_api: Api, manager: Api, worker: Callable[[], None]
) -> None:
    bea = caller(idle_api, APPROVER, subject="bea")
    table = idle_api.new_table()
    path = asked(manager, table)
    worker()
    assert idle_api.finished(bea.post(f"{path}/approve").json()["operationId"])["status"] == "completed"
    report = idle_api.get("/audit/report", tableId=table, format="markdown").text
    assert "Given by bea, with access given by admin," in report
    approved: dict[str, Any] = idle_api.get("/audit/events", type="migration.approved").json()["events"][0]
    assert approved["details"]["accessBy"] == "admin"


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    made = Issuer()
    made.add("ES256")
    with made.serving():
        yield made


def test_a_person_approves_with_what_somebody_else_bound_before(
    database_url: str, tmp_path: Path, issuer: Issuer
) -> None:
    with serving(database_url, tmp_path, oidc=OidcSettings(issuer.url, AUDIENCE)) as api:
        api.client.put("/datasets/d/approval-policy", headers=api.headers, json={})
        manager = caller(api, MANAGER, subject="manager")
        bea = Api(api.client, issuer.token("ES256", sub="bea", groups=["team"]), api.settings)
        bound = {"roles": [], "scopes": ["migrations:approve"], "datasets": ["d"]}
        assert manager.post("/role-bindings", {"subject": "oidc:bea", **bound}).status_code == 201
        first, second = asked(manager, api.new_table()), asked(manager, api.new_table("others"))
        assert "comes from the one who asked" in refusal(bea, first)
        assert api.post("/role-bindings", {"group": "team", **bound}).status_code == 201
        assert "after the question was asked" in refusal(bea, second)
        third = asked(manager, api.new_table("third"))
        assert bea.post(f"{third}/approve").status_code == 200
