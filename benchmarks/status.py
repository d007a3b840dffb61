"""``GET /operations/{operationId}`` per second over HTTP, authorisation included.

Beside it, a bare handler on the same server that selects one row by its primary key. Every answer of ours must be the
operation that was asked for, in whole.
"""

import statistics

import msgspec

from benchmarks.http_load import put_under_load, request
from benchmarks.measure import ROUNDS, Result
from benchmarks.services import Served, bare_server, postgres, service
from benchmarks.submit import COMMENT, new_tables

OPERATIONS, REQUESTS = 100, 2_000


def measure() -> Result:
    with postgres() as url, service(url, workers=0) as served, bare_server(url) as bare:
        operations, rows = new_operations(served), _rows(bare)
        ours, peer = list[float](), list[float]()
        for round_ in range(ROUNDS + 1):
            rates = look(served, operations), _look_at_rows(bare, rows)
            if round_:
                ours.append(rates[0])
                peer.append(rates[1])
    one, other = statistics.median(ours), statistics.median(peer)
    return Result(
        "status", one, other, "the same server, one SELECT", "requests/s", "at least 0.8 x", one >= 0.8 * other
    )


def new_operations(served: Served) -> list[str]:
    (table,) = new_tables(served, 1)
    found = []
    for number in range(OPERATIONS):
        answer = served.http.post(
            f"/dataset-tables/{table}/migrations",
            content=COMMENT % (number % 10, number),
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code == 202, answer.text
        found.append(answer.json()["operationId"])
    return found


def _rows(bare: str) -> list[str]:
    requests = [request(bare, "POST", "/rows", "t", COMMENT % (number % 10, number)) for number in range(OPERATIONS)]
    return [msgspec.json.decode(body)["id"] for body in put_under_load(bare, requests, 202).bodies]


def look(served: Served, operations: list[str], count: int = REQUESTS) -> float:
    """Looks per second."""
    asked = [operations[number % len(operations)] for number in range(count)]
    requests = [request(served.url, "GET", f"/operations/{one}", served.token) for one in asked]
    outcome = put_under_load(served.url, requests, 200)
    assert {msgspec.json.decode(body)["operationId"] for body in outcome.bodies} == set(asked)
    return count / outcome.seconds


def _look_at_rows(bare: str, rows: list[str]) -> float:
    requests = [request(bare, "GET", f"/rows/{rows[number % len(rows)]}", "t") for number in range(REQUESTS)]
    return REQUESTS / put_under_load(bare, requests, 200).seconds
