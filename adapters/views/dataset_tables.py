"""``dataset_tables``, inline: the tables under management, each with its current schema.

Inline because its uniqueness is the rule: two tables of one name, or at one location, never both get in.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

import msgspec
import psycopg

from adapters.postgres.statements import Statement
from adapters.views.placing import MOMENT, POSITION
from domain.errors import LocationTaken, Refusal, TableNameTaken
from domain.facts import Append, Fact
from domain.table.events import OutsideChangeAdopted, SchemaChanged, TableRegistered, TableUnregistered

INSERT = f"""
INSERT INTO dataset_tables_v1 (
    table_id, position, dataset_id, name, description, engine, location, schema_version, schema, created_at, updated_at,
    effective_at, schema_position)
VALUES (
    %(stream)s, {POSITION}, %(dataset_id)s, %(name)s, %(description)s, %(engine)s, %(location)s, 1, %(schema)s,
    {MOMENT}, {MOMENT}, {MOMENT}, {POSITION})
"""  # noqa: S608  # only our own SQL is put together
CHANGED = f"""
UPDATE dataset_tables_v1 SET schema_version = %(schema_version)s, schema = %(schema)s, updated_at = {MOMENT},
    effective_at = greatest(coalesce(effective_at, updated_at), least(%(effective_at)s::timestamptz, {MOMENT})),
    schema_position = {POSITION}
WHERE table_id = %(stream)s
"""  # noqa: S608
DELETE = "DELETE FROM dataset_tables_v1 WHERE table_id = %(stream)s"


def dataset_tables(stream: UUID, version: int, fact: Fact) -> Iterable[Statement]:
    place = {"stream": stream, "version": version}
    if isinstance(fact, TableRegistered):
        named = {"dataset_id": fact.dataset_id, "name": fact.name, "description": fact.description}
        lies = {"engine": fact.engine, "location": fact.location, "schema": msgspec.json.encode(fact.schema).decode()}
        yield Statement(INSERT, {**place, **named, **lies})
    elif isinstance(fact, SchemaChanged | OutsideChangeAdopted):
        now = {"schema_version": fact.version, "schema": msgspec.json.encode(fact.schema).decode()}
        # As in schema_versions.py: an engine's word counts between the version before and the record; else the record.
        outside = fact.effective_at if isinstance(fact, OutsideChangeAdopted) else None
        yield Statement(CHANGED, {**place, **now, "effective_at": outside})
    elif isinstance(fact, TableUnregistered):
        yield Statement(DELETE, place)


def table_conflict(violation: psycopg.errors.UniqueViolation, appends: Sequence[Append]) -> Refusal | None:
    """TableNameTaken or LocationTaken when that is what was violated."""
    registered = [fact for append in appends for fact in append.facts if isinstance(fact, TableRegistered)]
    match violation.diag.constraint_name, registered:
        case "dataset_tables_v1_name", [fact]:
            return TableNameTaken(fact.dataset_id, fact.name)
        case "dataset_tables_v1_location", [fact]:
            return LocationTaken(fact.location)
        case _:
            return None
