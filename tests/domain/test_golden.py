"""Samples of every event ever written decode for ever.

A sample that is there is never changed. For a new fact, run ``python -m tests.domain.test_golden``: it writes what is
missing and refuses to touch the rest.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args
from uuid import UUID

import msgspec
import pytest

from domain.access import Grant, Scope
from domain.alarm.events import DriftFound, DriftGone, SealStopped
from domain.all_facts import AnyFact
from domain.facts import Fact
from domain.migration.events import (
    ApprovalRequested,
    EmergencyDeclared,
    EmergencyReviewed,
    MigrationAdopted,
    MigrationApproved,
    MigrationCancelled,
    MigrationFailed,
    MigrationRejected,
    MigrationRequested,
    MigrationStarted,
    MigrationSucceeded,
)
from domain.operation.events import (
    OperationCancellationAcknowledged,
    OperationCancellationRequested,
    OperationCancelled,
    OperationCompleted,
    OperationFailed,
    OperationProgressed,
    OperationPublishing,
    OperationReleased,
    OperationRequested,
    OperationStarted,
)
from domain.policy.events import ApprovalPolicyRemoved, ApprovalPolicySet
from domain.role_binding.events import RoleBound, RoleUnbound
from domain.schema import Column, Index, Schema, fingerprint
from domain.subject.events import SubjectErased, SubjectNamed
from domain.table.events import (
    MigrationQueued,
    MigrationWithdrawn,
    OutsideChangeAdopted,
    SchemaChanged,
    TableRegistered,
    TableUnregistered,
)
from domain.token.events import TokenIssued, TokenRevoked, TokenRotated
from domain.trail.events import CommandDenied, FurtherCounted, TrailRead
from domain.webhook.events import (
    WebhookChanged,
    WebhookCreated,
    WebhookDeleted,
    WebhookDeliveryResent,
    WebhookDisabled,
    WebhookEnabled,
    WebhookSecretRotated,
    WebhookVerificationRequested,
    WebhookVerified,
)

FOLDER = Path(__file__).parent / "golden"
SCHEMA = Schema(
    columns=(
        Column(id=1, name="id", data_type="int64", nullable=False, comment="the key"),
        Column(id=3, name="größe", data_type="decimal128(10, 2)", initial_default="1.50", write_default="2.00"),
        Column(id=4, name="tags", data_type="list<utf8>", metadata={"owner": "data"}),
    ),
    primary_key=(1,),
    indexes=(Index(name="id_idx", column_ids=(1,), index_type="btree"),),
    last_column_id=4,
)
MOMENT = datetime(2026, 3, 3, 9, 30, tzinfo=UTC)
A, B, C = UUID(int=1), UUID(int=2), UUID(int=3)
OPERATIONS = msgspec.Raw(b'[{"type":"drop_column","params":{"name":"x"}}]')

SAMPLES: list[Fact] = [
    TableRegistered(
        dataset_id="d",
        name="t",
        description="why",
        engine="lance",
        location="/tables/t",
        created=True,
        schema=SCHEMA,
        fingerprint=fingerprint(SCHEMA),
    ),
    MigrationQueued(migration_id=A, operation_id=B, to_version=2, schema=SCHEMA),
    SchemaChanged(migration_id=A, version=2, schema=SCHEMA, fingerprint=fingerprint(SCHEMA)),
    MigrationWithdrawn(migration_id=A),
    TableUnregistered(),
    OutsideChangeAdopted(
        migration_id=A, version=3, schema=SCHEMA, fingerprint=fingerprint(SCHEMA), effective_at=MOMENT
    ),
    MigrationAdopted(
        table_id=C,
        dataset_id="d",
        operations=OPERATIONS,
        from_version=2,
        to_version=3,
        before=SCHEMA,
        before_fingerprint=fingerprint(SCHEMA),
        after=SCHEMA,
        after_fingerprint=fingerprint(SCHEMA),
        engine_version="9",
        effective_at=MOMENT,
    ),
    MigrationRequested(
        table_id=C,
        dataset_id="d",
        operation_id=B,
        operations=OPERATIONS,
        description="why",
        from_version=1,
        to_version=2,
        plan_hash="sha256-v1:00",
    ),
    MigrationStarted(),
    MigrationSucceeded(
        before=SCHEMA,
        before_fingerprint=fingerprint(SCHEMA),
        after=SCHEMA,
        after_fingerprint=fingerprint(SCHEMA),
        engine_version="7",
    ),
    MigrationFailed(code="cast_failed", message="3 of 9 values"),
    MigrationCancelled(reason="no longer wanted"),
    OperationRequested(
        table_id=C,
        operation_type="migration",
        target_type="table",
        target_id=str(C),
        description="why",
        migration_id=A,
        request_fingerprint="00ff",
    ),
    OperationStarted(attempt=1, worker="host-1"),
    OperationProgressed(percent=12.5, message="m", units_done=1, units_total=8, rows_done=10, rows_total=80),
    OperationCancellationRequested(reason="no longer wanted"),
    OperationCancellationAcknowledged(attempt=2),
    OperationPublishing(),
    OperationCompleted(message="done"),
    OperationFailed(code="cast_failed", message="3 of 9 values"),
    OperationCancelled(reason="no longer wanted"),
    CommandDenied(command="POST /dataset-tables", code="table_name_taken", message="m", table_id=C, target="x"),
    TrailRead(what="events", format="csv", filters={"tableId": str(C)}),
    SubjectNamed(subject="u-1"),
    SubjectErased(subject="u-1"),
    FurtherCounted(deed="denied", caller="mallory", hour=MOMENT, count=940),
    OperationReleased(),
    ApprovalRequested(
        table_id=C,
        dataset_id="d",
        operation_id=B,
        author="ana",
        hazards=("data_loss",),
        plan_hash="sha256-v1:00",
        approvers=("bea",),
    ),
    MigrationApproved(by="bea", plan_hash="sha256-v1:00", reason="it is no longer used"),
    MigrationRejected(code="migration_rejected", by="bea", reason="it is still used"),
    EmergencyDeclared(
        table_id=C,
        dataset_id="d",
        operation_id=B,
        author="ana",
        hazards=("data_loss",),
        plan_hash="sha256-v1:00",
        reason="the disk is full",
    ),
    EmergencyReviewed(by="bea", approved=False, reason="there was time"),
    ApprovalPolicySet(dataset_id="d", hazards=("data_loss",), set_by="admin", approvers=("bea",)),
    ApprovalPolicyRemoved(dataset_id="d"),
    TokenIssued(
        subject="ana",
        grants=(Grant(scopes=(Scope.TABLES_READ,), datasets=("d",), tables=(C,)),),
        secret_sha256="00ff",
        issued_by="admin",
        description="why",
        expires_at=MOMENT,
    ),
    TokenRotated(secret_sha256="ff00"),
    TokenRevoked(),
    RoleBound(
        kind="group",
        holder="platform",
        grant=Grant(scopes=(Scope.TABLES_READ,), datasets=("d",), tables=(C,)),
        bound_by="admin",
        roles=("reader",),
        expires_at=MOMENT,
    ),
    RoleUnbound(),
    WebhookCreated(
        url="https://ci.example.com/hooks",
        event_types=("drift.found", "operation.completed"),
        secret_id=A,
        created_by="ana",
        datasets=("d",),
        tables=(C,),
        description="why",
    ),
    WebhookChanged(url="https://ci.example.com/other", event_types=("operation.failed",), datasets=("d",)),
    WebhookVerificationRequested(delivery_id=B),
    WebhookVerified(url="https://ci.example.com/hooks"),
    WebhookDisabled(reason="gone"),
    WebhookEnabled(),
    WebhookSecretRotated(secret_id=B, previous_until=MOMENT),
    WebhookDeliveryResent(delivery_id=B),
    WebhookDeleted(),
    DriftFound(table_id=C, dataset_id="d", version=2, found_fingerprint="sha256-v1:00", differences=3),
    DriftGone(table_id=C, dataset_id="d", version=2),
    SealStopped(message="positions are missing from the log after 3"),
]


def path_of(topic: str) -> Path:
    return FOLDER / f"{topic}.json"


@pytest.mark.parametrize("fact", SAMPLES, ids=lambda fact: fact.topic)
def test_the_stored_sample_reads_as_the_fact_it_was(fact: Fact) -> None:
    read = msgspec.json.decode(path_of(fact.topic).read_bytes(), type=AnyFact)
    assert type(read) is type(fact)
    # Compared as JSON: a member kept raw is equal whatever the white space in it.
    assert json.loads(msgspec.json.encode(read)) == json.loads(msgspec.json.encode(fact))


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_every_stored_sample_is_written_today_as_it_was_then(path: Path) -> None:
    decoded = msgspec.json.decode(path.read_bytes(), type=AnyFact)
    assert json.loads(msgspec.json.encode(decoded)) == json.loads(path.read_bytes())


def test_every_fact_there_is_has_a_sample() -> None:
    tags = {fact.__struct_config__.tag for fact in get_args(AnyFact)}
    assert tags == {path.stem for path in FOLDER.glob("*.json")} == {fact.topic for fact in SAMPLES}


def test_the_fingerprint_of_a_schema_never_changes() -> None:
    stored = json.loads(path_of("table.registered").read_bytes())
    assert fingerprint(SCHEMA) == stored["fingerprint"]


if __name__ == "__main__":
    for sample in SAMPLES:
        if not path_of(sample.topic).exists():
            path_of(sample.topic).write_bytes(msgspec.json.format(msgspec.json.encode(sample), indent=2) + b"\n")
