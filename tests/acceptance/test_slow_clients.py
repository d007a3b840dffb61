"""Callers who are slow on purpose, or who leave: they hold nothing for long, and nobody else waits for them."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from tests.acceptance.conftest import PATIENCE, Service, wait_for
from tests.conftest import fresh_database

MANY = 200
"""More than there are threads to hold up."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    settings = {"SCHEMALEDGER_REQUEST_SECONDS": "2", "SCHEMALEDGER_WORKER_PROCESSES": "0"}
    with fresh_database() as url:
        made = Service(tmp_path_factory.mktemp("slow"), DATABASE_URL=url, **settings).start()
        yield made
        made.stop()


def connected(service: Service, said: bytes) -> socket.socket:
    url = httpx.URL(service.url)
    made = socket.create_connection((url.host, url.port or 80), timeout=PATIENCE)
    made.sendall(said)
    return made


def head(service: Service, request: str, *more: str) -> bytes:
    return "\r\n".join((f"{request} HTTP/1.1", "Host: x", f"Authorization: Bearer {service.token}", *more)).encode()


def test_requests_that_trickle_are_given_up_and_hold_up_nobody(service: Service) -> None:
    body = head(service, "POST /tokens", "Content-Type: application/json", "Content-Length: 1000") + b"\r\n\r\n{"
    with ExitStack() as ending:
        heads, bodies, silent = (
            [ending.enter_context(connected(service, said)) for _ in range(MANY)]
            for said in (head(service, "GET /whoami", "X-Slow: a"), body, b"")
        )
        for number in range(20):
            assert service.http.get("/whoami").status_code == 200
            for slow in (*heads, *bodies):
                drip(slow)
            made = service.http.post("/dataset-tables", json=table(f"t{number}"))
            assert made.status_code == 201, made.text
        # Neither a head nor silence is worth an answer; a body that began gets one.
        assert {slow.recv(4_096) for slow in (*heads, *silent)} == {b""}
        answers = [slow.recv(4_096) for slow in bodies]
        assert {answer.split(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 408 Request Timeout"}
        assert all(b'"request_too_slow"' in answer and b"connection: close" in answer for answer in answers)
        assert {slow.recv(1) for slow in bodies} == {b""}
    assert service.http.get("/whoami").status_code == 200


def drip(slow: socket.socket) -> None:
    try:
        slow.sendall(b"a")
    except OSError:
        # It was given up already, which is what it is here for.
        return


def table(name: str) -> dict[str, object]:
    return {"datasetId": "d", "tableName": name, "fields": [{"name": "id", "arrowType": "int64"}]}


def test_callers_who_leave_hold_nothing(service: Service) -> None:
    waiting = service.migrate(
        service.new_table("t", {"id": "int64"})["tableId"],
        {"type": "add_column", "params": {"name": "x", "dataType": "utf8", "nullable": True}},
    )

    def open_calls() -> float:
        (line,) = [
            line
            for line in service.http.get("/metrics").text.splitlines()
            if line.startswith("schemaledger_open_calls ")
        ]
        return float(line.split()[1])

    for request in (f"GET /operations/{waiting}?wait=30", f"GET /operations/{waiting}/events"):
        with ExitStack() as ending:
            for _ in range(MANY):
                ending.enter_context(connected(service, head(service, request) + b"\r\n\r\n"))
            wait_for(lambda: open_calls() == MANY)
        wait_for(lambda: open_calls() == 0)
