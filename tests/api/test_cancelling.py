"""Cancelling, before and while the work goes on, and asking again for what ended without success."""

from collections.abc import Callable

import lance
import pyarrow as pa

from domain.handlers.operations import cancel_operation
from tests.api.conftest import Api
from tests.api.test_worker import CHANGES, ORIGIN, Bench, bench, raising
from tests.domain.planning import add, rename, retype

__all__ = ["bench"]


def test_what_nobody_has_begun_ends_at_once_and_its_table_is_free(idle_api: Api, worker: Callable[[], None]) -> None:
    table = idle_api.new_table()
    operation = idle_api.migrate(table, add("x")).json()["operationId"]
    asked = idle_api.post(f"/operations/{operation}/cancel", {"reason": "no longer wanted"})
    assert (asked.status_code, asked.json()["status"]) == (202, "cancelled")
    said = asked.json()["cancellation"]
    assert said["reason"] == "no longer wanted"
    assert said["requestedAt"] <= said["acknowledgedAt"] <= asked.json()["completedAt"]
    again = idle_api.post(f"/operations/{operation}/cancel")
    assert (again.status_code, again.json()) == (200, asked.json())
    assert idle_api.get(f"/dataset-tables/{table}/schema").headers["etag"] == '"v1"'
    following = idle_api.migrate(table, add("y")).json()["operationId"]
    worker()
    assert idle_api.finished(following)["status"] == "completed"
    (newest, cancelled) = idle_api.get(f"/dataset-tables/{table}/migrations").json()["migrations"]
    assert (newest["status"], cancelled["status"]) == ("succeeded", "cancelled")


def test_what_was_planned_on_a_cancelled_migration_fails_and_says_why(
    idle_api: Api, worker: Callable[[], None]
) -> None:
    table = idle_api.new_table()
    first = idle_api.migrate(table, add("x")).json()["operationId"]
    second = idle_api.migrate(table, rename("x", "y")).json()["operationId"]
    assert idle_api.post(f"/operations/{first}/cancel").json()["status"] == "cancelled"
    worker()
    assert idle_api.finished(second)["error"]["code"] == "schema_changed"


def test_what_has_ended_cannot_be_cancelled(api: Api) -> None:
    operation = api.migrate(api.new_table(), add("x")).json()["operationId"]
    api.finished(operation)
    late = api.post(f"/operations/{operation}/cancel")
    assert (late.status_code, late.json()["code"]) == (409, "operation_not_cancellable")


def test_requested_acknowledged_and_final_are_three_things_in_the_log(bench: Bench) -> None:
    operation = bench.submit(*CHANGES)
    bench.engine.after["prepare"] = lambda: cancel_operation(bench.house, operation, "no longer wanted", ORIGIN)
    bench.worker().work_once()
    topics = [event.fact.topic for event in bench.house.store.load(operation)]
    assert topics[-3:] == [
        f"operation.{last}" for last in ("cancellation_requested", "cancellation_acknowledged", "cancelled")
    ]
    view = bench.operation(operation)
    assert view.cancellation_requested_at is not None
    assert view.cancellation_acknowledged_at is not None
    assert view.cancellation_requested_at <= view.cancellation_acknowledged_at


def test_a_failed_operation_is_retried_as_one_of_its_own(api: Api) -> None:
    table = api.new_table()
    location = api.get(f"/dataset-tables/{table}").json()["location"]
    schema = lance.dataset(location).schema
    lance.write_dataset(pa.Table.from_pylist([{"id": 1, "age": 1_000}], schema=schema), location, mode="append")
    failed = api.finished(api.migrate(table, retype("age", "int32", "int8")).json()["operationId"])
    assert failed["error"]["code"] == "cast_failed"
    lance.dataset(location).update({"age": "100"})
    again = api.post(f"/operations/{failed['operationId']}/retry")
    assert again.status_code == 202
    assert (again.json()["retries"], again.json()["operationType"]) == (failed["operationId"], "migration")
    assert again.headers["location"] == f"/operations/{again.json()['operationId']}"
    assert api.finished(again.json()["operationId"])["status"] == "completed"
    twice = api.post(f"/operations/{failed['operationId']}/retry")
    assert twice.json()["operationId"] == again.json()["operationId"]
    assert twice.headers["idempotency-replayed"] == "true"


def test_a_retry_that_makes_no_sense_any_more_is_refused(idle_api: Api) -> None:
    table = idle_api.new_table()
    first = idle_api.migrate(table, add("x")).json()["operationId"]
    idle_api.post(f"/operations/{first}/cancel")
    idle_api.migrate(table, add("x"))
    refused = idle_api.post(f"/operations/{first}/retry")
    assert (refused.status_code, refused.json()["code"]) == (400, "validation_failed")


def test_only_what_ended_without_success_can_be_retried(idle_api: Api) -> None:
    pending = idle_api.migrate(idle_api.new_table(), add("x")).json()["operationId"]
    refused = idle_api.post(f"/operations/{pending}/retry")
    assert (refused.status_code, refused.json()["code"]) == (409, "operation_not_retryable")
    assert idle_api.post("/operations/nobody/retry").status_code == 404


def test_a_cancelled_compaction_is_retried_as_a_compaction(idle_api: Api, worker: Callable[[], None]) -> None:
    table = idle_api.new_table()
    first = idle_api.post(f"/dataset-tables/{table}/compact").json()["operationId"]
    assert idle_api.post(f"/operations/{first}/cancel").json()["status"] == "cancelled"
    again = idle_api.post(f"/operations/{first}/retry").json()
    assert again["operationType"] == "compact"
    worker()
    assert idle_api.finished(again["operationId"])["status"] == "completed"


def test_a_cancellation_ends_the_wait_for_another_attempt(bench: Bench) -> None:
    operation = bench.submit(*CHANGES)
    bench.engine.before["prepare"] = raising(ConnectionError("away"), times=1)
    bench.worker().work_once()
    bench.leases._database.rows(
        "UPDATE operation_leases SET not_before = clock_timestamp() + interval '4 minutes' RETURNING 1 AS done", {}
    )
    assert not bench.worker().work_once()
    cancel_operation(bench.house, operation, "no longer wanted", ORIGIN)
    assert bench.worker().work_once()
    assert bench.operation(operation).status == "cancelled"
