"""The published document is complete and closed. That the server keeps it: tests/acceptance/test_contract.py."""

import json
from typing import Any

import pytest

from tests.api.conftest import Api

GIVEN = {
    ("POST", "/dataset-tables/{tableId}/migrations"),
    ("POST", "/dataset-tables/{tableId}/migrations/plan"),
    ("GET", "/dataset-tables/{tableId}/migrations"),
    ("GET", "/dataset-tables/{tableId}/migrations/{migrationId}"),
    ("POST", "/dataset-tables/{tableId}/migrations/{migrationId}/revert"),
    ("POST", "/dataset-tables/{tableId}/migrations/{migrationId}/revert/plan"),
    ("GET", "/dataset-tables/{tableId}/indexes"),
    ("POST", "/dataset-tables/{tableId}/indexes"),
    ("GET", "/dataset-tables/{tableId}/indexes/{indexName}"),
    ("DELETE", "/dataset-tables/{tableId}/indexes/{indexName}"),
    ("POST", "/dataset-tables/{tableId}/compact"),
    ("POST", "/dataset-tables/{tableId}/migrate-manifest-paths"),
    ("POST", "/dataset-tables/{tableId}/rewrite-storage"),
    ("GET", "/dataset-tables/{tableId}/drift"),
    ("POST", "/dataset-tables/{tableId}/adopt"),
    ("POST", "/dataset-tables"),
    ("GET", "/dataset-tables"),
    ("GET", "/dataset-tables/{tableId}"),
    ("DELETE", "/dataset-tables/{tableId}"),
    ("GET", "/dataset-tables/{tableId}/schema"),
    ("GET", "/dataset-tables/{tableId}/schema/versions"),
    ("GET", "/dataset-tables/{tableId}/schema/versions/{version}"),
    ("GET", "/dataset-tables/{tableId}/operations"),
    ("GET", "/dataset-tables/{tableId}/operations/{operationId}"),
    ("GET", "/operations"),
    ("GET", "/operations/{operationId}"),
    ("POST", "/operations/{operationId}/cancel"),
    ("POST", "/operations/{operationId}/retry"),
    ("GET", "/dataset-tables/{tableId}/schema/diff"),
    ("GET", "/dataset-tables/{tableId}/columns/{name}/history"),
    ("GET", "/operations/{operationId}/events"),
    ("GET", "/dataset-tables/{tableId}/operations/{operationId}/events"),
    ("GET", "/audit/checkpoint"),
    ("GET", "/audit/checkpoints"),
    ("GET", "/audit/keys"),
    ("GET", "/audit/proof"),
    ("GET", "/audit/consistency"),
    ("GET", "/audit/evidence"),
    ("GET", "/approvals"),
    ("POST", "/dataset-tables/{tableId}/migrations/{migrationId}/approve"),
    ("POST", "/dataset-tables/{tableId}/migrations/{migrationId}/reject"),
    ("GET", "/datasets/{datasetId}/approval-policy"),
    ("PUT", "/datasets/{datasetId}/approval-policy"),
    ("DELETE", "/datasets/{datasetId}/approval-policy"),
    ("POST", "/tokens"),
    ("GET", "/tokens"),
    ("GET", "/tokens/{tokenId}"),
    ("DELETE", "/tokens/{tokenId}"),
    ("POST", "/tokens/{tokenId}/rotate"),
    ("GET", "/whoami"),
    ("POST", "/webhooks"),
    ("GET", "/webhooks"),
    ("GET", "/webhooks/{webhookId}"),
    ("PATCH", "/webhooks/{webhookId}"),
    ("DELETE", "/webhooks/{webhookId}"),
    ("POST", "/webhooks/{webhookId}/verify"),
    ("POST", "/webhooks/{webhookId}/rotate"),
    ("GET", "/webhooks/{webhookId}/deliveries"),
    ("GET", "/webhooks/{webhookId}/deliveries/{deliveryId}"),
    ("POST", "/webhooks/{webhookId}/deliveries/{deliveryId}/resend"),
    ("POST", "/role-bindings"),
    ("GET", "/role-bindings"),
    ("GET", "/role-bindings/{bindingId}"),
    ("DELETE", "/role-bindings/{bindingId}"),
    ("GET", "/audit/events"),
    ("GET", "/audit/report"),
    ("POST", "/projections/{name}/rebuild"),
    ("POST", "/projections/{name}/verify"),
    ("GET", "/subjects"),
    ("POST", "/subjects"),
    ("POST", "/subjects/erase"),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/metrics"),
}


