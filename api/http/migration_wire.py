"""The shapes of answers about migrations and their approvals."""

from typing import Literal

from msgspec import UNSET, Raw, UnsetType

from api.http.wire import Body, Moment, OperationErrorBody

MigrationStatus = Literal["pending", "running", "succeeded", "failed", "cancelled", "rejected"]


class ApprovalBody(Body, frozen=True, kw_only=True):
    """What somebody other than ``author`` has to decide, or decided: before (``approval``) or after (``emergency``).

    Where ``approvers`` are named, nobody else may decide. ``emergencyReason`` and ``reason`` are the words of who asked
    and of who decided; lists leave them out.
    """

    migration_id: str
    table_id: str
    dataset_id: str
    operation_id: str
    kind: Literal["approval", "emergency"]
    status: Literal["waiting", "open", "approved", "rejected", "expired", "lapsed", "cancelled"]
    hazards: tuple[str, ...]
    approvers: tuple[str, ...] = ()
    plan_hash: str
    author: str
    asked_at: Moment
    emergency_reason: str | UnsetType = UNSET
    decided_by: str | UnsetType = UNSET
    decided_at: Moment | UnsetType = UNSET
    reason: str | UnsetType = UNSET


class ApprovalList(Body, frozen=True, kw_only=True):
    approvals: tuple[ApprovalBody, ...]
    next_page_token: str | UnsetType = UNSET


class MigrationBody(Body, frozen=True, kw_only=True):
    """``operations`` reads back exactly as it was sent. ``reverts`` is the migration that this one undoes.

    A change made outside and adopted has ``createdBy`` ``unknown``, ``adoptedBy``, and no operation.
    """

    migration_id: str
    dataset_id: str
    table_id: str
    from_schema_id: str
    to_schema_id: str
    operations: Raw
    description: str | UnsetType = UNSET
    status: MigrationStatus
    error: OperationErrorBody | UnsetType = UNSET
    operation_id: str | UnsetType = UNSET
    reverts: str | UnsetType = UNSET
    approval: ApprovalBody | UnsetType = UNSET
    created_at: Moment
    created_by: str
    adopted_by: str | UnsetType = UNSET
    started_at: Moment | UnsetType = UNSET
    completed_at: Moment | UnsetType = UNSET


class MigrationList(Body, frozen=True, kw_only=True):
    migrations: tuple[MigrationBody, ...]
    next_page_token: str | UnsetType = UNSET
