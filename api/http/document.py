"""The published OpenAPI 3.1 document: paths from the routes, schemas from the Structs, and what both leave out.

The framework describes a tagged union without its discriminator, closed objects as open ones, and only its own errors;
msgspec describes the Structs rightly, so the components are msgspec's and the rest is finished here.
"""

import re
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import msgspec
from litestar import Litestar
from litestar.di import Provide
from litestar.openapi.config import OpenAPIConfig
from litestar.types import ControllerRouterHandler

from api.http import (
    access_wire,
    bodies,
    health,
    migration_wire,
    past_wire,
    seal_wire,
    subjects,
    trail_wire,
    webhook_wire,
    wire,
)
from api.http.access import BODY, OPEN, WRITES
from api.http.described import (
    BARE_WRITES,
    ERRORS,
    RETRYABLE,
    SUCCESSES,
    UNDECLARED,
    WRITE_ERRORS,
)
from api.http.examples import EXAMPLES
from api.http.links import ACCEPTED, links_of
from api.http.parameters import finished
from api.http.reports import FORMATS as REPORT_FORMATS
from api.http.telling import messages
from api.http.trails import FORMATS as TRAIL_FORMATS
from domain.naming import camel

BINARY: dict[str, Any] = {"type": "string", "format": "binary"}

FORMATS = {"listAuditEvents": tuple(TRAIL_FORMATS), "getAuditReport": tuple(REPORT_FORMATS)}

LOCATED = ("verifyWebhook", "resendDelivery")
"""Requests whose answer says where it can be looked at again."""

STREAMS = ("followOperation", "followTableOperation")
"""Answers that are streams of events."""
EVENT: dict[str, Any] = {
    "description": "One event. The data of `keep-alive`, which has no id, is an empty object.",
    "type": "object",
    "properties": {
        "id": {"type": "string", "pattern": "^[0-9]+$"},
        "event": {"type": "string"},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {"$ref": "#/components/schemas/OperationBody"},
        },
    },
    "required": ["event", "data"],
}

METHODS = ("get", "post", "put", "patch", "delete")

ANSWERS: list[type] = [
    wire.ErrorBody,
    wire.OperationBody,
    wire.OperationList,
    wire.TableBody,
    wire.TableList,
    wire.SchemaBody,
    wire.VersionList,
    migration_wire.MigrationBody,
    migration_wire.MigrationList,
    wire.PlanBody,
    wire.DriftBody,
    access_wire.TokenBody,
    access_wire.TokenList,
    access_wire.NewSecretBody,
    access_wire.WhoamiBody,
    access_wire.RoleBindingBody,
    access_wire.RoleBindingList,
    access_wire.PolicyBody,
    migration_wire.ApprovalList,
    wire.IndexBody,
    wire.IndexList,
    past_wire.SchemaDiffBody,
    past_wire.ColumnHistoryBody,
    seal_wire.CheckpointList,
    seal_wire.ProofBody,
    seal_wire.ConsistencyBody,
    seal_wire.KeysBody,
    trail_wire.TrailList,
    webhook_wire.WebhookList,
    webhook_wire.NewWebhookSecretBody,
    webhook_wire.DeliveryList,
    subjects.SubjectList,
    health.HealthBody,
]
REQUESTS: list[type] = [
    subjects.NamedSubjectBody,
    subjects.ErasedSubjectBody,
    bodies.MigrationRequestBody,
    bodies.NewTableBody,
    bodies.CancelBody,
    bodies.RevertBody,
    bodies.AdoptBody,
    bodies.NewIndexBody,
    bodies.NewTokenBody,
    bodies.NewRoleBindingBody,
    bodies.ApproveBody,
    bodies.RejectBody,
    bodies.NewPolicyBody,
    webhook_wire.NewWebhookBody,
    webhook_wire.ChangedWebhookBody,
    webhook_wire.RotatedSecretBody,
]


def make_document(routes: list[ControllerRouterHandler], dependencies: dict[str, Provide]) -> dict[str, Any]:
    """The whole document, ready to be encoded as JSON. ``dependencies`` are those the routes ask for."""
    title, release = "Schemaledger", version("schemaledger")
    described = OpenAPIConfig(title=title, version=release, use_handler_docstrings=True)
    # Without a logging configuration: the framework's own would take the place of the process's.
    sketch = Litestar(routes, dependencies=dependencies, openapi_config=described, logging_config=None)
    document = sketch.openapi_schema.to_schema()
    document["info"]["description"] = "Executes schema migrations on dataset tables and remembers every one of them."
    document["info"]["license"] = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
    document["components"] = {
        "schemas": _components(),
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
    }
    document["security"] = [{"token": []}]
    options = _options(sketch)
    document["paths"] = {camel_path(path): item for path, item in document["paths"].items()}
    for operation in _operations(document):
        _finish(operation, options[operation["operationId"]])
    document["webhooks"] = messages()
    return document


