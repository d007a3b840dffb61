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
