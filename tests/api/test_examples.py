"""Every published example of a body is sent, and does what its call is for."""

from typing import Any

import lance
import pyarrow as pa

from tests.api.conftest import Api


def published(api: Api) -> dict[str, Any]:
    """By operation id."""
    document = api.client.get("/openapi.json").json()
    return {
        call["operationId"]: content["example"]
        for item in document["paths"].values()
        for call in item.values()
        for content in call.get("requestBody", {}).get("content", {}).values()
        if "example" in content
    }


def with_body(api: Api) -> set[str]:
    """The calls that take a body."""
    document = api.client.get("/openapi.json").json()
    return {
        call["operationId"] for item in document["paths"].values() for call in item.values() if "requestBody" in call
    }


def ended(api: Api, answer: Any, status: str = "completed") -> dict[str, Any]:
    assert answer.status_code == 202, answer.text
    found = api.finished(answer.json()["operationId"])
    assert found["status"] == status, found
    return found


def test_every_published_example_does_what_its_call_is_for(api: Api) -> None:
    examples = published(api)
    sent = set()

    def send(call: str, path: str, method: str = "POST") -> Any:
        sent.add(call)
        return api.client.request(method, path, headers=api.headers, json=examples[call])

    made = send("createTable", "/dataset-tables")
    assert made.status_code == 201, made.text
    path = f"/dataset-tables/{made.json()['tableId']}"
    planned = send("planMigration", f"{path}/migrations/plan").json()
    assert planned["isValid"], planned
    migration = ended(api, send("executeMigration", f"{path}/migrations"))["migrationId"]
    ended(api, send("buildIndex", f"{path}/indexes"))
    ended(api, api.client.delete(f"{path}/indexes/by_currency", headers=api.headers))
    assert api.post(f"{path}/migrations/{migration}/revert/plan").json()["isValid"]
    ended(api, send("revertMigration", f"{path}/migrations/{migration}/revert"))
    lance.dataset(made.json()["location"]).add_columns(pa.field("by_hand", pa.int8()))
    assert send("adoptDrift", f"{path}/adopt").status_code == 201
    late = send(
        "cancelOperation", f"/operations/{api.get('/operations').json()['operations'][0]['operationId']}/cancel"
    )
    assert late.json()["code"] == "operation_not_cancellable"
    token = send("createToken", "/tokens")
    assert token.status_code == 201, token.text
    assert send("createRoleBinding", "/role-bindings").status_code == 201
    assert send("setPolicy", "/datasets/shop/approval-policy", "PUT").json()["hazards"]
    # Nobody decides about what he asked for himself, as the admin would here: the words are read all the same.
    waiting = api.migrate(made.json()["tableId"], {"type": "drop_column", "params": {"name": "by_hand"}}).json()
    for call in ("approve", "reject"):
        refused = send(f"{call}Migration", f"{path}/migrations/{waiting['migrationId']}/{call}")
        assert refused.json()["code"] == "approver_not_allowed"
    assert send("nameSubject", "/subjects").json()["name"] == "The pipeline of the shop"
    assert send("eraseSubject", "/subjects/erase").status_code == 204
    hook = send("createWebhook", "/webhooks")
    assert hook.status_code == 201, hook.text
    path = f"/webhooks/{hook.json()['webhookId']}"
    sent.add("changeWebhook")
    changed = api.client.patch(path, headers=api.headers, json=examples["changeWebhook"])
    assert changed.json()["status"] == "disabled"
    assert send("rotateWebhookSecret", f"{path}/rotate").status_code == 200
    assert sent == set(examples)
    assert sent == with_body(api)