def _components() -> dict[str, Any]:
    _, components = msgspec.json.schema_components(
        [*ANSWERS, *REQUESTS, *webhook_wire.MESSAGES], ref_template="#/components/schemas/{name}"
    )
    # Raw JSON has no shape of its own; what is read back is what was sent.
    items = components["MigrationRequestBody"]["properties"]["operations"]["items"]
    for name in ("MigrationBody", "PlanBody"):
        components[name]["properties"]["operations"] = {"type": "array", "items": items}
    return components


def _options(app: Litestar) -> dict[str, dict[str, Any]]:
    handlers = (handler for route in app.routes for handler in getattr(route, "route_handlers", ()))
    return {handler.operation_id: handler.opt for handler in handlers if getattr(handler, "operation_id", None)}


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in document["paths"].values():
        for method in METHODS:
            if method in item:
                yield item[method]


def _finish(operation: dict[str, Any], options: dict[str, Any]) -> None:
    operation.pop("deprecated", None)
    operation["parameters"] = finished(operation, FORMATS)
    body = options.get(BODY)
    if body is not None:
        described: dict[str, Any] = {"schema": _ref(body.__name__)}
        if body in EXAMPLES:
            described["example"] = EXAMPLES[body]
        content = {"application/json": described}
        required = any(field.required for field in msgspec.structs.fields(body))
        operation["requestBody"] = {"required": required, "content": content}
    else:
        operation.pop("requestBody", None)
    if options.get(OPEN):
        operation["security"] = []
    _answers(operation, writes=body is not None or bool(options.get(WRITES)), is_open=bool(options.get(OPEN)))


def _answers(operation: dict[str, Any], *, writes: bool, is_open: bool) -> None:
    responses = {
        status: {**answer, "description": SUCCESSES[status]}
        for status, answer in operation["responses"].items()
        if status.startswith("2")
    }
    called = operation["operationId"]
    success = next(status for status in responses if status[0] == "2")
    if called in ACCEPTED:
        responses["202"]["headers"] = _headers("Location", "Operation-Location", "Retry-After")
    if success == "201" or called in LOCATED:
        responses[success]["headers"] = _headers("Location")
    if links := links_of(called):
        responses[success]["links"] = links
    if operation["operationId"] == "cancelOperation":
        responses["200"] = responses["202"]
    if operation["operationId"] == "getSchema":
        # Without a body only as 304, which is told apart below.
        responses["200"]["content"]["application/json"]["schema"] = _ref("SchemaBody")
        responses["304"] = {"description": "The ETag still holds."}
    if operation["operationId"] == "metrics":
        responses["200"] = _text(responses["200"]["description"], "text/plain", {"type": "string"})
    if operation["operationId"] == "getCheckpoint":
        responses["200"] = _text("The note.", "text/plain", {"type": "string"})
    if operation["operationId"] == "getEvidence":
        responses["200"] = _text("The file.", "application/x-tar", {"type": "string", "format": "binary"})
    if operation["operationId"] == "getAuditReport":
        responses["200"] = _text("The report.", "text/html", {"type": "string"})
        responses["200"]["content"]["text/markdown"] = {"schema": {"type": "string"}}
    if operation["operationId"] == "listAuditEvents":
        responses["200"]["content"]["application/json"]["schema"] = _ref("TrailList")
        responses["200"]["content"] |= {kind: {"schema": BINARY} for kind in list(TRAIL_FORMATS.values())[1:]}
        responses["200"]["headers"] = {"Last-Position": {"schema": {"type": "integer"}, "description": "Of an export."}}
    if operation["operationId"] in STREAMS:
        responses["200"] = _text(responses["200"]["description"], "text/event-stream", EVENT)
        responses["204"] = {"description": "The operation has ended and nothing is left to tell."}
    if operation["operationId"] == "ready":
        responses["503"] = responses["200"]
    for status, text in ERRORS.items():
        if is_open or (status in WRITE_ERRORS and not writes and status not in _undeclared(operation["operationId"])):
            continue
        responses.setdefault(status, _envelope(text))
        if status in RETRYABLE:
            responses[status].setdefault("headers", _headers("Retry-After"))
    operation["responses"] = responses


def _undeclared(operation_id: str) -> tuple[str, ...]:
    return WRITE_ERRORS if operation_id in BARE_WRITES else UNDECLARED.get(operation_id, ())


def _envelope(description: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": _ref("ErrorBody")}}}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _text(description: str, media_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {media_type: {"schema": schema}}}


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"schema": {"type": "string"}, "required": True} for name in names}


def camel_path(path: str) -> str:
    """The template of a path with its names as they stand on the wire."""
    return re.sub(r"\{(\w+)\}", lambda found: "{" + camel(found[1]) + "}", path)
