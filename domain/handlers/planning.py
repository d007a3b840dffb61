"""What a plan is made from: the table's schema, its real size, and what of its past the changes ask for."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct

from domain.changes.catalogue import AnyChange
from domain.changes.change import Recovery, Setting
from domain.changes.checks import why_not_a_name, why_not_here
from domain.diff import describe, diff
from domain.drift import difference
from domain.engine import EngineProfile, Inspection, TableEngine
from domain.errors import SchemaDrifted, ValuesGone
from domain.estimate import estimate_ms
from domain.fields import names_in
from domain.handlers.house import House
from domain.migration.events import MigrationAdopted, MigrationSucceeded
from domain.plan import Plan, make_plan
from domain.schema import Schema
from domain.steps import Step
from domain.table.decider import Managed
from domain.table.events import OutsideChangeAdopted, SchemaChanged, TableRegistered
from domain.table.identity import identity_differs

LEAST_MS = 1


class Estimate(Struct, frozen=True, kw_only=True):
    """Milliseconds: as expected now, and by the engine's own rates alone."""

    expected: int
    uncorrected: int


class Planned(NamedTuple):
    plan: Plan
    estimate: Estimate


def plan_for_head(house: House, table: Managed, changes: Sequence[AnyChange]) -> Planned:
    """The plan against the schema that the migration will meet once those queued before it have succeeded.

    Raises SchemaDrifted when nothing is queued and the table is not what the log says it is.
    """
    engine = house.engine(table.engine)
    found = engine.inspect(table.location)
    if not table.queue:
        refuse_drift(engine, table, found)
    setting = _setting(house, table, engine, found, changes)
    plan = make_plan(changes, table.head_schema, table.head_version, setting)
    return Planned(plan, estimate(house, table, plan.steps, found))


def plan_for_now(house: House, table: Managed, changes: Sequence[AnyChange]) -> Plan:
    """The plan against the schema that the table has."""
    engine = house.engine(table.engine)
    setting = _setting(house, table, engine, engine.inspect(table.location), changes)
    return make_plan(changes, table.schema, table.version, setting)


def estimate(house: House, table: Managed, steps: Sequence[Step], found: Inspection) -> Estimate:
    rates = house.engine(table.engine).profile.rates
    uncorrected = estimate_ms(steps, len(table.head_schema.columns), found.statistics, rates)
    expected = uncorrected * house.views.slowness(table.engine)
    return Estimate(expected=max(LEAST_MS, round(expected)), uncorrected=max(LEAST_MS, round(uncorrected)))


def refuse_drift(engine: TableEngine, table: Managed, found: Inspection) -> None:
    """Raises SchemaDrifted with everything that differs."""
    another = identity_differs(found.identity, table.identity, lambda known: engine.replaced(table.location, known))
    if another is not None:
        raise SchemaDrifted(table.location, another)
    if difference(found.schema, table.schema) is not None:
        real = engine.outside(table.location, table.schema, table.identity).schema
        sentences = "; ".join(describe(one) for one in diff(table.schema, real))
        raise SchemaDrifted(table.location, sentences)


def _setting(
    house: House, table: Managed, engine: TableEngine, found: Inspection, changes: Sequence[AnyChange]
) -> Setting:
    asked = {recall for change in changes if (recall := change.recalls()) is not None}
    recoveries = dict[tuple[int, str], Recovery]()
    if asked:
        versions = schemas_of(house, table.table_id)
        for version, name in asked:
            if (recovery := _recovery(house, table, engine, versions, version, name)) is not None:
                recoveries[version, name] = recovery
    profile = found.profile or engine.profile
    return Setting(
        profile=profile,
        statistics=found.statistics,
        recoveries=recoveries,
        index_doubts=found.index_doubts,
        former_names=_former_names(house, table, profile, changes),
    )


def _former_names(house: House, table: Managed, profile: EngineProfile, changes: Sequence[AnyChange]) -> frozenset[str]:
    """All names that the table has had, when a change speaks of one that nothing new would be given."""
    spoken = {name for change in changes for path in change.touches() for name in names_in(path) or [path]}
    if not any(why_not_a_name(name) or why_not_here(name, profile) for name in spoken):
        return frozenset()
    columns = [column for version in schemas_of(house, table.table_id) for column in version.schema.columns]
    inside = {name for column in columns for path in column.field_ids for name in names_in(path)}
    return frozenset(inside.union(column.name for column in columns))


class SchemaVersion(NamedTuple):
    number: int
    schema: Schema
    migration_id: UUID | None


def schemas_of(house: House, table_id: UUID) -> list[SchemaVersion]:
    """Every schema version of the table, from the log, in order."""
    return list(_versions(house, table_id))


def _versions(house: House, table_id: UUID) -> Iterator[SchemaVersion]:
    for event in house.store.load(table_id):
        match event.fact:
            case TableRegistered() as fact:
                yield SchemaVersion(1, fact.schema, None)
            case SchemaChanged() | OutsideChangeAdopted() as fact:
                yield SchemaVersion(fact.version, fact.schema, fact.migration_id)
            case _:
                pass


def _recovery(
    house: House, table: Managed, engine: TableEngine, versions: Sequence[SchemaVersion], version: int, name: str
) -> Recovery | None:
    """What is known of the column that schema version had under that name; None when it had none."""
    schema = next((known.schema for known in versions if known.number == version), None)
    column = schema.find(name) if schema is not None else None
    if column is None:
        return None
    last, gone_as = schema, None
    for known in versions[version:]:
        if known.schema.by_id(column.id) is not None:
            last, gone_as = known.schema, None
        elif gone_as is None and known.migration_id is not None:
            gone_as = _engine_version(house, known.migration_id)
    assert last is not None
    column = last.by_id(column.id) or column
    rows = 0
    if gone_as is not None:
        try:
            rows = engine.recoverable(table.location, column, gone_as)
        except ValuesGone:
            # The change then says that no row has kept its value; an empty table has nothing to lose.
            rows = 0
    return Recovery(column=column, position=last.columns.index(column), gone_as=gone_as, rows=rows)


def _engine_version(house: House, migration_id: UUID) -> str | None:
    """The table's own version that first showed what the migration made."""
    for event in house.store.load(migration_id):
        if isinstance(event.fact, MigrationSucceeded | MigrationAdopted):
            return event.fact.engine_version
    return None
