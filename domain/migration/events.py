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


MigrationFact = (
    MigrationRequested | MigrationStarted | MigrationSucceeded | MigrationFailed | MigrationCancelled | MigrationAdopted
)
