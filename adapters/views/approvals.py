"""``approvals``, inline: what waits for somebody's approval and what was decided; and the policies of datasets."""

from collections.abc import Iterable
from typing import get_args
from uuid import UUID

from adapters.postgres.statements import Statement
from adapters.views.placing import MOMENT, POSITION
from domain.facts import Fact
from domain.migration.approval import HOW
from domain.migration.events import (
    ApprovalRequested,
    EmergencyDeclared,
    EmergencyReviewed,
    MigrationApproved,
    MigrationCancelled,
    MigrationRejected,
)
from domain.policy.events import ApprovalPolicyRemoved, ApprovalPolicySet, PolicyFact

FACTS: tuple[type[Fact], ...] = (
    ApprovalRequested,
    EmergencyDeclared,
    MigrationApproved,
    MigrationRejected,
    MigrationCancelled,
    EmergencyReviewed,
    *get_args(PolicyFact),
)
"""The facts that change anything here."""

ASKED = f"""
INSERT INTO approvals_v1 (
    migration_id, position, table_id, dataset_id, operation_id, kind, status, hazards, approvers, plan_hash, author,
    asked_at)
VALUES (
    %(stream)s, {POSITION}, %(table_id)s, %(dataset_id)s, %(operation_id)s, %(kind)s, %(status)s, %(hazards)s::text[],
    %(approvers)s::text[], %(plan_hash)s, %(author)s, {MOMENT})
"""  # noqa: S608  # only our own SQL is put together
DECIDED = f"""
UPDATE approvals_v1 SET status = %(status)s, decided_by = %(by)s, decided_at = {MOMENT}
WHERE migration_id = %(stream)s AND status IN ('waiting', 'open')
"""  # noqa: S608
CANCELLED = f"""
UPDATE approvals_v1 SET status = 'cancelled', decided_at = {MOMENT}
WHERE migration_id = %(stream)s AND status = 'waiting'
"""  # noqa: S608
POLICY = f"""
INSERT INTO approval_policies_v1 (dataset_id, hazards, approvers, set_by, set_at)
VALUES (%(dataset_id)s, %(hazards)s::text[], %(approvers)s::text[], %(set_by)s, {MOMENT})
ON CONFLICT (dataset_id) DO UPDATE
SET hazards = excluded.hazards, approvers = excluded.approvers, set_by = excluded.set_by, set_at = excluded.set_at
"""  # noqa: S608
NO_POLICY = "DELETE FROM approval_policies_v1 WHERE dataset_id = %(dataset_id)s"


def approvals(stream: UUID, version: int, fact: Fact) -> Iterable[Statement]:
    place = {"stream": stream, "version": version}
    match fact:
        case ApprovalRequested():
            yield Statement(ASKED, {**place, **_asked(fact), "kind": "approval", "status": "waiting"})
        case EmergencyDeclared():
            yield Statement(ASKED, {**place, **_asked(fact), "kind": "emergency", "status": "open"})
        case MigrationApproved():
            yield Statement(DECIDED, {**place, "status": "approved", "by": fact.by})
        case MigrationRejected():
            yield Statement(DECIDED, {**place, "status": HOW[fact.code], "by": fact.by})
        case EmergencyReviewed():
            yield Statement(DECIDED, {**place, "status": "approved" if fact.approved else "rejected", "by": fact.by})
        case MigrationCancelled():
            yield Statement(CANCELLED, place)
        case ApprovalPolicySet():
            asking = {"hazards": list(fact.hazards), "approvers": list(fact.approvers), "set_by": fact.set_by}
            yield Statement(POLICY, {**place, "dataset_id": fact.dataset_id, **asking})
        case ApprovalPolicyRemoved():
            yield Statement(NO_POLICY, {"dataset_id": fact.dataset_id})
        case _:
            pass


def _asked(fact: ApprovalRequested | EmergencyDeclared) -> dict[str, object]:
    return {
        "table_id": fact.table_id,
        "dataset_id": fact.dataset_id,
        "operation_id": fact.operation_id,
        "hazards": list(fact.hazards),
        "approvers": list(fact.approvers),
        "plan_hash": fact.plan_hash,
        "author": fact.author,
    }
