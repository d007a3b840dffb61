"""Changes made behind our back: seeing them, and accepting them into the history."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from domain.changes.catalogue import as_sent
from domain.diff import Difference, describe, diff
from domain.drift import difference
from domain.engine import Outside
from domain.errors import NotDrifted
from domain.facts import Append, Origin
from domain.handlers.house import RACES, House
from domain.migration import decider as migrations
from domain.migration.decider import AdoptMigration
from domain.revert import way
from domain.schema import Schema
from domain.table import decider as tables
from domain.table.decider import AdoptOutsideChange, Managed


class Drift(Struct, frozen=True, kw_only=True):
    """How the real table, as it was ``found``, differs from what the log says: not at all, or how and since when."""

    version: int
    found: Schema
    differences: tuple[Difference, ...]
    since: datetime | None


def look_for_drift(house: House, table_id: UUID) -> Drift:
    """Looks at the real table. Migrations that are queued or running do not count: they are not there yet."""
    for _ in range(RACES):
        table, version = house.table(table_id)
        drift = _compared(house, table)
        # A migration that came and went between the two looks is no drift.
        if not drift.differences or house.table(table_id)[1] == version:
            break
    return drift


def _compared(house: House, table: Managed) -> Drift:
    found = _outside(house, table)
    differences = diff(table.schema, found.schema)
    if table.queue and difference(found.schema.without_indexes(), table.queue[0].schema.without_indexes()) is None:
        # A migration is there already: its indexes follow its columns, and its last event is being written.
        differences = ()
    return Drift(
        version=table.version,
        found=found.schema,
        differences=differences,
        since=found.since if differences else None,
    )


def adopt_drift(house: House, table_id: UUID, reason: str | None, origin: Origin) -> UUID:
    """Records what was done outside as a migration of unknown author, and returns that migration's id.

    Raises NotDrifted, and TableBusy while migrations are queued.
    """
    table, version = house.table(table_id)
    found = _outside(house, table)
    differences = diff(table.schema, found.schema)
    if not differences:
        raise NotDrifted
    migration_id = house.ids.new()
    adopt_migration = AdoptMigration(
        table_id=table_id,
        dataset_id=table.dataset_id,
        operations=as_sent(way(table.schema, found.schema)),
        description=reason or f"Found: {'; '.join(map(describe, differences))}",
        from_version=table.version,
        before=table.schema,
        after=found.schema,
        engine_version=found.engine_version,
        effective_at=found.since,
    )
    adopt_change = AdoptOutsideChange(
        migration_id=migration_id, schema=found.schema, effective_at=found.since, identity=found.identity
    )
    changed = tables.decide(adopt_change, table, table_id)
    adopted = migrations.decide(adopt_migration, migrations.Unknown())
    appends = [
        Append(stream=table_id, expected_version=version, facts=changed),
        Append(stream=migration_id, expected_version=0, facts=adopted),
    ]
    house.store.append(appends, origin)
    return migration_id


def _outside(house: House, table: Managed) -> Outside:
    return house.engine(table.engine).outside(table.location, table.schema, table.identity)
