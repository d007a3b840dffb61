"""Where an answer leads: the calls that go on with an id in it, for the published document."""

from typing import Any

OPERATION = {"operationId": "$response.body#/operationId"}
TABLE = {"tableId": "$response.body#/tableId"}
MIGRATION = {**TABLE, "migrationId": "$response.body#/migrationId"}
INDEX = {**TABLE, "indexName": "$request.body#/name"}
TOKEN = {"tokenId": "$response.body#/tokenId"}
BINDING = {"bindingId": "$response.body#/bindingId"}
WEBHOOK = {"webhookId": "$response.body#/webhookId"}
DELIVERY = {**WEBHOOK, "deliveryId": "$response.body#/deliveryId"}
DATASET = {"datasetId": "$request.path.datasetId"}

OF_TABLE = (
    "getTable",
    "getSchema",
    "listSchemaVersions",
    "diffSchemas",
    "planMigration",
    "executeMigration",
    "listMigrations",
    "listTableOperations",
    "listIndexes",
    "buildIndex",
    "compactTable",
    "migrateManifestPaths",
    "rewriteStorage",
    "getDrift",
    "adoptDrift",
    "unregisterTable",
)
OF_WEBHOOK = (
    "getWebhook",
    "changeWebhook",
    "verifyWebhook",
    "rotateWebhookSecret",
    "listDeliveries",
    "deleteWebhook",
)
OF_MIGRATION = ("getMigration", "planRevert", "revertMigration", "approveMigration", "rejectMigration")
OF_OPERATION = ("getOperation", "followOperation", "cancelOperation", "retryOperation")

Steps = tuple[tuple[tuple[str, ...], dict[str, str]], ...]

ACCEPTED: dict[str, Steps] = {
    "executeMigration": ((OF_MIGRATION, MIGRATION), (("getTableOperation",), {**TABLE, **OPERATION})),
    "revertMigration": ((OF_MIGRATION, MIGRATION),),
    "buildIndex": ((("getIndex", "dropIndex"), INDEX),),
    "dropIndex": (),
    "compactTable": (),
    "migrateManifestPaths": (),
    "rewriteStorage": (),
    "retryOperation": (),
    "rebuildProjection": (),
    "verifyProjection": (),
}
"""Requests for long work, which an operation answers, and what else their answers lead to."""

MADE: dict[str, Steps] = {
    "createTable": ((OF_TABLE, TABLE),),
    "adoptDrift": ((("getMigration",), MIGRATION),),
    "createToken": ((("getToken", "rotateToken", "revokeToken"), TOKEN),),
    "createRoleBinding": ((("getRoleBinding", "deleteRoleBinding"), BINDING),),
    "createWebhook": ((OF_WEBHOOK, WEBHOOK),),
    "verifyWebhook": ((("getDelivery", "resendDelivery"), DELIVERY),),
    "resendDelivery": ((("getDelivery",), DELIVERY),),
    "cancelOperation": ((("getOperation", "followOperation"), OPERATION),),
    "setPolicy": ((("getPolicy", "removePolicy"), DATASET),),
}
"""Requests that make something at once, and what goes on with it."""


def links_of(called: str) -> dict[str, Any]:
    """By the id of the call that each leads to; empty where an answer leads nowhere."""
    steps = MADE.get(called, ())
    if called in ACCEPTED:
        steps = ((OF_OPERATION, OPERATION), *ACCEPTED[called])
    return {
        target: {"operationId": target, "parameters": parameters} for targets, parameters in steps for target in targets
    }
