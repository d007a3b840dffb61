"""What a webhook is told: small messages of ids and codes, and paths under which the rest can be read.

Nothing that people wrote is in them, and no value of a table: what has left the house cannot be erased. Whoever may
know more fetches it, with a token.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, get_args
from uuid import UUID

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

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


class Data(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What a message is about. ``position`` is that of its event in the log, ``links`` lead to more."""

    position: int
    links: dict[str, str]


class OperationEnded(Data, frozen=True, kw_only=True):
    """An operation has ended; ``errorCode`` is there when it failed. One of no table is about the service itself."""

    operation_id: UUID
    operation_type: str
    status: str
    error_code: str | UnsetType = UNSET
    table_id: UUID | UnsetType = UNSET
    dataset_id: str | UnsetType = UNSET
    migration_id: UUID | UnsetType = UNSET


class ApprovalWanted(Data, frozen=True, kw_only=True):
    """A migration waits for approval, or did not wait and is to be reviewed."""

    migration_id: UUID
    operation_id: UUID
    table_id: UUID
    dataset_id: str
    hazards: tuple[str, ...]
    plan_hash: str


class TableDrifted(Data, frozen=True, kw_only=True):
    """The table is not what its schema version says: somebody changed it outside."""

    table_id: UUID
    dataset_id: str
    schema_version: int


class SealHalted(Data, frozen=True, kw_only=True):
    """The log cannot be sealed any further."""


class Challenge(Struct, frozen=True, kw_only=True, rename="camel"):
    """What whoever wants to be told of more sends back."""

    webhook_id: UUID
    challenge: str


class Content(Struct, frozen=True, kw_only=True):
    """What a message is about, and where that belongs; None: to the service as a whole."""

    data: Data
    table_id: UUID | None = None
    dataset_id: str | None = None


class Told(Struct, frozen=True, kw_only=True):
    """The body of a message, as it is sent."""

    type: str
    timestamp: datetime
    data: Data | Challenge | Raw


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
            seen = TableDrifted(
                table_id=drift.table_id,
                dataset_id=drift.dataset_id,
                schema_version=drift.version,
                position=event.position,
                links={"table": _table(drift.table_id), "drift": f"{_table(drift.table_id)}/drift"},
            )
            return Content(data=seen, table_id=drift.table_id, dataset_id=drift.dataset_id)
        case SealStopped():
            links = {"checkpoint": "/audit/checkpoint", "health": "/health/ready"}
            return Content(data=SealHalted(position=event.position, links=links))
        case _:
            raise AssertionError(f"{event.fact.topic} is told to nobody")


def body_of(event_type: str, moment: datetime, data: Data | Challenge | Raw) -> bytes:
    return msgspec.json.encode(Told(type=event_type, timestamp=moment, data=data))


def verification_body(webhook_id: UUID, challenge: str, moment: datetime) -> bytes:
    """A message that whoever wants the others answers with the challenge in it."""
    return body_of(VERIFICATION, moment, Challenge(webhook_id=webhook_id, challenge=challenge))


def _of_operation(
    event: Recorded, request: OperationRequested | None, dataset_id: str | None, topic: str, code: str | None = None
) -> Content:
    assert request is not None, "an operation begins with its request"
    table = None if dataset_id is None else request.table_id
    links = {"operation": f"/operations/{event.stream}"}
    if table is not None:
        links["table"] = _table(table)
        if request.migration_id is not None:
            links["migration"] = f"{_table(table)}/migrations/{request.migration_id}"
    ended = OperationEnded(
        operation_id=event.stream,
        operation_type=request.operation_type,
        status=topic.removeprefix("operation."),
        error_code=code or UNSET,
        table_id=table or UNSET,
        dataset_id=dataset_id or UNSET,
        migration_id=request.migration_id or UNSET,
        position=event.position,
        links=links,
    )
    return Content(data=ended, table_id=table, dataset_id=dataset_id)


def _of_approval(event: Recorded, asked: ApprovalRequested | EmergencyDeclared) -> Content:
    table, operation = _table(asked.table_id), f"/operations/{asked.operation_id}"
    wanted = ApprovalWanted(
        migration_id=event.stream,
        operation_id=asked.operation_id,
        table_id=asked.table_id,
        dataset_id=asked.dataset_id,
        hazards=asked.hazards,
        plan_hash=asked.plan_hash,
        position=event.position,
        links={"migration": f"{table}/migrations/{event.stream}", "table": table, "operation": operation},
    )
    return Content(data=wanted, table_id=asked.table_id, dataset_id=asked.dataset_id)


def _table(table_id: UUID) -> str:
    return f"/dataset-tables/{table_id}"
