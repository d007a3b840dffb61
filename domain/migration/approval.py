"""Approvals: what a migration's facts say of them, and who may decide. Beside decider.py, on the same facts.

Who asks and who approves are two people. An emergency did not wait, and is reviewed afterwards in the same way.
"""

from functools import reduce
from typing import assert_never

from msgspec import Struct

from domain.errors import (
    ApprovalExpired,
    ApprovalLapsed,
    ApproverNotAllowed,
    MigrationWasRejected,
    NothingToApprove,
    PlanMismatch,
)
from domain.migration.events import (
    ApprovalRequested,
    EmergencyDeclared,
    EmergencyReviewed,
    MigrationApproved,
    MigrationCancelled,
    MigrationFact,
    MigrationRejected,
)


class NotNeeded(Struct, frozen=True):
    """No policy asks for it."""


class Waiting(Struct, frozen=True, kw_only=True):
    asked: ApprovalRequested


class OpenEmergency(Struct, frozen=True, kw_only=True):
    """It did not wait, and nobody has looked at it since."""

    declared: EmergencyDeclared


class Decided(Struct, frozen=True, kw_only=True):
    """``how`` in a word, and the one who decided, if anybody did."""

    how: str
    by: str | None = None


Approval = NotNeeded | Waiting | OpenEmergency | Decided


class Approve(Struct, frozen=True, kw_only=True):
    """``plan_hash`` is that of the plan that ``by`` has seen; None trusts that it is the one asked for.

    ``access_by`` gave ``by`` the access to decide.
    """

    by: str
    reason: str | None = None
    plan_hash: str | None = None
    access_by: str | None = None


class Reject(Struct, frozen=True, kw_only=True):
    by: str
    reason: str
    access_by: str | None = None


def evolve(state: Approval, fact: MigrationFact) -> Approval:
    match fact:
        case ApprovalRequested():
            return Waiting(asked=fact)
        case EmergencyDeclared():
            return OpenEmergency(declared=fact)
        case MigrationApproved():
            return Decided(how="approved", by=fact.by)
        case EmergencyReviewed():
            return Decided(how="approved" if fact.approved else "rejected", by=fact.by)
        case MigrationRejected():
            return Decided(how=HOW[fact.code], by=fact.by)
        case MigrationCancelled() if isinstance(state, Waiting):
            return Decided(how="cancelled")
        case _:
            return state


def fold(facts: tuple[MigrationFact, ...]) -> Approval:
    start: Approval = NotNeeded()
    return reduce(evolve, facts, start)


def decide(command: Approve | Reject, state: Approval, migration_id: str) -> MigrationFact:
    """The fact that the decision is. Raises NothingToApprove, ApproverNotAllowed, PlanMismatch."""
    match state:
        case NotNeeded():
            raise NothingToApprove(migration_id, "it needs none")
        case Decided():
            raise NothingToApprove(migration_id, f"it is {state.how}{f' by {state.by!r}' if state.by else ''} already")
        case Waiting():
            _allowed(command, state.asked, migration_id)
            if isinstance(command, Reject):
                return MigrationRejected(code=MigrationWasRejected.code, by=command.by, reason=command.reason)
            return MigrationApproved(
                by=command.by, plan_hash=state.asked.plan_hash, reason=command.reason, access_by=command.access_by
            )
        case OpenEmergency():
            _allowed(command, state.declared, migration_id)
            return EmergencyReviewed(
                by=command.by,
                approved=isinstance(command, Approve),
                reason=command.reason,
                access_by=command.access_by,
            )
        case _:
            assert_never(state)


SAME = "it is by the same, and another has to decide"

FROM_THE_AUTHOR = "its access comes from the one who asked, and another's has to decide"
TOO_YOUNG = (
    "its access, or the secret of it, was given after the question was asked; whoever had access before may decide"
)

HOW = {
    MigrationWasRejected.code: "rejected",
    ApprovalExpired.code: "expired",
    ApprovalLapsed.code: "lapsed",
}
"""What a rejection is called, by its code."""


def why_rejected(fact: MigrationRejected) -> str:
    """A sentence without anybody's own words, which are in the log alone."""
    match fact.code:
        case ApprovalExpired.code:
            return str(ApprovalExpired())
        case ApprovalLapsed.code:
            return str(ApprovalLapsed("the table changed since it was asked for"))
        case _:
            return str(MigrationWasRejected(fact.by or ""))


def _allowed(command: Approve | Reject, asked: ApprovalRequested | EmergencyDeclared, migration_id: str) -> None:
    if command.by == asked.author:
        raise ApproverNotAllowed(command.by, migration_id, SAME)
    if asked.approvers and command.by not in asked.approvers:
        raise ApproverNotAllowed(command.by, migration_id, "the dataset's policy names others")
    if isinstance(command, Approve) and command.plan_hash not in (None, asked.plan_hash):
        raise PlanMismatch(command.plan_hash or "", asked.plan_hash)
