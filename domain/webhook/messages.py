"""What a webhook is told: small messages of ids and codes, and paths under which the rest can be read.

Nothing that people wrote is in them, and no value of a table: what has left the house cannot be erased. Whoever may
know more fetches it, with a token.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, get_args
from uuid import UUID

import msgspec
from msgspec import Struct

from domain.access import Scope
from domain.alarm.events import DriftFound, SealStopped
from domain.facts import Fact, Recorded
from domain.migration.events import ApprovalRequested, EmergencyDeclared
from domain.operation.events import OperationCancelled, OperationCompleted, OperationFailed, OperationRequested

EventType = Literal[
    "operation.completed",
    "operation.failed",
    "operation.cancelled",
    "migration.approval_requested",
    "migration.emergency_declared",
    "drift.found",
    "seal.stopped",
]
"""What a webhook may ask for. Each is the type of an event of the log."""
EVENT_TYPES: tuple[str, ...] = get_args(EventType)

VERIFICATION = "webhook.verification"
"""The type of the one message that goes to a webhook that is not verified."""

SCOPES: Mapping[str, Scope] = {
    "operation.completed": Scope.OPERATIONS_READ,
    "operation.failed": Scope.OPERATIONS_READ,
    "operation.cancelled": Scope.OPERATIONS_READ,
    "migration.approval_requested": Scope.MIGRATIONS_READ,
    "migration.emergency_declared": Scope.MIGRATIONS_READ,
    "drift.found": Scope.SCHEMA_READ,
    "seal.stopped": Scope.AUDIT_READ,
}
"""What lets somebody read what the messages of a type tell."""

OF_THE_SERVICE = ("seal.stopped",)
"""Types that are about no table: they go to webhooks only that are restricted to none."""


class Content(Struct, frozen=True, kw_only=True):
    """What a message is about: its ``data``, and where that belongs; None: to the service as a whole."""

    data: Mapping[str, object]
    table_id: UUID | None = None
    dataset_id: str | None = None


class Told(Struct, frozen=True, kw_only=True):
    """The body of a message, as it is sent."""

    type: str
    timestamp: datetime
    data: Mapping[str, object]


def is_told(fact: Fact) -> bool:
    return fact.topic in SCOPES


def content_of(event: Recorded, request: OperationRequested | None, dataset_id: str | None) -> Content:
    """What there is to tell of an event of one of ``EVENT_TYPES``.

    ``request`` is the first event of an operation's, and ``dataset_id`` that of its table; None where it has none.
    """
    match event.fact:
        case OperationCompleted() | OperationCancelled() as ended:
            return _of_operation(event, request, dataset_id, ended.topic)
        case OperationFailed() as failed:
            return _of_operation(event, request, dataset_id, failed.topic, failed.code)
        case ApprovalRequested() | EmergencyDeclared() as asked:
            return _of_approval(event, asked)
        case DriftFound() as drift:
            links = {"table": _table(drift.table_id), "drift": f"{_table(drift.table_id)}/drift"}
            told = {"tableId": drift.table_id, "datasetId": drift.dataset_id, "schemaVersion": drift.version}
            return Content(data=_data(event, told, links), table_id=drift.table_id, dataset_id=drift.dataset_id)
        case SealStopped():
            return Content(data=_data(event, {}, {"checkpoint": "/audit/checkpoint", "health": "/health/ready"}))
        case _:
            raise AssertionError(f"{event.fact.topic} is told to nobody")


def body_of(event_type: str, moment: datetime, data: Mapping[str, object]) -> bytes:
    return msgspec.json.encode(Told(type=event_type, timestamp=moment, data=data))


def verification_body(webhook_id: UUID, challenge: str, moment: datetime) -> bytes:
    """A message that whoever wants the others answers with the challenge in it."""
    return body_of(VERIFICATION, moment, {"webhookId": webhook_id, "challenge": challenge})


def _of_operation(
    event: Recorded, request: OperationRequested | None, dataset_id: str | None, topic: str, code: str | None = None
) -> Content:
    assert request is not None, "an operation begins with its request"
    table = None if dataset_id is None else request.table_id
    told = {
        "operationId": event.stream,
        "operationType": request.operation_type,
        "status": topic.removeprefix("operation."),
        "errorCode": code,
        "tableId": table,
        "datasetId": dataset_id,
        "migrationId": request.migration_id,
    }
    links = {"operation": f"/operations/{event.stream}"}
    if table is not None:
        links["table"] = _table(table)
        if request.migration_id is not None:
            links["migration"] = f"{_table(table)}/migrations/{request.migration_id}"
    return Content(data=_data(event, told, links), table_id=table, dataset_id=dataset_id)


def _of_approval(event: Recorded, asked: ApprovalRequested | EmergencyDeclared) -> Content:
    told = {
        "migrationId": event.stream,
        "operationId": asked.operation_id,
        "tableId": asked.table_id,
        "datasetId": asked.dataset_id,
        "hazards": asked.hazards,
        "planHash": asked.plan_hash,
    }
    migration = f"{_table(asked.table_id)}/migrations/{event.stream}"
    links = {"migration": migration, "table": _table(asked.table_id), "operation": f"/operations/{asked.operation_id}"}
    return Content(data=_data(event, told, links), table_id=asked.table_id, dataset_id=asked.dataset_id)


def _table(table_id: UUID) -> str:
    return f"/dataset-tables/{table_id}"


def _data(event: Recorded, told: Mapping[str, object], links: Mapping[str, str]) -> dict[str, object]:
    given = {name: value for name, value in told.items() if value is not None}
    return {**given, "position": event.position, "links": links}
