"""``migrations``, asynchronous: every migration of every table, and how it went."""

from collections.abc import Iterable
from typing import assert_never

from adapters.postgres.statements import Statement
from domain.facts import Recorded
from domain.migration.approval import why_rejected
from domain.migration.events import (
    ApprovalRequested,
    EmergencyDeclared,
    EmergencyReviewed,
    MigrationAdopted,
    MigrationApproved,
    MigrationCancelled,
    MigrationFact,
    MigrationFailed,
    MigrationRejected,
    MigrationRequested,
    MigrationStarted,
    MigrationSucceeded,
)

INSERT = """
INSERT INTO migrations_v4 (
    migration_id, position, operation_id, table_id, dataset_id, from_version, to_version, operations, description,
    reverts, status, created_at, created_by)
VALUES (
    %(stream)s, %(position)s, %(operation_id)s, %(table_id)s, %(dataset_id)s, %(from_version)s, %(to_version)s,
    %(operations)s, %(description)s, %(reverts)s, 'pending', %(moment)s, %(actor)s)
"""
ADOPTED = """
INSERT INTO migrations_v4 (
    migration_id, position, table_id, dataset_id, from_version, to_version, operations, description, status,
    created_at, created_by, adopted_by, started_at, completed_at)
VALUES (
    %(stream)s, %(position)s, %(table_id)s, %(dataset_id)s, %(from_version)s, %(to_version)s, %(operations)s,
    %(description)s, 'succeeded', %(effective_at)s, 'unknown', %(actor)s, %(effective_at)s, %(effective_at)s)
"""
STARTED = "UPDATE migrations_v4 SET status = 'running', started_at = %(moment)s WHERE migration_id = %(stream)s"
ENDED = """
UPDATE migrations_v4 SET status = %(status)s, completed_at = %(moment)s, error_code = %(code)s,
    error_message = %(message)s
WHERE migration_id = %(stream)s
"""


def migrations(event: Recorded) -> Iterable[Statement]:
    fact = event.fact
    if isinstance(fact, MigrationFact) and (row := _row(fact)) is not None:
        sql, parameters = row
        place = {"stream": event.stream, "position": event.position, "moment": event.recorded_at}
        yield Statement(sql, {**place, "actor": event.metadata.origin.actor, **parameters})


def _row(fact: MigrationFact) -> tuple[str, dict[str, object]] | None:
    match fact:
        case MigrationRequested():
            return INSERT, {**_asked(fact), "operation_id": fact.operation_id, "reverts": fact.reverts}
        case MigrationAdopted():
            return ADOPTED, {**_asked(fact), "effective_at": fact.effective_at}
        case MigrationStarted():
            return STARTED, {}
        case MigrationSucceeded():
            return ENDED, {"status": "succeeded", "code": None, "message": None}
        case MigrationFailed():
            return ENDED, {"status": "failed", "code": fact.code, "message": fact.message}
        case MigrationCancelled():
            return ENDED, {"status": "cancelled", "code": "cancelled", "message": fact.reason}
        case MigrationRejected():
            return ENDED, {"status": "rejected", "code": fact.code, "message": why_rejected(fact)}
        case ApprovalRequested() | MigrationApproved() | EmergencyDeclared() | EmergencyReviewed():
            return None
        case _:
            assert_never(fact)


def _asked(fact: MigrationRequested | MigrationAdopted) -> dict[str, object]:
    return {
        "table_id": fact.table_id,
        "dataset_id": fact.dataset_id,
        "from_version": fact.from_version,
        "to_version": fact.to_version,
        "operations": bytes(fact.operations).decode(),
        "description": fact.description,
    }
