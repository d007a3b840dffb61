"""What a compliance report says: every change of one table or of a period, told from the log alone."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
from msgspec import Raw, Struct

from domain.changes.catalogue import AnyChange
from domain.changes.change import Setting
from domain.diff import Difference, diff
from domain.engine import EngineProfile, TableStatistics
from domain.facts import Fact, Recorded
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
    MigrationSucceeded,
)
from domain.plan import make_plan
from domain.schema import Schema
from domain.steps import describe
from domain.trail.entry import words_of
from domain.undo import Undo

Outcome = Literal["succeeded", "failed", "cancelled", "rejected", "pending"]


class Act(Struct, frozen=True, kw_only=True):
    """What somebody did, when, and in whose words. ``who`` and ``whom``, for whom it was done, are subject ids.

    ``access_by`` gave ``who`` the access to do it, where that matters.
    """

    who: str
    whom: str | None = None
    moment: datetime
    said: str
    reason: str | None
    access_by: str | None = None


class PlannedSteps(Struct, frozen=True, kw_only=True):
    """What the plan with the change's hash says: each step with its cost, each hazard, and how it could be undone."""

    steps: tuple[tuple[str, str], ...]
    hazards: tuple[tuple[str, str], ...]
    undo: Undo


class Change(Struct, frozen=True, kw_only=True):
    """One migration, or one outside change that was adopted, from its request to its end.

    ``worker`` is the process that carried it out. ``differences`` are empty unless it succeeded. ``approvals`` are
    empty where no policy asked for one. ``last_position`` is where its last event stands in the log. ``planned`` is
    None where the plan cannot be told from the log alone.
    """

    migration_id: UUID
    table_id: UUID
    asked: Act
    is_outside: bool
    reverts: UUID | None
    operations: Raw
    plan_hash: str | None
    from_version: int
    to_version: int
    outcome: Outcome
    ended_at: datetime | None
    worker: str | None
    code: str | None
    message: str | None
    differences: tuple[Difference, ...]
    before_fingerprint: str | None
    after_fingerprint: str | None
    approvals: tuple[Act, ...]
    source_address: str | None
    request_id: str | None
    operation_id: UUID | None
    first_position: int
    last_position: int
    awaits_approval: bool = False
    awaits_review: bool = False
    planned: PlannedSteps | None = None


class Version(Struct, frozen=True, kw_only=True):
    number: int
    since: datetime
    known: datetime
    columns: int
    fingerprint: str
    migration_id: UUID | None
    position: int | None


class TablePart(Struct, frozen=True, kw_only=True):
    table_id: UUID
    name: str
    engine: str
    location: str
    registered: Act
    unregistered: Act | None
    versions: Sequence[Version]
    changes: Sequence[Change]


class Denial(Struct, frozen=True, kw_only=True):
    who: str
    moment: datetime
    source_address: str | None
    command: str
    code: str
    message: str
    position: int


class Proof(Struct, frozen=True, kw_only=True):
    """How far the log is sealed: the last checkpoint, and why the seal has stopped, if it has."""

    size: int
    root: str
    signed_at: datetime
    alarm: str | None


class Report(Struct, frozen=True, kw_only=True):
    """``names`` are those of today, by subject id. ``last_position`` is how far in the log the report goes."""

    since: datetime | None
    until: datetime | None
    of_table: UUID | None
    made_at: datetime
    made_by: str
    last_position: int
    tables: Sequence[TablePart]
    denials: Sequence[Denial]
    further_denials: int
    proof: Proof | None
    names: Mapping[str, str]

    @property
    def changes(self) -> Sequence[Change]:
        return [change for table in self.tables for change in table.changes]


def act_of(event: Recorded, said: str) -> Act:
    who = getattr(event.fact, "by", None) or event.metadata.origin.actor
    whom = event.metadata.origin.on_behalf_of
    return Act(
        who=who,
        whom=whom,
        moment=event.recorded_at,
        said=said,
        reason=words_of(event),
        access_by=getattr(event.fact, "access_by", None),
    )


