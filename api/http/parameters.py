"""What the published document says of parameters in paths, queries and headers, and what the framework leaves out."""

from typing import Any

from domain.naming import camel

Shape = dict[str, Any]

TEXT: Shape = {"type": "string"}
MOMENT: Shape = {"type": "string", "format": "date-time"}
IF_MATCH = (
    "If-Match",
    'The schema version the migration is meant for, as its ETag: `"v3"`.',
    {"type": "string", "pattern": r'^(\*|(W/)?"?v?[0-9]{1,9}"?)$', "examples": ['"v3"']},
)
IDEMPOTENCY_KEY = (
    "Idempotency-Key",
    "A repeat of the call with the same key answers with the same operation.",
    {"type": "string", "pattern": r'^("[ !#-~]{1,255}"|[!#-~]([ !#-~]{0,253}[!#-~])?)$'},
)
LAST_EVENT_ID = (
    "Last-Event-ID",
    "The id of the last event seen: the stream goes on after it.",
    {"type": "string", "pattern": "^[0-9]{0,18}$"},
)
IF_NONE_MATCH = ("If-None-Match", "An ETag: answers 304 without a body while it still holds.", TEXT)

HEADERS: dict[str, tuple[tuple[str, str, Shape], ...]] = {
    "executeMigration": (IF_MATCH, IDEMPOTENCY_KEY),
    "revertMigration": (IF_MATCH, IDEMPOTENCY_KEY),
    "buildIndex": (IF_MATCH, IDEMPOTENCY_KEY),
    "dropIndex": (IF_MATCH, IDEMPOTENCY_KEY),
    "compactTable": (IDEMPOTENCY_KEY,),
    "migrateManifestPaths": (IDEMPOTENCY_KEY,),
    "rewriteStorage": (IDEMPOTENCY_KEY,),
    "rebuildProjection": (IDEMPOTENCY_KEY,),
    "verifyProjection": (IDEMPOTENCY_KEY,),
    "getSchema": (IF_NONE_MATCH,),
    "followOperation": (LAST_EVENT_ID,),
    "followTableOperation": (LAST_EVENT_ID,),
}

MOMENTS = ("at", "knownAt", "from", "to")
"""The names of parameters that are moments, where they are texts."""

EXAMPLES = {"rebuildProjection": {"name": "migrations"}, "verifyProjection": {"name": "all"}}

MEANINGS = {
    "tableId": "The id of the table.",
    "migrationId": "The id of the migration.",
    "operationId": "The id of the operation.",
    "indexName": "The name of the index.",
    "tokenId": "The id of the token; not its secret.",
    "bindingId": "The id of the role binding.",
    "webhookId": "The id of the webhook.",
    "deliveryId": "The id of the message.",
    "version": "A schema version's number; 1 is the first.",
    "datasetId": "Only tables of this dataset.",
    "engine": "Only tables of this engine.",
    "name": "Only tables of this name.",
    "status": "Only operations of this status.",
    "operationType": "Only operations of this type.",
    "targetId": "Only operations on this table or index.",
}
"""What a parameter is where its route does not say it."""


def finished(operation: dict[str, Any], formats: dict[str, tuple[str, ...]]) -> list[dict[str, Any]]:
    """The parameters of a call. ``formats`` are the short names that its ``format`` takes, by call."""
    called = operation["operationId"]
    found = [_parameter(each, called) for each in operation.get("parameters", ())]
    for each in found:
        if each["name"] == "format" and called in formats:
            each["schema"] = {**TEXT, "enum": list(formats[called])}
    return found + [
        {"name": name, "in": "header", "description": text, "required": False, "schema": shape}
        for name, text, shape in HEADERS.get(called, ())
    ]


def _parameter(parameter: dict[str, Any], called: str) -> dict[str, Any]:
    kept = {key: value for key, value in parameter.items() if key not in ("deprecated", "allowEmptyValue")}
    name = camel(kept["name"]) if kept["in"] == "path" else kept["name"]
    if name in MEANINGS and not kept.get("description"):
        kept["description"] = MEANINGS[name]
    if (example := EXAMPLES.get(called, {}).get(name)) is not None:
        kept["example"] = example
    return {**kept, "name": name, "schema": _shape(name, kept["schema"])}


def _shape(name: str, schema: Shape) -> Shape:
    """Whole numbers written whole, and texts without null: in a query `null` is a word like any other."""
    given = {key: _whole(value) for key, value in schema.items()}
    if TEXT in given.get("oneOf", ()):
        given = {**TEXT, **{key: value for key, value in given.items() if key != "oneOf"}}
    return {**MOMENT, **given} if name in MOMENTS and given.get("type") == "string" else given


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