@pytest.fixture
def document(idle_api: Api) -> dict[str, Any]:
    return dict(idle_api.client.get("/openapi.json").json())


def test_every_endpoint_is_published(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    published = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert published == GIVEN


def test_operations_are_told_apart_by_their_type_and_closed(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    items = schemas["MigrationRequestBody"]["properties"]["operations"]["items"]
    assert items["discriminator"]["propertyName"] == "type"
    assert set(items["discriminator"]["mapping"]) >= {
        "add_column",
        "drop_column",
        "rename_column",
        "change_column_type",
        "alter_column_nullability",
    }
    for name in ("MigrationRequestBody", "AddColumn", "AddColumnParams", "NewTableBody"):
        assert schemas[name]["additionalProperties"] is False


def test_every_error_has_the_envelope(document: dict[str, Any]) -> None:
    for item in document["paths"].values():
        for operation in item.values():
            for status, answer in operation["responses"].items():
                if status[0] in "45" and operation["operationId"] != "ready":
                    assert answer["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/ErrorBody"}


def guarded(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The calls that want a token."""
    calls = [call for item in document["paths"].values() for call in item.values()]
    return [call for call in calls if call.get("security") != []]


def test_every_status_that_may_be_is_published(document: dict[str, Any]) -> None:
    for call in guarded(document):
        always = {"400", "401", "403", "404", "405", "429", "500", "503"}
        body = {"408", "409", "413", "415"} if "requestBody" in call else set()
        assert always | body <= set(call["responses"]), call["operationId"]
        assert call["responses"]["429"]["headers"]["Retry-After"]


def test_calls_and_their_parameters_are_told_in_words(document: dict[str, Any]) -> None:
    calls = [call for item in document["paths"].values() for call in item.values()]
    assert len({call["operationId"] for call in calls}) == len(calls)
    for call in calls:
        assert call["summary"], call["operationId"]
        assert call["description"], call["operationId"]
        for parameter in call["parameters"]:
            assert parameter["description"], (call["operationId"], parameter)


def test_whatever_starts_long_work_leads_to_its_operation(document: dict[str, Any]) -> None:
    operation = {"$ref": "#/components/schemas/OperationBody"}
    ids = {call["operationId"] for item in document["paths"].values() for call in item.values()}
    for call in guarded(document):
        for status, answer in call["responses"].items():
            links = answer.get("links", {})
            assert {link["operationId"] for link in links.values()} <= ids
            content = answer.get("content", {}).get("application/json", {})
            if status == "202" and content.get("schema") == operation:
                parameters = {"operationId": "$response.body#/operationId"}
                assert links["getOperation"] == {"operationId": "getOperation", "parameters": parameters}


def test_what_is_sent_is_closed_and_what_may_be_several_things_is_told_apart(document: dict[str, Any]) -> None:
    schemas, seen = document["components"]["schemas"], set[str]()
    todo = [name for call in guarded(document) for name in references(call.get("requestBody", {}))]
    assert len(todo) > 10
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += references(schemas[name])
            assert schemas[name].get("additionalProperties", False) is False, name
    for name, schema in schemas.items():
        for union in unions(schema):
            assert "discriminator" in union or len(references(union)) < 2, name


def references(value: Any) -> list[str]:
    return [part.partition('"')[0] for part in json.dumps(value).split('"#/components/schemas/')[1:]]


def unions(value: Any) -> list[dict[str, Any]]:
    """Every choice in a schema, however deep."""
    if isinstance(value, list):
        return [found for each in value for found in unions(each)]
    if not isinstance(value, dict):
        return []
    inside = [found for each in value.values() for found in unions(each)]
    return [value, *inside] if {"anyOf", "oneOf"} & set(value) else inside


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    names = set(document["components"]["schemas"])
    for part in json.dumps(document).split('"#/components/schemas/')[1:]:
        assert part.partition('"')[0] in names


@pytest.mark.parametrize("path", ["/docs", "/docs/static/docs.js", "/docs/static/swagger-ui-bundle.js"])
def test_the_docs_page_asks_nobody_else(idle_api: Api, path: str) -> None:
    answer = idle_api.client.get(path)
    assert answer.status_code == 200
    if "bundle" not in path:
        assert "http://" not in answer.text
        assert "https://" not in answer.text
