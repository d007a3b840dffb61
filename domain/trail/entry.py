"""The audit trail: one entry for every event: who, what, when, from where, why, for whom, and what came of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from msgspec import Struct

from domain.facts import Fact, Recorded
from domain.migration.events import MigrationAdopted, MigrationFact, MigrationRequested, MigrationSucceeded
from domain.operation.events import OperationFact, OperationRequested
from domain.schema import Schema
from domain.table.events import (
    MigrationQueued,
    MigrationWithdrawn,
    OutsideChangeAdopted,
    SchemaChanged,
    TableFact,
    TableRegistered,
)

Result = Literal["succeeded", "failed", "cancelled", "denied"]
RESULTS: dict[str, Result] = {
    "failed": "failed",
    "rejected": "denied",
    "cancelled": "cancelled",
    "command_denied": "denied",
}
"""By the last part of an event's type; every other event says that what it is about was done."""

REASONS = ("reason", "description")
"""The members in which a fact says why, in somebody's own words."""


class TrailEntry(Struct, frozen=True, kw_only=True):
    """``event`` itself, the table it is about, and ``cause``: the event whose words say why, itself or an earlier one.

    ``name`` and ``name_on_behalf_of`` are what the actor and the one acted for are called today; None for no name.
    """

    event: Recorded
    table_id: UUID | None
    cause: Recorded | None
    name: str | None = None
    name_on_behalf_of: str | None = None

    @property
    def result(self) -> Result:
        return result_of(self.event.fact)

    @property
    def reason(self) -> str | None:
        said = words_of(self.event)
        return said if said is not None or self.cause is None else words_of(self.cause)


class TrailFilter(Struct, frozen=True, kw_only=True):
    """None means any. ``since`` is included, ``until`` is not; both are the database's clock at the append."""

    table_id: UUID | None = None
    actor: str | None = None
    type: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    after_position: int = 0
    """Only what stands in the log after this position."""
    last_position: int | None = None
    """Only what stands in the log up to this position."""


class Trail(Protocol):
    """Reads of the trail, which follows the log. Each may raise LogUnavailable."""

    def head(self) -> int:
        """The last position that the trail shows; waits a moment for what the log holds now."""

    def entries(self, where: TrailFilter, limit: int, *, newest: bool = False) -> Sequence[TrailEntry]:
        """At most ``limit`` entries in the order of their positions, or against it from the newest."""


def result_of(fact: Fact) -> Result:
    return RESULTS.get(fact.topic.rpartition(".")[2], "succeeded")


def words_of(event: Recorded) -> str | None:
    """Why, as the event itself says it."""
    if event.metadata.origin.reason is not None:
        return event.metadata.origin.reason
    return next((said for name in REASONS if (said := getattr(event.fact, name, None)) is not None), None)


def table_of(event: Recorded) -> UUID | None:
    """The table, as far as the event itself knows: a later event of a migration or operation leaves it to the first."""
    if isinstance(event.fact, TableFact):
        return event.stream
    named = getattr(event.fact, "table_id", None)
    return named if isinstance(named, UUID) else None


def cause_of(event: Recorded) -> UUID | None:
    """The stream whose first event says why this one happened; None where it is the first itself, or has no other."""
    match event.fact:
        case MigrationQueued() | SchemaChanged() | MigrationWithdrawn() | OutsideChangeAdopted() as fact:
            return fact.migration_id
        case MigrationRequested() | MigrationAdopted() | OperationRequested():
            return None
        case _:
            return event.stream if isinstance(event.fact, MigrationFact | OperationFact) else None


def schemas_of(fact: Fact) -> tuple[Schema | None, Schema | None]:
    """Before and after, where the fact holds them."""
    match fact:
        case MigrationSucceeded() | MigrationAdopted():
            return fact.before, fact.after
        case TableRegistered() | SchemaChanged() | OutsideChangeAdopted():
            return None, fact.schema
        case _:
            return None, None


def code_of(fact: Fact) -> str | None:
    """The stable code of what went wrong, where something did."""
    code = getattr(fact, "code", None)
    return code if isinstance(code, str) else None
