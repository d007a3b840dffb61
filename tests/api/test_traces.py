"""Traces: what a collector is told of a request, of the operation it led to, and of what failed."""

import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from api.compose import composed
from api.settings import read_settings
from tests.api.conftest import Api, at_work, serving
from tests.domain.planning import add, retype

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"


class Collector:
    """What speaks OTLP over HTTP, and keeps what it is told."""

    def __init__(self) -> None:
        told = self.requests = list[ExportTraceServiceRequest]()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                told.append(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    @property
    def spans(self) -> list[dict[str, object]]:
        return [
            {
                "service": _attributes(resource.resource.attributes)["service.name"],
                "name": span.name,
                "trace": span.trace_id.hex(),
                "id": span.span_id.hex(),
                "parent": span.parent_span_id.hex(),
                "failed": span.status.code == span.status.STATUS_CODE_ERROR,
                **_attributes(span.attributes),
            }
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def named(self, name: str) -> list[dict[str, object]]:
        return [span for span in self.spans if span["name"] == name]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def _attributes(pairs: object) -> dict[str, object]:
    return {pair.key: pair.value.int_value or pair.value.string_value for pair in pairs}  # type: ignore[attr-defined]


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    collector = Collector()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.server.server_port}")
    yield collector
    collector.close()


def traced(database_url: str, folder: Path, parent: str | None, *operations: dict[str, object]) -> Api:
    """A migration through API and worker, both traced until everything is told."""
    with ExitStack() as ending:
        api = ending.enter_context(serving(database_url, folder, traces=True))
        table = api.new_table()
        ending.enter_context(at_work(database_url, folder, traces=True))
        headers = {} if parent is None else {"traceparent": parent}
        answer = api.migrate(table, *operations, **headers)
        if answer.status_code == 202:
            api.finished(answer.json()["operationId"])
        api.get("/health/live")
    return api


def test_a_migration_is_one_trace_from_the_callers_span_to_the_publish(
    collector: Collector, database_url: str, tmp_path: Path
) -> None:
    traced(database_url, tmp_path, f"00-{TRACE}-{SPAN}-01", add("x", "int64"))
    [request] = collector.named("POST /dataset-tables/{tableId}/migrations")
    assert request["trace"] == TRACE
    assert request["parent"] == SPAN
    assert request["http.response.status_code"] == 202
    assert request["service"] == "schemaledger"
    [run] = collector.named("run operation")
    assert (run["trace"], run["parent"]) == (TRACE, request["id"])
    assert run["schemaledger.attempt"] == 1
    [publish] = collector.named("publish")
    assert (publish["trace"], publish["parent"]) == (TRACE, run["id"])
    appends = [span for span in collector.named("append") if span["trace"] == TRACE]
    [submitted] = [span for span in appends if span["parent"] == request["id"]]
    assert submitted["schemaledger.events"] == "table.migration_queued,migration.requested,operation.requested"
    prepare = {span["id"] for span in collector.named("prepare")}
    assert {span["parent"] for span in appends} - prepare == {request["id"], run["id"]}


def test_what_machines_ask_all_the_time_is_no_span(collector: Collector, database_url: str, tmp_path: Path) -> None:
    traced(database_url, tmp_path, None, add("x", "int64"))
    assert collector.spans
    assert not [span for span in collector.spans if "health" in str(span["name"])]


def test_a_refused_request_is_told_with_its_status_and_no_words(
    collector: Collector, database_url: str, tmp_path: Path
) -> None:
    traced(database_url, tmp_path, None, retype("secret_column", "int64", "int32"))
    [request] = collector.named("POST /dataset-tables/{tableId}/migrations")
    assert request["http.response.status_code"] == 400
    assert "secret_column" not in str(collector.spans)
    # A trace that the caller did not begin is begun here.
    assert request["parent"] == ""


def test_a_collector_that_is_away_harms_nobody(
    monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path: Path
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    api = traced(database_url, tmp_path, None, add("x", "int64"))
    assert api is not None


@pytest.mark.parametrize("nonsense", ["", "00-zz-yy-01", f"ff-{TRACE}-{SPAN}-01", "x" * 4_000])
def test_nonsense_as_traceparent_begins_a_trace_of_ours(
    nonsense: str, collector: Collector, database_url: str, tmp_path: Path
) -> None:
    with serving(database_url, tmp_path, traces=True) as api:
        assert api.client.get("/dataset-tables", headers={**api.headers, "traceparent": nonsense}).status_code == 200
    [request] = collector.named("GET /dataset-tables")
    assert request["parent"] == ""
    assert request["trace"] != TRACE


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "adapters.open_telemetry", None)
    settings = read_settings({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"})
    with pytest.raises(ValueError, match=r"schemaledger\[otel\]"), composed(settings, "postgresql:///nowhere"):
        pass


@pytest.mark.parametrize(
    ("environment", "traces"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "true"}, False),
    ],
)
def test_a_collector_switches_traces_on(environment: dict[str, str], traces: bool) -> None:
    assert read_settings(environment).traces is traces
