"""Migrations accepted per second over HTTP, the whole path: token, body, plan against the real table, append, answer.

Beside it, the same server with a handler that only inserts one row. Both are under the load of 16 connections, and no
worker is running, which would take its share of the machine from one side only. Every migration must be accepted, and
be in the log.
"""

import statistics
from uuid import uuid4

import psycopg

from benchmarks.http_load import put_under_load, request
from benchmarks.measure import ROUNDS, Result
from benchmarks.services import Served, bare_server, postgres, service

TABLES, REQUESTS = 60, 600
FIELDS = [{"name": f"c{number}", "arrowType": "int64"} for number in range(10)]
COMMENT = '{"operations":[{"type":"set_column_comment","params":{"name":"c%d","comment":"as of %d"}}]}'
COUNT = "SELECT count(*) FROM stored_events WHERE topic = 'migration.requested'"


def measure() -> Result:
    with postgres() as url, service(url, workers=0) as served, bare_server(url) as bare:
        tables = new_tables(served, TABLES)
        ours, peer = list[float](), list[float]()
        for round_ in range(ROUNDS + 1):
            rates = submit(served, tables, round_), insert(bare)
            if round_:
                ours.append(rates[0])
                peer.append(rates[1])
        with psycopg.connect(url) as connection:
            assert connection.execute(COUNT).fetchone() == ((ROUNDS + 1) * REQUESTS,)
    one, other = statistics.median(ours), statistics.median(peer)
    return Result(
        "submit", one, other, "the same server, one INSERT", "requests/s", "at least 0.5 x", one >= 0.5 * other
    )


def new_tables(served: Served, count: int) -> list[str]:
    made = []
    for _ in range(count):
        body = {"datasetId": "bench", "tableName": uuid4().hex, "fields": FIELDS}
        answer = served.http.post("/dataset-tables", json=body)
        assert answer.status_code == 201, answer.text
        made.append(answer.json()["tableId"])
    return made


def submit(served: Served, tables: list[str], round_: int, count: int = REQUESTS) -> float:
    """Accepted migrations per second."""
    requests = [
        request(
            served.url,
            "POST",
            f"/dataset-tables/{tables[number % len(tables)]}/migrations",
            served.token,
            COMMENT % (number % len(FIELDS), round_ * count + number),
        )
        for number in range(count)
    ]
    return count / put_under_load(served.url, requests, 202).seconds


def insert(bare: str) -> float:
    requests = [request(bare, "POST", "/rows", "t", COMMENT % (number % 10, number)) for number in range(REQUESTS)]
    return REQUESTS / put_under_load(bare, requests, 202).seconds
