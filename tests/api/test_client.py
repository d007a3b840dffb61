"""The Python client against servers that fail in every way: errors by kind, and repeats that do no harm."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from api.client.calls import IDEMPOTENCY_KEY, Client
from api.client.errors import (
    Busy,
    Conflict,
    Forbidden,
    Invalid,
    NoAnswer,
    NobodyThere,
    NotFound,
    Refused,
    ServiceError,
    Stale,
    Unauthenticated,
)
from api.client.service import Service

Answer = tuple[int, dict[str, Any]] | None
"""Status and body; None: the connection is closed without an answer."""


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now, self.slept = 0.0, list[float]()

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Server:
    def __init__(self, *answers: Answer, after: str | None = None) -> None:
        self.requests = list[tuple[str, str | None]]()
        remaining, server = list(answers), self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("content-length") or 0))
                server.requests.append((self.path, self.headers.get(IDEMPOTENCY_KEY)))
                answer = remaining.pop(0) if len(remaining) > 1 else remaining[0]
                if answer is None:
                    self.close_connection = True
                    self.connection.shutdown(2)
                    return
                body = json.dumps(answer[1]).encode()
                self.send_response(answer[0])
                self.send_header("Content-Length", str(len(body)))
                if after is not None:
                    self.send_header("Retry-After", after)
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = answer  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def serving(*answers: Answer, after: str | None = None) -> Iterator[Server]:
    made = Server(*answers, after=after)
    try:
        yield made
    finally:
        made.close()


def refused(code: str, *, retryable: bool = False, **details: Any) -> dict[str, Any]:
    return {"error": f"It is {code}.", "code": code, "details": {"requestId": "r", **details}, "retryable": retryable}


def call(
    server: Server,
    clock: Clock,
    method: str = "GET",
    body: Any = None,
    headers: dict[str, str] | None = None,
    patience: float = 15.0,
) -> Any:
    client = Client(server.url, "t", patience, clock=clock, sleep=clock.sleep)
    try:
        return client.call(method, "/x", body, headers)
    finally:
        client.close()


DONE: Answer = (200, {"done": True})
BUSY: Answer = (503, refused("log_unavailable", retryable=True))
RACED: Answer = (409, refused("conflict", retryable=True))


def test_errors_are_told_apart_by_what_one_can_do() -> None:
    kinds: dict[int, type[ServiceError]] = {
        400: Invalid,
        401: Unauthenticated,
        403: Forbidden,
        404: NotFound,
        409: Conflict,
        412: Stale,
        422: Invalid,
        429: Busy,
        500: Refused,
        503: Busy,
    }
    for status, kind in kinds.items():
        with serving((status, refused("some_code"))) as server, pytest.raises(kind) as caught:
            call(server, Clock())
        assert type(caught.value) is kind
        assert (caught.value.status, caught.value.code, caught.value.retryable) == (status, "some_code", False)
        assert str(caught.value) == "It is some_code. (some_code)"


def test_every_place_that_is_wrong_is_told() -> None:
    violations = [{"pointer": f"/operations/{n}", "code": "malformed", "message": f"m{n}"} for n in range(2)]
    wrong: Answer = (400, refused("validation_failed", violations=violations))
    with serving(wrong) as server, pytest.raises(Invalid) as caught:
        call(server, Clock(), "POST", {})
    assert [one.pointer for one in caught.value.violations] == ["/operations/0", "/operations/1"]
    assert "  /operations/1: m1" in str(caught.value)


@pytest.mark.parametrize("failure", [None, BUSY, RACED])
def test_what_may_succeed_later_is_asked_again_where_a_repeat_does_no_harm(failure: Answer) -> None:
    clock = Clock()
    with serving(failure, failure, DONE) as server:
        assert call(server, clock, "POST", {}, {IDEMPOTENCY_KEY: "k"}) == {"done": True}
    assert server.requests == [("/x", "k")] * 3
    assert clock.slept == [0.2, 0.4]


@pytest.mark.parametrize(("failure", "kind"), [(None, NoAnswer), (BUSY, Busy)])
def test_what_may_have_been_done_is_not_done_twice(failure: Answer, kind: type[ServiceError]) -> None:
    with serving(failure, DONE) as server, pytest.raises(kind):
        call(server, Clock(), "POST", {})
    assert len(server.requests) == 1


def test_what_was_certainly_not_done_is_asked_again_in_any_case() -> None:
    with serving(RACED, DONE) as server:
        assert call(server, Clock(), "POST", {}) == {"done": True}


def test_it_waits_for_as_long_as_it_is_told_and_not_for_ever() -> None:
    clock = Clock()
    with serving(BUSY, DONE, after="3") as server:
        call(server, clock)
    assert clock.slept == [3.0]
    clock = Clock()
    with serving(BUSY) as server, pytest.raises(Busy):
        call(server, clock)
    assert 10 < clock.now <= 15
    clock = Clock()
    with serving(BUSY) as server, pytest.raises(Busy):
        call(server, clock, patience=0)
    assert clock.slept == []


def test_faults_and_refusals_are_not_asked_again() -> None:
    for status in (400, 404, 412):
        with serving((status, refused("no")), DONE) as server, pytest.raises(Refused):
            call(server, Clock())
    with serving((500, refused("internal_error", retryable=True)), DONE) as server, pytest.raises(Refused):
        call(server, Clock())
    assert len(server.requests) == 1


def test_nobody_there_is_told_at_once() -> None:
    with serving(DONE) as server:
        pass
    clock = Clock()
    with pytest.raises(NobodyThere, match="Is it running"):
        call(server, clock)
    assert clock.slept == []
    with pytest.raises(ServiceError, match="no URL"):
        Client("localhost:8080", "t")
    with serving((502, {"message": "bad gateway"})) as proxy, pytest.raises(ServiceError, match="answered 502"):
        call(proxy, Clock())


def test_whatever_is_submitted_has_a_key_of_its_own() -> None:
    operation = {
        "operationId": "o",
        "operationType": "migration",
        "targetType": "table",
        "targetId": "t",
        "description": "d",
        "status": "pending",
        "progressPercent": 0,
        "createdAt": "2026-03-03T09:30:00Z",
    }
    with serving(None, (202, operation)) as server, Service(server.url, "t") as service:
        changes = [{"type": "drop_column", "params": {"name": "x"}}]
        submits: list[Callable[[], Any]] = [
            lambda: service.migrate("t", changes),
            lambda: service.revert("t", "m"),
            lambda: service.compact("t"),
            lambda: service.migrate("t", changes, idempotency_key="mine"),
        ]
        assert {submit().id for submit in submits} == {"o"}
    keys = [key for _, key in server.requests]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 4
    assert keys[-1] == "mine"
    assert None not in keys
