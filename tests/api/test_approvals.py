"""Who asks and who approves are two people, and nothing that waits for approval is done before."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import pytest

from adapters.chores import PostgresChores
from adapters.event_log.recorder import LOG_LOCK
from adapters.postgres.database import Database
from adapters.postgres.statements import Statement, run
from api.compose import composed
from api.housekeeper import Housekeeper
from api.http.bodies import Hazards
from domain.changes.change import HazardKind
from domain.examination import Verdict
from domain.handlers.approving import expire_approvals
from domain.handlers.housekeeping import examine
from domain.operation.events import OperationStarted
from domain.vitals import VitalSigns
from tests.api.conftest import Api, at_work
from tests.api.test_access import caller
from tests.domain.planning import add, change

DROP = change("drop_column", name="age")
NOW = timedelta(0)


def test_a_policy_is_about_losing_data_unless_it_says_otherwise(idle_api: Api) -> None:
    def hazards(body: dict[str, Any]) -> Any:
        answer = idle_api.client.put("/datasets/d/approval-policy", headers=idle_api.headers, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()["hazards"]

    assert hazards({}) == ["data_loss"]
    assert idle_api.client.put("/datasets/e/approval-policy", headers=idle_api.headers).json()["hazards"] == [
        "data_loss"
    ]
    assert hazards({"hazards": []}) == []
    assert hazards({"hazards": ["irreversible"], "approvers": ["bea"]}) == ["irreversible"]


@pytest.fixture
def ana(idle_api: Api) -> Api:
    """An owner of everything, in an installation where losing data needs approval in dataset ``d``."""
    answer = idle_api.client.put(
        "/datasets/d/approval-policy", headers=idle_api.headers, json={"hazards": ["data_loss"]}
    )
    assert (answer.status_code, answer.json()["source"]) == (200, "dataset")
    return caller(idle_api, {"roles": ["owner"]}, subject="ana")


@pytest.fixture
def bea(idle_api: Api) -> Api:
    return caller(idle_api, {"roles": ["approver"]}, subject="bea")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url, size=2)
    yield made
    made.close()


def do(database: Database, sql: str) -> None:
    database.write(lambda connection: run(connection, Statement(sql, {})))


def waiting(ana: Api, table: str) -> tuple[str, str]:
    """A migration that waits for approval, and its operation."""
    answer = ana.migrate(table, DROP, add("x"))
    assert answer.status_code == 202, answer.text
    body = answer.json()
    assert body["status"] == "pending"
    assert body["progressMessage"] == "Waiting for approval by somebody other than ana, because of data_loss."
    return body["migrationId"], body["operationId"]


def decide(api: Api, table: str, migration: str, how: str, **body: Any) -> Any:
    return api.post(f"/dataset-tables/{table}/migrations/{migration}/{how}", body or None)


def test_nothing_needs_approval_before_somebody_says_so(api: Api) -> None:
    assert api.get("/datasets/d/approval-policy").json() == {"datasetId": "d", "source": "default", "hazards": []}
    operation = api.migrate(api.new_table(), DROP).json()["operationId"]
    assert api.finished(operation)["status"] == "completed"


def test_what_was_approved_by_another_is_done(idle_api: Api, ana: Api, bea: Api, worker: Callable[[], None]) -> None:
    table = idle_api.new_table()
    migration, operation = waiting(ana, table)
    worker()
    # Whatever comes without a hazard, and what changes no schema, passes by.
    compaction = ana.post(f"/dataset-tables/{table}/compact").json()["operationId"]
    assert ana.finished(compaction)["status"] == "completed"
    assert ana.get(f"/operations/{operation}").json()["status"] == "pending"
    (asked,) = bea.get("/approvals").json()["approvals"]
    assert (asked["migrationId"], asked["author"], asked["status"], asked["hazards"]) == (
        migration, "ana", "waiting", ["data_loss"],
    )  # fmt: skip
    other = decide(bea, table, migration, "approve", planHash="sha256-v1:00")
    assert (other.status_code, other.json()["code"]) == (412, "plan_mismatch")
    said = decide(bea, table, migration, "approve", planHash=asked["planHash"], reason="nobody reads it")
    assert said.status_code == 200
    assert bea.finished(operation)["status"] == "completed"
    shown = bea.get(f"/dataset-tables/{table}/migrations/{migration}").json()
    assert (shown["status"], shown["createdBy"]) == ("succeeded", "ana")
    assert shown["approval"]["status"] == "approved"
    assert (shown["approval"]["decidedBy"], shown["approval"]["reason"]) == ("bea", "nobody reads it")
    assert bea.get("/approvals").json()["approvals"] == []
    assert [one["status"] for one in bea.get("/approvals", state="all").json()["approvals"]] == ["approved"]
    again = decide(bea, table, migration, "approve")
    assert (again.status_code, again.json()["code"]) == (409, "nothing_to_approve")


def test_nobody_approves_what_he_asked_for(idle_api: Api, ana: Api, bea: Api) -> None:
    table = idle_api.new_table()
    migration, operation = waiting(ana, table)
    assert decide(ana, table, migration, "approve").json()["code"] == "scope_missing"
    # Another token of the same subject is the same person.
    both = caller(idle_api, {"roles": ["admin"]}, subject="ana")
    refused = decide(both, table, migration, "approve")
    assert (refused.status_code, refused.json()["code"]) == (403, "approver_not_allowed")
    assert decide(both, table, migration, "reject", reason="x").json()["code"] == "approver_not_allowed"
    elsewhere = caller(idle_api, {"roles": ["approver"], "datasets": ["e"]}, subject="eve")
    assert decide(elsewhere, table, migration, "approve").json()["code"] == "table_not_found"
    assert elsewhere.get("/approvals").json()["approvals"] == []
    other = idle_api.new_table("other")
    assert decide(bea, other, migration, "approve").json()["code"] == "migration_not_found"
    assert ana.get(f"/operations/{operation}").json()["status"] == "pending"


def test_a_policy_may_name_who_decides(idle_api: Api, bea: Api) -> None:
    policy = {"hazards": ["data_loss"], "approvers": ["cleo"]}
    idle_api.client.put("/datasets/d/approval-policy", headers=idle_api.headers, json=policy)
    table = idle_api.new_table()
    cleo = caller(idle_api, {"roles": ["approver"]}, subject="cleo")
    body = caller(idle_api, {"roles": ["owner"]}).migrate(table, DROP).json()
    assert body["progressMessage"] == "Waiting for approval by cleo, because of data_loss."
    assert decide(bea, table, body["migrationId"], "approve").json()["code"] == "approver_not_allowed"
    assert decide(cleo, table, body["migrationId"], "approve").status_code == 200
    gone = idle_api.client.delete("/datasets/d/approval-policy", headers=idle_api.headers)
    assert gone.status_code == 204
    assert idle_api.get("/datasets/d/approval-policy").json()["source"] == "default"
    again = idle_api.client.delete("/datasets/d/approval-policy", headers=idle_api.headers)
    assert (again.status_code, again.json()["code"]) == (404, "policy_not_found")


def test_what_is_rejected_ends_and_says_so(idle_api: Api, ana: Api, bea: Api, worker: Callable[[], None]) -> None:
    table = idle_api.new_table()
    migration, operation = waiting(ana, table)
    worker()
    assert decide(bea, table, migration, "reject").status_code == 400
    assert decide(bea, table, migration, "reject", reason="it is still read").json()["status"] == "failed"
    assert ana.get(f"/operations/{operation}").json()["error"]["code"] == "migration_rejected"
    shown = ana.get(f"/dataset-tables/{table}/migrations/{migration}").json()
    assert (shown["status"], shown["approval"]["reason"]) == ("rejected", "it is still read")
    assert ana.get(f"/dataset-tables/{table}/schema").headers["etag"] == '"v1"'
    retried = ana.post(f"/operations/{operation}/retry").json()
    assert (retried["status"], retried["retries"]) == ("pending", operation)
    assert "Waiting for approval" in retried["progressMessage"]


def test_an_approval_lapses_when_the_plan_no_longer_holds(
    idle_api: Api, ana: Api, bea: Api, worker: Callable[[], None]
) -> None:
    table = idle_api.new_table()
    migration, operation = waiting(ana, table)
    worker()
    assert ana.finished(ana.migrate(table, add("y")).json()["operationId"])["status"] == "completed"
    late = decide(bea, table, migration, "approve")
    assert (late.status_code, late.json()["code"], late.json()["retryable"]) == (409, "approval_lapsed", False)
    assert ana.get(f"/operations/{operation}").json()["error"]["code"] == "approval_lapsed"
    shown = ana.get(f"/dataset-tables/{table}/migrations/{migration}").json()
    assert (shown["status"], shown["approval"]["status"]) == ("rejected", "lapsed")


def test_what_nobody_approves_in_time_is_rejected(idle_api: Api, ana: Api, database: Database) -> None:
    table = idle_api.new_table()
    _, operation = waiting(ana, table)
    with composed(idle_api.settings, idle_api.settings.database_url or "") as parts:
        assert expire_approvals(parts.house, timedelta(hours=1)) == 0
        Housekeeper(parts.house, PostgresChores(database, LOG_LOCK), None, NOW).round()
        assert ana.get(f"/operations/{operation}").json()["error"]["code"] == "approval_expired"
        assert expire_approvals(parts.house, NOW) == 0
    (asked,) = ana.get("/approvals", state="all").json()["approvals"]
    assert (asked["status"], "decidedBy" in asked) == ("expired", False)


def test_what_waits_can_be_cancelled_and_its_table_let_go(idle_api: Api, ana: Api, bea: Api) -> None:
    table, other = idle_api.new_table(), idle_api.new_table("other")
    (migration, operation), (gone, _) = waiting(ana, table), waiting(ana, other)
    for each in (table, other):
        assert idle_api.client.delete(f"/dataset-tables/{each}", headers=idle_api.headers).status_code == 204
    assert ana.post(f"/operations/{operation}/cancel").json()["status"] == "cancelled"
    assert decide(bea, table, migration, "approve").json()["code"] == "nothing_to_approve"
    assert decide(bea, other, gone, "approve").json()["code"] == "approval_lapsed"


def test_an_emergency_runs_at_once_and_stays_open_until_another_looked_at_it(
    idle_api: Api, ana: Api, bea: Api, worker: Callable[[], None], database: Database
) -> None:
    table = idle_api.new_table()
    body = {"operations": [DROP], "emergency": True, "emergencyReason": "the disk is full"}
    path = f"/dataset-tables/{table}/migrations"
    assert ana.post(path, {**body, "emergencyReason": None}).json()["code"] == "emergency_needs_reason"
    refused = ana.post(path, body)
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
    assert "migrations:emergency" in refused.json()["error"]
    firefighter = caller(idle_api, {"roles": ["owner"]}, {"scopes": ["migrations:emergency"]}, subject="fay")
    asked = firefighter.post(path, body).json()
    worker()
    assert firefighter.finished(asked["operationId"])["status"] == "completed"
    (one,) = bea.get("/approvals").json()["approvals"]
    assert (one["kind"], one["status"], one["author"]) == ("emergency", "open", "fay")
    with composed(idle_api.settings, idle_api.settings.database_url or "") as parts:
        assert expire_approvals(parts.house, NOW) == 0
        vitals: VitalSigns = _vitals(database)
        found = {one.subject: one for one in examine(parts.house, vitals, PostgresChores(database, LOG_LOCK))}
    assert found["approvals"].verdict is Verdict.ATTENTION
    assert "fay" in found["approvals"].message
    assert decide(bea, table, asked["migrationId"], "approve", reason="rightly so").status_code == 200
    shown = bea.get(f"{path}/{asked['migrationId']}").json()
    assert shown["status"] == "succeeded"
    assert shown["approval"]["emergencyReason"] == "the disk is full"
    assert (shown["approval"]["status"], shown["approval"]["reason"]) == ("approved", "rightly so")
    assert bea.get("/approvals").json()["approvals"] == []


def _vitals(database: Database) -> VitalSigns:
    from api.compose import vital_signs

    return vital_signs(database)


def test_an_emergency_where_nothing_had_to_wait_is_a_migration_like_any_other(idle_api: Api, ana: Api) -> None:
    body = {"operations": [add("x")], "emergency": True, "emergencyReason": "?"}
    assert ana.post(f"/dataset-tables/{idle_api.new_table()}/migrations", body).status_code == 202
    assert idle_api.get("/approvals").json()["approvals"] == []


def test_no_worker_begins_what_is_not_approved_whatever_the_leases_say(
    idle_api: Api, ana: Api, bea: Api, database_url: str, tmp_path: Path, database: Database
) -> None:
    table = idle_api.new_table()
    migration, operation = waiting(ana, table)
    do(database, "UPDATE operation_leases SET held = false, turn = position")
    with at_work(database_url, tmp_path):
        while not database.rows("SELECT 1 AS one FROM operation_leases WHERE attempt > 0 AND worker IS NULL", {}):
            time.sleep(0.02)
    seen = ana.get(f"/operations/{operation}").json()
    assert (seen["status"], "startedAt" in seen) == ("pending", False)
    chores = PostgresChores(database, LOG_LOCK)
    assert chores.mend_leases() == 1
    do(database, "DELETE FROM operation_leases")
    assert chores.mend_leases() == 1
    assert [row["held"] for row in database.rows("SELECT held FROM operation_leases", {})] == [True]
    with composed(idle_api.settings, database_url) as parts:
        assert not [e for e in parts.house.store.read(0, 1_000) if isinstance(e.fact, OperationStarted)]
    decide(bea, table, migration, "approve")
    with at_work(database_url, tmp_path):
        assert ana.finished(operation)["status"] == "completed"


def test_every_hazard_can_be_named_in_a_policy() -> None:
    assert get_args(Hazards) == tuple(HazardKind)


def test_the_default_of_an_installation_is_named_by_its_hazards(monkeypatch: pytest.MonkeyPatch) -> None:
    from api.settings import read_settings

    assert read_settings({}).approval_hazards == ()
    named = read_settings({"SCHEMALEDGER_APPROVAL_HAZARDS": "data_loss, irreversible"})
    assert named.approval_hazards == (HazardKind.DATA_LOSS, HazardKind.IRREVERSIBLE)
    assert read_settings(named.environment()).approval_hazards == named.approval_hazards
    with pytest.raises(ValueError, match="SCHEMALEDGER_APPROVAL_HAZARDS"):
        read_settings({"SCHEMALEDGER_APPROVAL_HAZARDS": "danger"})