def change_of(events: Sequence[Recorded]) -> Change | None:
    """The change that a migration's events tell of; None where they begin with no request."""
    first, last = events[0], events[-1]
    asked = first.fact
    if not isinstance(asked, MigrationRequested | MigrationAdopted):
        return None
    outside = isinstance(asked, MigrationAdopted)
    done = next((event.fact for event in events if isinstance(event.fact, MigrationSucceeded | MigrationAdopted)), None)
    end, outcome = _ended(events)
    acts = [act_of(event, said) for event in events if (said := approval_said(event.fact))]
    return Change(
        migration_id=first.stream,
        table_id=asked.table_id,
        asked=act_of(first, "Adopted" if outside else "Asked for"),
        is_outside=outside,
        reverts=asked.reverts if isinstance(asked, MigrationRequested) else None,
        operations=asked.operations,
        plan_hash=asked.plan_hash if isinstance(asked, MigrationRequested) else None,
        from_version=asked.from_version,
        to_version=asked.to_version,
        outcome=outcome,
        ended_at=None if end is None else end.recorded_at,
        worker=None if end is None or outside else end.metadata.origin.actor,
        code=getattr(end.fact, "code", None) if end else None,
        message=(getattr(end.fact, "message", None) or words_of(end)) if end and outcome != "succeeded" else None,
        differences=diff(done.before, done.after) if done else (),
        before_fingerprint=done.before_fingerprint if done else None,
        after_fingerprint=done.after_fingerprint if done else None,
        approvals=tuple(acts),
        source_address=first.metadata.origin.source_address,
        request_id=first.metadata.origin.request_id,
        operation_id=asked.operation_id if isinstance(asked, MigrationRequested) else None,
        first_position=first.position,
        last_position=last.position,
        awaits_approval=outcome == "pending" and _last_of(events, AWAITING) is ApprovalRequested,
        awaits_review=_last_of(events, REVIEWING) is EmergencyDeclared,
    )


AWAITING = (ApprovalRequested, MigrationApproved, MigrationRejected)
REVIEWING = (EmergencyDeclared, EmergencyReviewed)


def _last_of(events: Sequence[Recorded], kinds: tuple[type[Fact], ...]) -> type[Fact] | None:
    return next((type(event.fact) for event in reversed(events) if isinstance(event.fact, kinds)), None)


def planned_steps(change: Change, before: Schema, profile: EngineProfile) -> PlannedSteps | None:
    """The plan made anew from the schema that the change started from; None unless it has the very hash."""
    try:
        changes = msgspec.json.decode(change.operations, type=tuple[AnyChange, ...])
        setting = Setting(profile=profile, statistics=TableStatistics(rows=0))
        plan = make_plan(changes, before, change.from_version, setting)
    except msgspec.ValidationError:
        # Sent to an earlier version, which knew changes of other shapes.
        return None
    if plan.plan_hash != change.plan_hash:
        return None
    return PlannedSteps(
        steps=tuple((step.cost.value, describe(step)) for step in plan.steps),
        hazards=tuple((hazard.kind.value, hazard.message) for hazard in plan.hazards),
        undo=plan.undo,
    )


def approval_said(fact: Fact) -> str | None:
    """What the fact says about who agreed to a migration; None where it is about something else."""
    match fact:
        case ApprovalRequested():
            return f"Asked for, because of {', '.join(fact.hazards)},"
        case MigrationApproved():
            return "Given"
        case MigrationRejected():
            return "Refused" if fact.by is not None else f"Not given in time ({fact.code}), noted"
        case EmergencyDeclared():
            return f"Not waited for, in an emergency, though needed because of {', '.join(fact.hazards)}; declared"
        case EmergencyReviewed():
            return f"Reviewed afterwards and found {'right' if fact.approved else 'WRONG'}"
        case _:
            return None


def _ended(events: Sequence[Recorded]) -> tuple[Recorded | None, Outcome]:
    for event in events:
        match event.fact:
            case MigrationSucceeded() | MigrationAdopted():
                return event, "succeeded"
            case MigrationFailed():
                return event, "failed"
            case MigrationCancelled():
                return event, "cancelled"
            case MigrationRejected():
                return event, "rejected"
            case _:
                pass
    return None, "pending"
