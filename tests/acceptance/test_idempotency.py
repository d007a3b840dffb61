"""The same call many times at once, through several processes."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import httpx

from tests.acceptance.conftest import Service

CLIENTS = 16


def test_sixteen_clients_with_one_key_start_one_operation(service: Service) -> None:
    table = service.new_table("once", {"id": "int64"})["tableId"]
    path, start = f"{service.url}/dataset-tables/{table}/migrations", Barrier(CLIENTS)

    def post(name: str) -> httpx.Response:
        change = {"type": "add_column", "params": {"name": name, "dataType": "utf8", "nullable": True}}
        headers = {"Authorization": f"Bearer {service.token}", "Idempotency-Key": '"release-42"'}
        return httpx.post(path, headers=headers, json={"operations": [change]}, timeout=60)

    def at_once(_: int) -> httpx.Response:
        start.wait(60)
        return post("a")

    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(at_once, range(CLIENTS)))
    assert {answer.status_code for answer in answers} == {202}, [answer.text for answer in answers]
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert len({fixed(answer.json()) for answer in answers}) == 1

    assert service.finished(answers[0].json()["operationId"])["status"] == "completed"
    late = post("a")
    assert (late.status_code, late.json()["status"]) == (202, "completed")
    assert late.headers["Idempotency-Replayed"] == "true"
    other = post("b")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    listed = service.http.get(f"/dataset-tables/{table}/migrations").json()["migrations"]
    assert len(listed) == 1


def fixed(operation: dict[str, Any]) -> tuple[Any, ...]:
    """What of an operation does not change while it runs."""
    return tuple(operation[name] for name in ("operationId", "migrationId", "targetId", "description", "createdAt"))
