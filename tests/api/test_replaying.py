"""Views rebuilt and verified by operations like any other."""

from collections.abc import Callable

import psycopg
import pytest

from adapters.views import rebuilding
from api import replaying
from tests.api.conftest import Api

ADD = {"type": "add_column", "params": {"name": "phone", "dataType": "utf8", "nullable": True, "position": 1}}


def test_every_view_is_rebuilt_and_found_to_be_as_it_should(api: Api) -> None:
    table = api.new_table()
    api.finished(api.migrate(table, ADD).json()["operationId"])
    before = api.get(f"/dataset-tables/{table}/migrations").json()
    for act in ("rebuild", "verify"):
        asked = api.post(f"/projections/all/{act}")
        assert asked.status_code == 202, asked.text
        operation = api.finished(asked.json()["operationId"])
        assert (operation["status"], operation["progressPercent"]) == ("completed", 100), operation
        assert operation["operationType"] == f"{act}_projection"
        assert (operation["targetType"], operation["targetId"]) == ("projection", "all")
        assert "tableId" not in operation
    assert api.get(f"/dataset-tables/{table}/migrations").json() == before


def test_a_view_that_was_tampered_with_is_found_and_rebuilt(api: Api, database_url: str) -> None:
    api.new_table("first")
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE dataset_tables_v1 SET engine = 'abacus'")
    operation = api.finished(api.post("/projections/dataset_tables/verify").json()["operationId"])
    assert operation["status"] == "failed"
    assert operation["error"]["code"] == "projection_differs"
    assert "column engine is abacus and should be lance" in operation["error"]["message"]
    api.finished(api.post("/projections/dataset_tables/rebuild").json()["operationId"])
    again = api.post(f"/operations/{operation['operationId']}/retry")
    assert api.finished(again.json()["operationId"])["status"] == "completed"
    assert again.json()["retries"] == operation["operationId"]


def test_one_key_is_one_rebuild(idle_api: Api) -> None:
    first, second = (idle_api.post("/projections/migrations/rebuild", Idempotency_Key="k") for _ in range(2))
    assert first.json()["operationId"] == second.json()["operationId"]
    assert second.headers["Idempotency-Replayed"] == "true"
    other = idle_api.post("/projections/all/rebuild", Idempotency_Key="k")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


def test_a_view_that_is_not_there_is_refused_with_those_that_are(idle_api: Api) -> None:
    answer = idle_api.post("/projections/people/rebuild")
    assert (answer.status_code, answer.json()["code"]) == (404, "projection_not_found")
    assert "operation_status, dataset_tables" in answer.json()["error"]


def test_a_rebuild_that_nobody_began_is_cancelled_at_once(idle_api: Api, worker: Callable[[], None]) -> None:
    asked = idle_api.post("/projections/all/rebuild").json()["operationId"]
    assert idle_api.post(f"/operations/{asked}/cancel").json()["status"] == "cancelled"
    worker()
    assert idle_api.finished(idle_api.post("/projections/all/rebuild").json()["operationId"])["status"] == "completed"


def test_a_rebuild_under_way_stops_when_it_is_cancelled_and_leaves_nothing(
    idle_api: Api, worker: Callable[[], None], monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setattr(rebuilding, "BATCH", 1)
    monkeypatch.setattr(replaying, "SECONDS_BETWEEN_REPORTS", 0.0)
    idle_api.new_table()
    asked = idle_api.post("/projections/all/rebuild").json()["operationId"]
    watch = replaying.Replaying._watch

    def cancel_first(self: replaying.Replaying, done: int, total: int) -> None:
        idle_api.post(f"/operations/{asked}/cancel", {"reason": "enough"})
        watch(self, done, total)

    monkeypatch.setattr(replaying.Replaying, "_watch", cancel_first)
    worker()
    ended = idle_api.finished(asked)
    assert (ended["status"], ended["cancellation"]["reason"]) == ("cancelled", "enough")
    with psycopg.connect(database_url) as connection:
        left = connection.execute("SELECT nspname FROM pg_namespace WHERE starts_with(nspname, 'schemaledger_')")
        assert left.fetchall() == []
