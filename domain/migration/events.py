"""What can become true of a migration. Written for ever: a tag never changes its meaning."""

from datetime import datetime
from uuid import UUID

from msgspec import Raw

from domain.facts import Fact, FreeText
from domain.schema import Schema


class MigrationRequested(Fact, frozen=True, kw_only=True, tag="migration.requested"):
    """``operations`` is the JSON array exactly as it was sent; ``reverts`` is the migration that it undoes, if any."""

    table_id: UUID
    dataset_id: str
    operation_id: UUID
    operations: Raw
    description: FreeText | None = None
    from_version: int
    to_version: int
    plan_hash: str
    reverts: UUID | None = None


class MigrationStarted(Fact, frozen=True, kw_only=True, tag="migration.started"):
    pass


class MigrationSucceeded(Fact, frozen=True, kw_only=True, tag="migration.succeeded"):
    """The table changed from ``before`` to ``after``; ``engine_version`` is the table's own version that shows it."""

    before: Schema
    before_fingerprint: str
    after: Schema
    after_fingerprint: str
    engine_version: str


class MigrationFailed(Fact, frozen=True, kw_only=True, tag="migration.failed"):
    """The table was not changed."""

    code: str
    message: str


class MigrationCancelled(Fact, frozen=True, kw_only=True, tag="migration.cancelled"):
    """The table was not changed."""

    reason: FreeText


class MigrationAdopted(Fact, frozen=True, kw_only=True, tag="migration.adopted"):
    """A change that somebody made behind our back, at ``effective_at``, is accepted as a migration of unknown author.

    ``operations`` say, as far as our words go, what was done; the schemas say all of it.
    """

    table_id: UUID
    dataset_id: str
    operations: Raw
    description: FreeText | None = None
    from_version: int
    to_version: int
    before: Schema
    before_fingerprint: str
    after: Schema
    after_fingerprint: str
    engine_version: str
    effective_at: datetime


class ApprovalRequested(Fact, frozen=True, kw_only=True, tag="migration.approval_requested"):
    """The migration waits until somebody other than ``author`` approves the plan with this hash.

    ``hazards`` are the kinds that ask for it. Only ``approvers`` may decide, where the policy names some.
    """

    table_id: UUID
    dataset_id: str
    operation_id: UUID
    author: str
    hazards: tuple[str, ...]
    plan_hash: str
    approvers: tuple[str, ...] = ()


class MigrationApproved(Fact, frozen=True, kw_only=True, tag="migration.approved"):
    """``access_by`` gave the one who approved the access to do so."""

    by: str
    plan_hash: str
    reason: FreeText | None = None
    access_by: str | None = None


class MigrationRejected(Fact, frozen=True, kw_only=True, tag="migration.rejected"):
    """It will not be done: ``by`` said no, or nobody said yes before it was too late (None).

    ``code`` is ``migration_rejected``, ``approval_expired`` or ``approval_lapsed``.
    """

    code: str
    by: str | None = None
    reason: FreeText | None = None


class EmergencyDeclared(Fact, frozen=True, kw_only=True, tag="migration.emergency_declared"):
    """``author`` did not wait for the approval that the migration needs: it is to be reviewed afterwards."""

    table_id: UUID
    dataset_id: str
    operation_id: UUID
    author: str
    hazards: tuple[str, ...]
    plan_hash: str
    reason: FreeText
    approvers: tuple[str, ...] = ()


class EmergencyReviewed(Fact, frozen=True, kw_only=True, tag="migration.emergency_reviewed"):
    """Somebody other than the author looked at it afterwards, and found it right, or not.

    ``access_by`` gave that person the access to do so.
    """

    by: str
    approved: bool
    reason: FreeText | None = None
    access_by: str | None = None


MigrationFact = (
    MigrationRequested
    | MigrationStarted
    | MigrationSucceeded
    | MigrationFailed
    | MigrationCancelled
    | MigrationAdopted
    | ApprovalRequested
    | MigrationApproved
    | MigrationRejected
    | EmergencyDeclared
    | EmergencyReviewed
)
