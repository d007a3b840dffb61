"""Tables in this process's memory: for laws, for trying things out, and as a second opinion on the other engines.

It carries out a job step by step, as the steps read, where the others fold them into one pass.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import RLock
from uuid import UUID

import pyarrow as pa
from msgspec.structs import replace

from adapters.arrow.types import from_arrow_field, to_arrow_schema
from adapters.engines.memory.stepping import migrated, padded
from domain.drift import difference, recognised
from domain.engine import Confirm, EngineProfile, Inspection, Job, Outside, TableStatistics, Unit, nobody_else
from domain.errors import LocationOccupied, SchemaDrifted, TableChanged, TableNotFoundAtLocation, ValuesGone
from domain.schema import Column, Index, Schema, schema_of
from domain.steps import RestoreField
from domain.table.identity import Identity, Replaced

ORDERED = frozenset(
    [
        *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        *("float16", "float32", "float64", "decimal128", "decimal256", "date32", "date64", "time32", "time64"),
        *("timestamp", "duration", "utf8", "large_utf8", "binary", "large_binary", "fixed_size_binary"),
    ]
)
PROFILE = EngineProfile(
    name="memory",
    scalar_indexes={"btree": ORDERED, "bitmap": ORDERED},
    vector_indexes={"ivf_flat": 1, "ivf_pq": 256},
    vector_metrics=("l2", "cosine", "dot"),
)


@dataclass(frozen=True)
class Version:
    """One version of a table: its rows, and the indexes on it by name with the names of their columns."""

    rows: pa.Table
    indexes: tuple[tuple[Index, tuple[str, ...]], ...] = ()


@dataclass
class Stored:
    """Every version of one table, the latest last, and which version shows which migration."""

    versions: list[Version]
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
            self._tables[location] = Stored([Version(to_arrow_schema(schema).empty_table())])
        return self.inspect(location)

    def inspect(self, location: str) -> Inspection:
        rows = self.read(location)
        schema = schema_of(tuple(from_arrow_field(field) for field in rows.schema))
        indexes = tuple(
            replace(index, column_ids=tuple(found[0] for name in names if (found := schema.find_field(name))))
            for index, names in self._stored(location).versions[-1].indexes
        )
        return Inspection(
            schema=replace(schema, indexes=indexes),
            statistics=TableStatistics(rows=rows.num_rows, bytes_stored=rows.nbytes, fragments=1),
            engine_version=str(len(self._stored(location).versions)),
        )

    def units(self, job: Job, prepared: Mapping[str, bytes]) -> Sequence[Unit]:
        if sentence := difference(self.inspect(job.location).schema, job.source):
            raise SchemaDrifted(job.location, sentence)
        with self._lock:
            stored = self._stored(job.location)
            return (Unit(name=f"version-{len(stored.versions)}", rows=stored.versions[-1].rows.num_rows),)

    def prepare(self, job: Job, unit: Unit, prepared: Mapping[str, bytes]) -> bytes:
        rows = migrated(self.read(job.location), job, self._restored(job))
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, rows.schema) as writer:
            writer.write_table(rows)
        return bytes(sink.getvalue())

    def publish(self, job: Job, prepared: Mapping[str, bytes], confirm: Confirm = nobody_else) -> str:
        with self._lock:
            if version := self.published(job):
                return version
            stored = self._stored(job.location)
            found = len(stored.versions)
            confirm()
            if len(stored.versions) != found or set(prepared) != {unit.name for unit in self.units(job, prepared)}:
                raise TableChanged(job.location, "rows were added, changed or removed")
            (content,) = prepared.values()
            indexes = tuple((index, job.target.named(index.column_ids)) for index in job.target.indexes)
            stored.versions.append(Version(pa.ipc.open_stream(content).read_all(), indexes))
            stored.published[job.migration_id] = len(stored.versions)
            return str(len(stored.versions))

    def published(self, job: Job) -> str | None:
        version = self._stored(job.location).published.get(job.migration_id)
        return None if version is None else str(version)

    def is_visible(self, job: Job) -> bool:
        return self.published(job) is not None

    def bar(self, job: Job) -> None:
        with self._lock:
            if self.is_visible(job):
                raise TableChanged(job.location, "it shows the migration")
            versions = self._stored(job.location).versions
            versions.append(versions[-1])

    def recoverable(self, location: str, column: Column, gone_as: str) -> int:
        before: int = self._before(location, column, gone_as).num_rows
        return min(before, int(self.read(location).num_rows))

    def identity(self, location: str, engine_version: str) -> Identity | None:
        """Nothing: no other table comes to a place here, and a column is as it is called."""
        return None

    def replaced(self, location: str, known: Identity) -> Replaced:
        return Replaced()

    def outside(self, location: str, known: Schema, identity: Identity | None = None) -> Outside:
        found = self.inspect(location).schema
        ids = {name: column.id for name in found.names if (column := known.find(name)) is not None}
        return Outside(
            schema=recognised(found, known, ids),
            since=datetime.now(UTC),
            engine_version=str(self.version_count(location)),
        )

    def discard(self, job: Job, prepared: Mapping[str, bytes]) -> None:
        """Nothing prepared is kept here."""

    def tidy(self, location: str) -> int:
        self._stored(location)
        return 0

    def write(self, location: str, rows: pa.Table) -> None:
        """Another writer appends rows."""
        with self._lock:
            stored = self._stored(location)
            latest = stored.versions[-1]
            both = pa.concat_tables([latest.rows, rows.cast(latest.rows.schema)])
            stored.versions.append(Version(both, latest.indexes))

    def change(self, location: str, rows: pa.Table) -> None:
        """Somebody else replaces the table by another."""
        with self._lock:
            self._stored(location).versions.append(Version(rows))

    def read(self, location: str) -> pa.Table:
        return self._stored(location).versions[-1].rows

    def version_count(self, location: str) -> int:
        return len(self._stored(location).versions)

    def _restored(self, job: Job) -> dict[int, pa.Array]:
        """By column id, the values that columns get back; rows keep their place here, so new ones are the last."""
        rows, found = self.read(job.location).num_rows, dict[int, pa.Array]()
        for step in job.steps:
            if isinstance(step, RestoreField):
                old = self._before(job.location, step.column, step.gone_as).column(step.column.name)
                found[step.column.id] = padded(old.chunks, old.type, rows)
        return found

    def _before(self, location: str, column: Column, gone_as: str) -> pa.Table:
        rows = self._stored(location).versions[int(gone_as) - 2].rows
        if column.name not in rows.column_names:
            raise ValuesGone(column.name, f"version {int(gone_as) - 1} of the table does not hold it")
        return rows

    def _stored(self, location: str) -> Stored:
        try:
            return self._tables[location]
        except KeyError:
            raise TableNotFoundAtLocation(PROFILE.name, location) from None
