"""Bringing tables under management, and letting go of them."""

from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from domain.access import Principal, Resource, Scope, may
from domain.changes.change import Setting
from domain.changes.checks import comment_refused, name_taken, type_refused
from domain.engine import EngineProfile, Inspection, TableEngine, TableStatistics
from domain.errors import (
    ColumnNotFound,
    LocationOccupied,
    LocationTaken,
    Refusal,
    RowTooWide,
    TableNameTaken,
    TableNotFoundAtLocation,
    TypeNotSupported,
    ValidationFailed,
    Violation,
)
from domain.facts import Append, Origin
from domain.handlers.house import House
from domain.plan import violation
from domain.schema import Column, Schema, schema_of
from domain.table.decider import RegisterTable, Unknown, UnregisterTable, decide
from domain.views import TableFilter
from domain.weight import MAX_ROW_WIDTH, refuse_wide_rows

STAND_IN = "int64"
THERE = "the location that was given"
"""The caller's own words: a table of others says no more, and the path that it comes to may hold that table's name."""


class NewTable(Struct, frozen=True, kw_only=True):
    """With ``columns``, an empty table to make; without, a table that exists at ``location``, to register as it is."""

    dataset_id: str
    name: str
    description: str | None
    engine: str
    location: str | None
    columns: tuple[Column, ...] | None
    primary_key: tuple[str, ...] = ()


def add_table(house: House, new: NewTable, by: Principal, origin: Origin) -> UUID:
    """Makes or registers a table and returns its id. A table made for an append that fails is left empty, unnamed.

    Where a table of others lies is nothing to register, for whoever may not know of it; and nothing is told of it.
    """
    table_id = house.ids.new()
    engine = house.engine(new.engine)
    if new.location is None:
        location = house.locations.managed(table_id, new.engine, new.name)
    else:
        location = house.locations.allowed(new.location)
        _refuse_taken(house, new, location, by)
    if new.columns is None:
        found = _inspected(engine, new, location)
        schema = _described(found, new)
    else:
        schema = _first_schema(new, engine.profile)
        # The log decides; looking first saves most refused calls from leaving an empty table behind.
        if house.views.tables(TableFilter(dataset_id=new.dataset_id, name=new.name), 1):
            raise TableNameTaken(new.dataset_id, new.name)
        found = engine.create(location, schema)
        _refuse_otherwise(found, schema, new.engine)
    register = RegisterTable(
        dataset_id=new.dataset_id,
        name=new.name,
        description=new.description,
        engine=new.engine,
        location=location,
        created=new.columns is not None,
        schema=schema,
        identity=found.identity,
    )
    facts = decide(register, Unknown(), table_id)
    try:
        house.store.append([Append(stream=table_id, expected_version=0, facts=facts)], origin)
    except LocationTaken:
        _refuse_taken(house, new, location, by)
        raise
    return table_id


def _refuse_taken(house: House, new: NewTable, location: str, by: Principal) -> None:
    """Raises LocationTaken where a table under management lies, or what is said where there is none."""
    for table in house.views.tables(TableFilter(location=location), 1):
        if may(by, Scope.TABLES_READ, Resource(table_id=table.table_id, dataset_id=table.dataset_id)):
            raise LocationTaken(location)
        raise LocationOccupied(location) if new.columns is not None else TableNotFoundAtLocation(new.engine, THERE)


def _inspected(engine: TableEngine, new: NewTable, location: str) -> Inspection:
    try:
        return engine.inspect(location)
    except TableNotFoundAtLocation:
        raise TableNotFoundAtLocation(new.engine, THERE) from None


def remove_table(house: House, table_id: UUID, origin: Origin) -> None:
    """Unregisters; the data and the history stay where they are."""
    table, version = house.table(table_id)
    facts = decide(UnregisterTable(), table, table_id)
    house.store.append([Append(stream=table_id, expected_version=version, facts=facts)], origin)


def _described(found: Inspection, new: NewTable) -> Schema:
    """The schema found, with the primary key the caller declares for it."""
    missing = [name for name in new.primary_key if found.schema.find(name) is None]
    if missing:
        raise ValidationFailed(tuple(violation("/primaryKeyColumns", ColumnNotFound(name)) for name in missing))
    return replace(found.schema, primary_key=tuple(found.schema.column(name).id for name in new.primary_key))


def _refuse_otherwise(made: Inspection, schema: Schema, engine: str) -> None:
    """What was made is read back before the log says it. Raises TypeNotSupported for a column that became another."""
    for real, asked in zip(made.schema.columns, schema.columns, strict=True):
        if (real.name, real.data_type, real.nullable) != (asked.name, asked.data_type, asked.nullable):
            reason = f"it keeps column '{asked.name}' as {real.data_type}{'' if real.nullable else ' not null'}"
            raise TypeNotSupported(engine, asked.data_type, reason)


def _first_schema(new: NewTable, profile: EngineProfile) -> Schema:
    """The schema asked for; raises ValidationFailed with every violation."""
    setting = Setting(profile=profile, statistics=TableStatistics(rows=0))
    schema, violations = Schema(columns=(), last_column_id=0), list[Violation]()
    for number, column in enumerate(new.columns or ()):
        found: list[tuple[str, Refusal]] = [
            *name_taken(schema, setting, "/name", column.name),
            *type_refused(setting, "/arrowType", column.data_type),
            *comment_refused("/comment", column.name, column.comment),
        ]
        violations += [violation(f"/fields/{number}{pointer}", refusal) for pointer, refusal in found]
        # One that is refused takes its place all the same, so that the names after it are judged too.
        schema = schema.inserted(replace(column, data_type=STAND_IN) if found else column, None)
    for number, name in enumerate(new.primary_key):
        if schema.find(name) is None:
            violations.append(violation(f"/primaryKeyColumns/{number}", ColumnNotFound(name)))
    try:
        refuse_wide_rows(schema.columns, MAX_ROW_WIDTH, "that is the most of a new table")
    except RowTooWide as refusal:
        violations.append(violation("/fields", refusal))
    if violations:
        raise ValidationFailed(tuple(violations))
    return schema_of(_canonical(schema.columns), new.primary_key)


def _canonical(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    return tuple(column.with_type(column.type) for column in columns)
