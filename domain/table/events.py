"""What can become true of a dataset table. Written for ever: a tag never changes its meaning."""

from datetime import datetime
from uuid import UUID

from domain.facts import Fact, FreeText
from domain.schema import Schema
from domain.table.identity import Identity


class TableRegistered(Fact, frozen=True, kw_only=True, tag="table.registered"):
    """The table is under management from schema version 1 on; ``created`` says whether this service made it."""

    dataset_id: str
    name: str
    description: FreeText | None = None
    engine: str
    location: str
    created: bool
    schema: Schema
    fingerprint: str
    identity: Identity | None = None


class MigrationQueued(Fact, frozen=True, kw_only=True, tag="table.migration_queued"):
    """A migration will take the table to ``schema`` as version ``to_version``, after those queued before it."""

    migration_id: UUID
    operation_id: UUID
    to_version: int
    schema: Schema


class SchemaChanged(Fact, frozen=True, kw_only=True, tag="table.schema_changed"):
    """A queued migration is published: the table has ``schema`` as version ``version``."""

    migration_id: UUID
    version: int
    schema: Schema
    fingerprint: str
    identity: Identity | None = None


class MigrationWithdrawn(Fact, frozen=True, kw_only=True, tag="table.migration_withdrawn"):
    """A queued migration failed or was cancelled, and the table is as it was."""

    migration_id: UUID


class OutsideChangeAdopted(Fact, frozen=True, kw_only=True, tag="table.outside_change_adopted"):
    """Somebody changed the table behind our back at ``effective_at``, and it is accepted: it has ``schema``.

    ``effective_at`` is the engine's word, kept between the version before and this event's own moment.
    """

    migration_id: UUID
    version: int
    schema: Schema
    fingerprint: str
    effective_at: datetime
    identity: Identity | None = None


class TableUnregistered(Fact, frozen=True, kw_only=True, tag="table.unregistered"):
    """The table is no longer under management; its data and its history stay."""


TableFact = (
    TableRegistered | MigrationQueued | SchemaChanged | MigrationWithdrawn | OutsideChangeAdopted | TableUnregistered
)
