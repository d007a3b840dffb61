"""Tables in this process's memory: for laws, for trying things out, and as a second opinion on the other engines.

It carries out a job step by step, as the steps read, where the others fold them into one pass.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import RLock
from typing import assert_never
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc

from adapters.arrow.casts import cast_array
from adapters.arrow.types import from_arrow_field, to_arrow_field, to_arrow_schema
from adapters.arrow.values import to_scalar
from domain.drift import difference
from domain.engine import EngineProfile, Inspection, Job, TableStatistics, Unit
from domain.errors import (
    CastFailed,
    LocationOccupied,
    NullsPresent,
    SchemaDrifted,
    TableChanged,
    TableNotEmpty,
    TableNotFoundAtLocation,
)
from domain.schema import Schema, schema_of
from domain.steps import (
    AddField,
    CastField,
    CastPolicy,
    CheckNoNulls,
    DropField,
    FillNulls,
    RenameField,
    SetNullability,
    Step,
)
from domain.type_text import parse_type

PROFILE = EngineProfile(name="memory")


@dataclass
class Stored:
    """Every version of one table, the latest last, and which version shows which migration."""

    versions: list[pa.Table]
    published: dict[UUID, int] = field(default_factory=dict)


class MemoryEngine:
    """Implements ``TableEngine`` for tables that live as long as this object."""

    def __init__(self) -> None:
        self._tables = dict[str, Stored]()
        self._lock = RLock()

    @property
    def profile(self) -> EngineProfile:
        return PROFILE

    def create(self, location: str, schema: Schema) -> Inspection:
        with self._lock:
            if location in self._tables:
                raise LocationOccupied(location)
            self._tables[location] = Stored([to_arrow_schema(schema).empty_table()])
        return self.inspect(location)

    def inspect(self, location: str) -> Inspection:
        rows = self.read(location)
        return Inspection(
            schema=schema_of(tuple(from_arrow_field(field) for field in rows.schema)),
            statistics=TableStatistics(rows=rows.num_rows, bytes_stored=rows.nbytes, fragments=1),
            engine_version=str(len(self._stored(location).versions)),
        )

    def units(self, job: Job) -> Sequence[Unit]:
        if sentence := difference(self.inspect(job.location).schema, job.source):
            raise SchemaDrifted(job.location, sentence)
        with self._lock:
            stored = self._stored(job.location)
            return (Unit(name=f"version-{len(stored.versions)}", rows=stored.versions[-1].num_rows),)

    def prepare(self, job: Job, unit: Unit) -> bytes:
        rows = migrated(self.read(job.location), job)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, rows.schema) as writer:
            writer.write_table(rows)
        return bytes(sink.getvalue())

    def publish(self, job: Job, prepared: Mapping[str, bytes]) -> str:
        with self._lock:
            if version := self.published(job):
                return version
            if set(prepared) != {unit.name for unit in self.units(job)}:
                raise TableChanged(job.location, "rows were added, changed or removed")
            (content,) = prepared.values()
            stored = self._stored(job.location)
            stored.versions.append(pa.ipc.open_stream(content).read_all())
            stored.published[job.migration_id] = len(stored.versions)
            return str(len(stored.versions))

    def published(self, job: Job) -> str | None:
        version = self._stored(job.location).published.get(job.migration_id)
        return None if version is None else str(version)

    def discard(self, job: Job, prepared: Mapping[str, bytes]) -> None:
        """Nothing prepared is kept here."""

    def write(self, location: str, rows: pa.Table) -> None:
        """Another writer appends rows."""
        with self._lock:
            stored = self._stored(location)
            latest = stored.versions[-1]
            stored.versions.append(pa.concat_tables([latest, rows.cast(latest.schema)]))

    def read(self, location: str) -> pa.Table:
        return self._stored(location).versions[-1]

    def version_count(self, location: str) -> int:
        return len(self._stored(location).versions)

    def _stored(self, location: str) -> Stored:
        try:
            return self._tables[location]
        except KeyError:
            raise TableNotFoundAtLocation(PROFILE.name, location) from None


def migrated(rows: pa.Table, job: Job) -> pa.Table:
    """The rows after every step of the job, in the target's order and with the target's fields."""
    columns = {column.id: rows.column(column.name).combine_chunks() for column in job.source.columns}
    for step in job.steps:
        _apply(step, columns, rows.num_rows)
    for column in job.target.columns:
        if not column.nullable and columns[column.id].null_count:
            raise TableNotEmpty(column.name, rows.num_rows)
    fields = [to_arrow_field(column) for column in job.target.columns]
    return pa.table([columns[column.id] for column in job.target.columns], schema=pa.schema(fields))


def _apply(step: Step, columns: dict[int, pa.Array], rows: int) -> None:
    match step:
        case AddField():
            scalar = to_scalar(step.column.initial_default, step.column.type)
            columns[step.column.id] = pa.repeat(scalar, rows) if scalar.is_valid else pa.nulls(rows, scalar.type)
        case DropField():
            del columns[step.column_id]
        case CastField():
            columns[step.column_id] = _cast(step, columns[step.column_id])
        case FillNulls():
            filling = to_scalar(step.value, parse_type(step.data_type))
            columns[step.column_id] = pc.fill_null(columns[step.column_id], filling)
        case CheckNoNulls():
            if count := columns[step.column_id].null_count:
                raise NullsPresent(step.name, count, rows)
        case RenameField() | SetNullability():
            pass
        case _:
            assert_never(step)


def _cast(step: CastField, values: pa.Array) -> pa.Array:
    outcome = cast_array(values, parse_type(step.from_type), parse_type(step.to_type))
    failed = 0 if outcome.failed is None else pc.sum(outcome.failed).as_py() or 0
    if failed and step.on_failure is CastPolicy.FAIL:
        first = pc.index(outcome.failed, True).as_py()
        raise CastFailed(step.name, step.to_type, failed, len(values), f"row {first} holds {values[first].as_py()!r}")
    return outcome.array
