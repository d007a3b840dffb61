"""Deciding about migrations that wait for approval, and the policies that make them wait."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid5

import msgspec
from msgspec.structs import replace

from domain.access import Principal, Resource, Scope
from domain.changes.catalogue import AnyChange
from domain.errors import (
    ApprovalExpired,
    ApprovalLapsed,
    ApproverNotAllowed,
    MigrationNotFound,
    PolicyNotFound,
    Refusal,
    StreamMoved,
)
from domain.facts import Append, Origin
from domain.handlers.house import RACES, House
from domain.handlers.migrations import queued
from domain.handlers.operations import load_operation
from domain.handlers.planning import plan_for_head
from domain.handlers.provenance import access_to, people_of
from domain.migration import approval
from domain.migration.approval import FROM_THE_AUTHOR, SAME, TOO_YOUNG, Approve, Reject, Waiting, why_rejected
from domain.migration.events import (
    ApprovalRequested,
    EmergencyDeclared,
    EmergencyReviewed,
    MigrationFact,
    MigrationRejected,
    MigrationRequested,
)
from domain.operation.decider import FailOperation, OperationCommand, ReleaseOperation, Unfinished, decide
from domain.policy.events import ApprovalPolicyRemoved, ApprovalPolicySet, PolicyFact
from domain.views import ApprovalFilter

POLICIES = UUID("5b2d6f0e-3b0a-4f5d-9f0a-7a7f0f6b9c42")
"""The namespace of the streams of datasets' policies. Never changes."""

PAGE = 200
ASKING = (ApprovalRequested, EmergencyDeclared)


def decide_migration(
    house: House, table_id: UUID, migration_id: UUID, decision: Approve | Reject, by: Principal, origin: Origin
) -> UUID:
    """Approves or rejects a migration, or reviews an emergency; the operation that carries it out.

    Nobody decides with access that comes from the author, or that is younger than the question: it may be the author's
    own under another name. Only a rejection of what waits, which lets nothing happen, may come from such access too.

    What is approved takes its place in the table's queue, if the table is still what it was planned on. Otherwise it
    ends, and ApprovalLapsed is raised. Raises MigrationNotFound too, and what ``approval.decide`` raises.
    """
    for _ in range(RACES):
        facts, request = _load(house, table_id, migration_id)
        if people_of(origin) & people_of(house.store.load(migration_id)[0].metadata.origin):
            raise ApproverNotAllowed(decision.by, str(migration_id), SAME)
        state = approval.fold(facts)
        if not (isinstance(decision, Reject) and isinstance(state, Waiting)):
            decision = replace(decision, access_by=_access_by(house, table_id, migration_id, by))
        fact = approval.decide(decision, state, str(migration_id))
        decided = Append(stream=migration_id, expected_version=len(facts), facts=(fact,))
        lapsed: ApprovalLapsed | None = None
        try:
            if isinstance(fact, EmergencyReviewed):
                appends = [decided]
            elif isinstance(fact, MigrationRejected):
                appends = [decided, *_ended(house, request, fact)]
            else:
                appends = [decided, *_released(house, migration_id, request)]
        except ApprovalLapsed as refusal:
            lapsed = refusal
            appends = _rejected(house, migration_id, len(facts), request, MigrationRejected(code=refusal.code))
        try:
            house.store.append(appends, origin)
        except StreamMoved:
            continue
        if lapsed is not None:
            raise lapsed
        return request.operation_id
    raise StreamMoved(f"migration {migration_id}")


def _access_by(house: House, table_id: UUID, migration_id: UUID, by: Principal) -> str | None:
    """Who gave the access that the principal decides with. Raises ApproverNotAllowed where none of it counts."""
    events = house.store.load(migration_id)
    authors = people_of(events[0].metadata.origin)
    asked = next((one.position for one in events if isinstance(one.fact, ASKING)), events[0].position)
    place = Resource(table_id=table_id, dataset_id=house.whereabouts.dataset_of(table_id))
    why = FROM_THE_AUTHOR
    for access in access_to(house, by, Scope.MIGRATIONS_APPROVE, place):
        if access.hands & authors:
            continue
        if access.position < asked:
            return access.given_by
        why = TOO_YOUNG
    raise ApproverNotAllowed(by.subject, str(migration_id), why)


