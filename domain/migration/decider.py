"""Migrations: named, ordered changes from one schema version to the next. Commands, situations, what follows."""

from datetime import datetime
from functools import reduce
from typing import TypeVar, assert_never
from uuid import UUID

from msgspec import Raw, Struct

from domain.errors import IllegalTransition
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
from domain.schema import Schema, fingerprint


class Unknown(Struct, frozen=True):
    """Nobody has asked for the migration."""


class Pending(Struct, frozen=True, kw_only=True):
    request: MigrationRequested


class Awaiting(Struct, frozen=True, kw_only=True):
    """Nobody may begin before it is approved."""

    request: MigrationRequested


class Rejected(Struct, frozen=True, kw_only=True):
    request: MigrationRequested


class Running(Struct, frozen=True, kw_only=True):
    request: MigrationRequested


class Succeeded(Struct, frozen=True, kw_only=True):
    request: MigrationRequested


class Adopted(Struct, frozen=True, kw_only=True):
    """Made by somebody unknown, outside, and accepted afterwards."""

    adopted: MigrationAdopted


class Failed(Struct, frozen=True, kw_only=True):
    request: MigrationRequested


class Cancelled(Struct, frozen=True, kw_only=True):
    request: MigrationRequested


MigrationSituation = Unknown | Pending | Awaiting | Running | Succeeded | Failed | Cancelled | Rejected | Adopted


class RequestMigration(Struct, frozen=True, kw_only=True):
    """``operations`` is the JSON array exactly as it was sent."""

    table_id: UUID
    dataset_id: str
    operation_id: UUID
    operations: Raw
    description: str | None
    from_version: int
    to_version: int
    plan_hash: str
    reverts: UUID | None = None


class AdoptMigration(Struct, frozen=True, kw_only=True):
    """A change made outside: what it came to, as ``operations`` as far as our words go, and since when."""

    table_id: UUID
    dataset_id: str
    operations: Raw
    description: str | None
    from_version: int
    before: Schema
    after: Schema
    engine_version: str
    effective_at: datetime


class StartMigration(Struct, frozen=True, kw_only=True):
    pass


class SucceedMigration(Struct, frozen=True, kw_only=True):
    """The engine published it as its version ``engine_version``."""

    before: Schema
    after: Schema
    engine_version: str


class FailMigration(Struct, frozen=True, kw_only=True):
    code: str
    message: str


class CancelMigration(Struct, frozen=True, kw_only=True):
    reason: str


F = TypeVar("F", bound=MigrationFact)

MigrationCommand = (
    RequestMigration | AdoptMigration | StartMigration | SucceedMigration | FailMigration | CancelMigration
)


def evolve(state: MigrationSituation, fact: MigrationFact) -> MigrationSituation:
    """What a fact makes of a migration. Facts are believed, never refused."""
    match fact:
        case MigrationRequested():
            return Pending(request=fact)
        case MigrationStarted():
            return Running(request=_request(state))
        case MigrationSucceeded():
            return Succeeded(request=_request(state))
        case MigrationFailed():
            return Failed(request=_request(state))
        case MigrationCancelled():
            return Cancelled(request=_request(state))
        case MigrationAdopted():
            return Adopted(adopted=fact)
        case ApprovalRequested():
            return Awaiting(request=_request(state))
        case MigrationApproved():
            return Pending(request=_request(state))
        case MigrationRejected():
            return Rejected(request=_request(state))
        case EmergencyDeclared() | EmergencyReviewed():
            return state
        case _:
            assert_never(fact)


def fold(facts: tuple[MigrationFact, ...]) -> MigrationSituation:
    start: MigrationSituation = Unknown()
    return reduce(evolve, facts, start)


def decide(command: MigrationCommand, state: MigrationSituation) -> tuple[MigrationFact, ...]:
    """The facts a command leads to; raises IllegalTransition when it may not."""
    match command:
        case RequestMigration():
            return (_requested(command, state),)
        case AdoptMigration():
            return (_from(state, _adopted(command), "be adopted", Unknown),)
        case StartMigration():
            # A second attempt finds it started already.
            return () if isinstance(state, Running) else (_from(state, MigrationStarted(), "be started", Pending),)
        case SucceedMigration():
            return (_from(state, _succeeded(command), "succeed", Running),)
        case FailMigration():
            failed = MigrationFailed(code=command.code, message=command.message)
            return (_from(state, failed, "fail", Pending, Running),)
        case CancelMigration():
            cancelled = MigrationCancelled(reason=command.reason)
            return (_from(state, cancelled, "be cancelled", Pending, Awaiting, Running),)
        case _:
            assert_never(command)


def _requested(command: RequestMigration, state: MigrationSituation) -> MigrationRequested:
    requested = MigrationRequested(
        table_id=command.table_id,
        dataset_id=command.dataset_id,
        operation_id=command.operation_id,
        operations=command.operations,
        description=command.description,
        from_version=command.from_version,
        to_version=command.to_version,
        plan_hash=command.plan_hash,
        reverts=command.reverts,
    )
    return _from(state, requested, "be requested", Unknown)


def _adopted(command: AdoptMigration) -> MigrationAdopted:
    return MigrationAdopted(
        table_id=command.table_id,
        dataset_id=command.dataset_id,
        operations=command.operations,
        description=command.description,
        from_version=command.from_version,
        to_version=command.from_version + 1,
        before=command.before,
        before_fingerprint=fingerprint(command.before),
        after=command.after,
        after_fingerprint=fingerprint(command.after),
        engine_version=command.engine_version,
        effective_at=command.effective_at,
    )


def _succeeded(command: SucceedMigration) -> MigrationSucceeded:
    return MigrationSucceeded(
        before=command.before,
        before_fingerprint=fingerprint(command.before),
        after=command.after,
        after_fingerprint=fingerprint(command.after),
        engine_version=command.engine_version,
    )


def _from(state: MigrationSituation, fact: F, act: str, *allowed: type) -> F:
    """The fact, when the migration is in one of the situations that allow it."""
    if not isinstance(state, allowed):
        raise IllegalTransition("The migration", type(state).__name__.lower(), act)
    return fact


def _request(state: MigrationSituation) -> MigrationRequested:
    assert not isinstance(state, Unknown | Adopted), "the log holds a fact before the request"
    return state.request
