"""What schemathesis is told beside the document; it reads this file itself."""

import json
from collections.abc import Callable
from itertools import count
from typing import Any

import schemathesis

FORM = {"malformed", "json_invalid", "parameter_invalid"}
"""Codes of violations of the form. All others are about sense: of the table, of its data, of ids that were given out."""


@schemathesis.check
def form_is_as_published(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> None:
    """Whatever the document allows is read; and every error, of every status, has the envelope."""
    if response.status_code >= 400:
        body = json.loads(response.content)
        if case.operation.label != "GET /health/ready":
            assert set(body) == {"error", "code", "details", "retryable"}, body
            assert "requestId" in body["details"], body
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code != 400:
        return
    violations = body["details"].get("violations", ())
    # JSON Schema takes 7.0 for an integer; it is not read as one.
    codes = {each["code"] for each in violations if "got `float`" not in each["message"]} | {body["code"]}
    assert not codes & (FORM | {"header_invalid"}), body


NUMBERS = count()
SENSIBLE: dict[str, Callable[[int], dict[str, Any]]] = {
    "createTable": lambda number: {
        "datasetId": "d",
        "tableName": f"walk {number}",
        "fields": [{"name": "id", "arrowType": "int64"}, {"name": "amount", "arrowType": "int32"}],
    },
    "executeMigration": lambda number: {
        "operations": [
            {"type": "add_column", "params": {"name": f"c{number}", "dataType": "utf8", "nullable": True}},
            {"type": "change_column_type", "params": {"name": "amount", "oldType": "int32", "newType": "int64"}},
        ]
    },
    "revertMigration": lambda number: {"description": f"walk {number}"},
    "buildIndex": lambda number: {"column": "id", "indexType": "btree", "name": f"i{number}"},
    "createToken": lambda number: {"subject": "x", "grants": [{"scopes": ["tables:read"], "datasets": ["d"]}]},
    "createRoleBinding": lambda number: {"group": "x", "scopes": ["tables:read"], "datasets": ["d"]},
}
"""Bodies that make sense, by call: where chance alone decides, hardly a walk gets past its first step."""


@schemathesis.hook
def before_call(ctx: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, Any]) -> None:
    """On walks, every other body that may make sense does."""
    called = case.operation.definition.raw.get("operationId")
    if case.meta is None or case.meta.phase.name != "stateful" or called not in SENSIBLE:
        return
    number = next(NUMBERS)
    if case.meta.generation.mode.is_positive and number % 3:
        case.body = SENSIBLE[called](number)
        case.media_type = "application/json"
