# ruff: noqa: F401, F811  # fixtures of the adapters' tests
"""What is counted: operations by the worker that ran them, appends, requests, and what the database knows."""

from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from prometheus_client.parser import text_string_to_metric_families

from adapters.event_log.store import PostgresEventStore
from adapters.leases import PostgresLeases
from adapters.postgres.database import Database
from adapters.views.catalogue import FOLLOWED
from adapters.views.vitals import PostgresVitalSigns
from api.measuring import MeasuredLeases, MeasuredStore
from api.metrics import OWN, Exposition
from api.shared_counts import begin_to_share, forget_process
from domain.errors import LogUnavailable, StreamMoved
from domain.facts import Append, Fact, Origin
from domain.operation.events import OperationCancelled, OperationCompleted, OperationFailed, OperationStarted
from domain.vitals import Lag, Vitals
from tests.adapters.conftest import database, leases, requested, store, write
from tests.api.conftest import Api
from tests.domain.planning import add


def value(name: str, **labels: str) -> float:
    return OWN.get_sample_value(name, labels) or 0.0


def scraped(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(text)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


class Ticking:
    """A clock that goes on a second with each look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def appended(store: MeasuredStore, stream: object, version: int, *facts: Fact) -> None:
    store.append([Append(stream=stream, expected_version=version, facts=facts)], Origin())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("end", "outcome"),
    [
        (OperationCompleted(message="m"), "completed"),
        (OperationFailed(code="cast_failed", message="m"), "failed"),
        (OperationCancelled(reason="r"), "cancelled"),
    ],
)
def test_an_operation_that_ends_is_measured(store: PostgresEventStore, end: Fact, outcome: str) -> None:
    measured, operation = MeasuredStore(store, Ticking()), uuid4()
    duration = "schemaledger_operation_duration_seconds_count"
    labels = {"operation_type": "migration", "outcome": outcome}
    failures = {"operation_type": "migration", "code": "cast_failed"}
    before = value(duration, **labels), value("schemaledger_operation_failures_total", **failures)
    attempts = value("schemaledger_operation_attempts_total", operation_type="migration")
    written = value("schemaledger_append_seconds_count", outcome="written")
    appended(measured, operation, 0, requested())
    appended(measured, operation, 1, OperationStarted(attempt=1, worker="w"))
    appended(measured, operation, 2, end)
    assert value(duration, **labels) == before[0] + 1
    assert value("schemaledger_operation_failures_total", **failures) == before[1] + (outcome == "failed")
    assert value("schemaledger_operation_attempts_total", operation_type="migration") == attempts + 1
    assert value("schemaledger_append_seconds_count", outcome="written") == written + 3


def test_an_append_that_lost_its_race_is_told_from_one_that_was_written(store: PostgresEventStore) -> None:
    measured, operation = MeasuredStore(store), uuid4()
    moved = value("schemaledger_append_seconds_count", outcome="moved")
    appended(measured, operation, 0, requested())
    with pytest.raises(StreamMoved):
        appended(measured, operation, 0, requested())
    assert value("schemaledger_append_seconds_count", outcome="moved") == moved + 1


def test_a_worker_is_seen_when_it_asks_for_work_and_when_it_renews(
    leases: PostgresLeases, store: PostgresEventStore
) -> None:
    measured = MeasuredLeases(leases, Ticking())
    assert measured.claim("w", timedelta(minutes=1)) is None
    assert value("schemaledger_worker_seen_timestamp_seconds") == 1.0
    write(store, uuid4(), 0, requested())
    lease = measured.claim("w", timedelta(minutes=1))
    assert lease is not None
    renewed = value("schemaledger_lease_renewals_total", outcome="renewed")
    assert measured.renew(lease, timedelta(minutes=1))
    assert value("schemaledger_lease_renewals_total", outcome="renewed") == renewed + 1
    assert value("schemaledger_worker_seen_timestamp_seconds") == 3.0
    measured.release(lease)
    assert not measured.renew(lease, timedelta(minutes=1))
    assert value("schemaledger_lease_renewals_total", outcome="lost") >= 1


def test_the_vital_signs_count_what_is_unfinished(
    database: Database,
    store: PostgresEventStore,
    leases: PostgresLeases,
) -> None:
    signs = PostgresVitalSigns(database, [projection.name for projection in FOLLOWED])
    assert signs.read().position == 0
    for _ in range(3):
        write(store, uuid4(), 0, requested())
    lease = leases.claim("w", timedelta(minutes=5))
    assert lease is not None
    write(store, lease.operation_id, 1, OperationStarted(attempt=1, worker="w"))
    seen = signs.read()
    assert (seen.position, seen.pending, seen.running) == (4, 2, 1)
    assert (seen.leases_held, seen.leases_free, seen.leases_expired) == (1, 2, 0)
    assert seen.oldest_pending_age > 0
    assert seen.oldest_heartbeat_age > 0
    # Nobody follows the log here.
    assert {name: lag.events for name, lag in seen.lags.items()} == {p.name: 4 for p in FOLLOWED}
    assert all(lag.seconds > 0 for lag in seen.lags.values())
    leases.renew(lease, timedelta(seconds=-1))
    assert signs.read().leases_expired == 1


def test_metrics_are_open_and_in_the_text_format(api: Api) -> None:
    operation = api.migrate(api.new_table(), add("x")).json()["operationId"]
    api.finished(operation)
    answer = api.client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = scraped(answer.text)
    assert found["schemaledger_database_up", frozenset()] == 1
    assert found["schemaledger_operations_unfinished", frozenset({("status", "pending")})] == 0
    assert found["schemaledger_log_events_total", frozenset()] > 5
    route = "/dataset-tables/{tableId}/migrations"
    labels = {("method", "POST"), ("route", route), ("status", "202")}
    assert found["schemaledger_http_requests_total", frozenset(labels)] >= 1
    assert operation not in answer.text
    # One name for all that is not there.
    api.get("/nothing/of/the/kind")
    api.client.request("MADEUP", "/nothing/of/the/kind")
    found = scraped(api.client.get("/metrics").text)
    for method in ("GET", "other"):
        labels = {("method", method), ("route", "unmatched"), ("status", "404")}
        assert found["schemaledger_http_requests_total", frozenset(labels)] >= 1


class Away:
    def read(self) -> Vitals:
        raise LogUnavailable("the server is away")


def test_metrics_answer_while_the_database_is_away() -> None:
    found = scraped(Exposition(Away()).text().decode())
    assert found["schemaledger_database_up", frozenset()] == 0
    assert ("schemaledger_stream_followers", frozenset()) in found


def test_what_processes_share_begins_empty_and_forgets_gauges_of_the_dead(tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    environment = begin_to_share(folder)
    assert list(environment.values()) == [str(folder)]
    (folder / "gauge_livesum_7.db").touch()
    (folder / "counter_8.db").touch()
    forget_process(folder, 7)
    assert [path.name for path in folder.iterdir()] == ["counter_8.db"]
    begin_to_share(folder)
    assert list(folder.iterdir()) == []


def test_every_metric_is_in_the_manual() -> None:
    manual = (Path(__file__).parents[2] / "docs/how-to/watch-in-production.md").read_text()
    here = Vitals(
        position=1,
        pending=0,
        running=0,
        oldest_pending_age=0,
        leases_held=0,
        leases_free=0,
        leases_expired=0,
        oldest_heartbeat_age=0,
        lags={"v": Lag(events=0, seconds=0)},
    )

    class Here:
        def read(self) -> Vitals:
            return here

    families = list(text_string_to_metric_families(Exposition(Here()).text().decode()))
    names = {family.name for family in families}
    assert len(names) > 15
    assert {name for name in names if f"`{name}" not in manual} == set()
    assert all(family.documentation for family in families)
