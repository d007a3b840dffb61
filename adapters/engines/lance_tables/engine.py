"""Lance tables: prepare new column files per fragment, publish them and the new schema as one commit."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import lance
import pyarrow as pa
from lance.fragment import FragmentMetadata

from adapters.arrow.types import to_arrow_schema
from adapters.engines.lance_tables.agreement import agree
from adapters.engines.lance_tables.border import ENGINE, border, open_table
from adapters.engines.lance_tables.inspecting import inspect_table
from adapters.engines.lance_tables.marker import KEY, migration_of
from adapters.engines.lance_tables.publishing import commit_migration
from adapters.engines.lance_tables.staging import (
    SCHEMA_UNIT,
    fragment_of,
    lance_recipes,
    list_units,
    missing_files,
    prepare_fragment,
    remove_files,
    unit_of,
)
from domain.engine import EngineProfile, Inspection, Job, Unit
from domain.errors import LocationOccupied, TableChanged
from domain.schema import Schema

MOST_VERSIONS_READ = 1_000
"""How far back the commit of a migration is looked for; beyond that the latest version stands in for it."""

NESTED = ("list", "large_list", "fixed_size_list", "struct", "map", "dictionary")
NOT_IN_FIXED_SIZE_LISTS = (
    "utf8",
    "large_utf8",
    "binary",
    "large_binary",
    "list",
    "large_list",
    "struct",
    "map",
    "dictionary",
)

PROFILE = EngineProfile(
    name=ENGINE,
    # Tried one by one on pylance 14.0.2, file format 2.2: these cannot be written, or cannot be read back.
    unsupported_types=frozenset(
        [f"fixed_size_list<{name}>" for name in NOT_IN_FIXED_SIZE_LISTS]
        + [f"dictionary<{name}>" for name in NESTED]
        + ["struct<>"]
    ),
    reserved_names=frozenset(
        ["_rowid", "_rowaddr", "_rowoffset", "_row_created_at_version", "_row_last_updated_at_version"]
    ),
    unreadable_characters="`",
)


class LanceEngine:
    """Implements ``TableEngine``. Holds nothing between calls: every call opens the table as it is then."""

    @property
    def profile(self) -> EngineProfile:
        return PROFILE

    def create(self, location: str, schema: Schema) -> Inspection:
        place = Path(location)
        if place.exists() and (not place.is_dir() or any(place.iterdir())):
            raise LocationOccupied(location)
        with border(location):
            empty = pa.Table.from_batches([], to_arrow_schema(schema))
            table = lance.write_dataset(empty, location, mode="create")
            return inspect_table(table)

    def inspect(self, location: str) -> Inspection:
        table = open_table(location)
        with border(location):
            return inspect_table(table)

    def units(self, job: Job) -> Sequence[Unit]:
        table, recipes = open_table(job.location), lance_recipes(job)
        with border(job.location):
            agree(table, job, recipes)
            return list_units(table, recipes)

    def prepare(self, job: Job, unit: Unit) -> bytes:
        if unit.name.startswith(SCHEMA_UNIT):
            return b"{}"
        table, recipes = open_table(job.location), lance_recipes(job)
        with border(job.location):
            first_row = 0
            for fragment in table.get_fragments():
                if fragment_of(unit) == fragment.fragment_id and unit_of(fragment.metadata, table) == unit:
                    return _dumped(prepare_fragment(fragment, recipes, first_row))
                first_row += fragment.metadata.num_rows
        raise TableChanged(job.location, f"{unit.name} is no longer as it was")

    def publish(self, job: Job, prepared: Mapping[str, bytes]) -> str:
        table, recipes = open_table(job.location), lance_recipes(job)
        with border(job.location):
            if migration_of(table) == str(job.migration_id):
                return _version_of(table, str(job.migration_id))
            agree(table, job, recipes)
            if {unit.name for unit in list_units(table, recipes)} != set(prepared):
                raise TableChanged(job.location, "rows were added, changed or removed")
            fragments = {fragment.id: fragment for fragment in map(_loaded, prepared.values()) if fragment}
            if missing := missing_files(job.location, list(fragments.values())):
                raise TableChanged(job.location, f"prepared files are gone, {missing[0]} for one")
            return str(commit_migration(table, recipes, fragments, str(job.migration_id)))

    def published(self, job: Job) -> str | None:
        table = open_table(job.location)
        with border(job.location):
            if migration_of(table) != str(job.migration_id):
                return None
            return _version_of(table, str(job.migration_id))

    def discard(self, job: Job, prepared: Mapping[str, bytes]) -> None:
        table = open_table(job.location)
        with border(job.location):
            visible = {file.path for fragment in table.get_fragments() for file in fragment.metadata.files}
            if migration_of(table) == str(job.migration_id):
                return
            for fragment in map(_loaded, prepared.values()):
                if fragment is not None:
                    names = [file.path for file in fragment.files if file.path not in visible]
                    remove_files(job.location, names)


def _dumped(fragment: FragmentMetadata) -> bytes:
    return json.dumps(fragment.to_json()).encode()


def _loaded(prepared: bytes) -> FragmentMetadata | None:
    return None if prepared == b"{}" else FragmentMetadata.from_json(prepared.decode())


def _version_of(table: lance.LanceDataset, migration_id: str) -> str:
    """The version that the migration's commit made: the latest, unless others wrote rows since."""
    for version in range(table.version, max(0, table.version - MOST_VERSIONS_READ), -1):
        try:
            transaction = table.read_transaction(version)
        except (OSError, ValueError, TypeError):
            # Cleaned up since, or of a kind the library cannot read: the version that shows it now stands in.
            break
        if transaction is not None and (transaction.transaction_properties or {}).get(KEY) == migration_id:
            return str(version)
    return str(table.version)