def expire_approvals(house: House, after: timedelta) -> int:
    """Rejects what has waited for longer, and nobody decided. How many."""
    expired, where = 0, ApprovalFilter(kind="approval", asked_before=house.clock.now() - after)
    while waiting := house.approvals.approvals(where, PAGE):
        for view in waiting:
            facts, request = _load(house, view.table_id, view.migration_id)
            if not isinstance(approval.fold(facts), Waiting):
                continue
            rejection = MigrationRejected(code=ApprovalExpired.code)
            try:
                house.store.append(_rejected(house, view.migration_id, len(facts), request, rejection), Origin())
            except StreamMoved:
                # Decided at this very moment.
                continue
            expired += 1
        if len(waiting) < PAGE:
            break
    return expired


def set_policy(house: House, policy: ApprovalPolicySet, origin: Origin) -> None:
    """From now on; what waits already goes on waiting for what was asked then."""
    _commit_policy(house, policy.dataset_id, policy, origin)


def remove_policy(house: House, dataset_id: str, origin: Origin) -> None:
    """The installation's default holds again. Raises PolicyNotFound."""
    if house.approvals.policy(dataset_id) is None:
        raise PolicyNotFound(dataset_id)
    _commit_policy(house, dataset_id, ApprovalPolicyRemoved(dataset_id=dataset_id), origin)


def words_of(house: House, migration_id: UUID) -> tuple[str | None, str | None]:
    """Why an emergency could not wait, and why it was decided as it was: the words of people, from the log."""
    asked = decided = None
    for event in house.reader.load(migration_id):
        if isinstance(event.fact, MigrationFact):
            reason = getattr(event.fact, "reason", None)
            match event.fact.topic:
                case "migration.emergency_declared":
                    asked = reason
                case "migration.approved" | "migration.rejected" | "migration.emergency_reviewed":
                    decided = reason
                case _:
                    pass
    return asked, decided


def _load(house: House, table_id: UUID, migration_id: UUID) -> tuple[tuple[MigrationFact, ...], MigrationRequested]:
    events = house.store.load(migration_id)
    facts = tuple(event.fact for event in events if isinstance(event.fact, MigrationFact))
    if not facts or not isinstance(facts[0], MigrationRequested) or facts[0].table_id != table_id:
        raise MigrationNotFound(str(table_id), str(migration_id))
    return facts, facts[0]


def _released(house: House, migration_id: UUID, request: MigrationRequested) -> Sequence[Append]:
    """The operation may be run, and the migration takes its place. Raises ApprovalLapsed."""
    try:
        table, version = house.table(request.table_id)
        changes = msgspec.json.decode(request.operations, type=tuple[AnyChange, ...])
        plan, _ = plan_for_head(house, table, changes)
    except Refusal as refusal:
        if refusal.retryable:
            raise
        raise ApprovalLapsed(str(refusal).rstrip(".")) from refusal
    if plan.base_version != request.from_version:
        raise ApprovalLapsed(
            f"it was made for schema version {request.from_version}, and would meet {plan.base_version}"
        )
    if plan.plan_hash != request.plan_hash:
        raise ApprovalLapsed("the same operations come to other steps now")
    place = queued(table, version, migration_id, request.operation_id, plan)
    return [place, _operation(house, request.operation_id, ReleaseOperation())]


def _ended(house: House, request: MigrationRequested, fact: MigrationRejected) -> Sequence[Append]:
    state, _ = load_operation(house, request.operation_id)
    if not isinstance(state, Unfinished):
        return []
    return [_operation(house, request.operation_id, FailOperation(code=fact.code, message=why_rejected(fact)))]


def _rejected(
    house: House, migration_id: UUID, version: int, request: MigrationRequested, fact: MigrationRejected
) -> list[Append]:
    rejected = Append(stream=migration_id, expected_version=version, facts=(fact,))
    return [rejected, *_ended(house, request, fact)]


def _operation(house: House, operation_id: UUID, command: OperationCommand) -> Append:
    state, version = load_operation(house, operation_id)
    facts = decide(command, state, operation_id)
    return Append(stream=operation_id, expected_version=version, facts=facts)


def _commit_policy(house: House, dataset_id: str, fact: PolicyFact, origin: Origin) -> None:
    stream = uuid5(POLICIES, dataset_id)
    for _ in range(RACES):
        version = len(house.store.load(stream))
        try:
            house.store.append([Append(stream=stream, expected_version=version, facts=(fact,))], origin)
        except StreamMoved:
            continue
        return
    raise StreamMoved(f"the policy of dataset '{dataset_id}'")
