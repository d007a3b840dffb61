"""Lance tables: prepare new column files per fragment, publish them and the new schema as one commit."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta

import lance
import pyarrow as pa

from adapters.arrow.recipes import Recipe
from adapters.arrow.types import to_arrow_schema
from adapters.engines.lance_tables.agreement import agree
from adapters.engines.lance_tables.barring import bar_indexes, bar_migrations
from adapters.engines.lance_tables.border import border, open_table
from adapters.engines.lance_tables.detached import ASIDE, clear_detached, detached
from adapters.engines.lance_tables.field_places import path_of
from adapters.engines.lance_tables.identity import Replacements, identity_in
from adapters.engines.lance_tables.index_building import build_index, how_to_build
from adapters.engines.lance_tables.indexing import (
    INDEX_UNIT,
    commit_indexes,
    discard_index,
    index_of,
    index_units,
    lingering_indexes,
    missing_indexes,
    prefix_of,
    table_before,
    wanted_indexes,
)
from adapters.engines.lance_tables.inspecting import inspect_table
from adapters.engines.lance_tables.maintaining import maintained, maintained_unit, maintenance_units
from adapters.engines.lance_tables.marker import migration_of, version_of
from adapters.engines.lance_tables.outcomes import NOTHING, dumped, fragments_of, written
from adapters.engines.lance_tables.outside import look_outside
from adapters.engines.lance_tables.overtaken import put_back
from adapters.engines.lance_tables.places import Options, is_free, is_remote
from adapters.engines.lance_tables.profile import PROFILE
from adapters.engines.lance_tables.publishing import commit_operation, migration_of_files, refuse_otherwise
from adapters.engines.lance_tables.remembering import Inspections
from adapters.engines.lance_tables.restoring import recoverable_rows
from adapters.engines.lance_tables.staging import (
    FRAGMENT_UNIT,
    KEY_UNIT,
    check_key,
    fragment_of,
    lance_recipes,
    list_units,
    missing_files,
    new_files,
    prepare_fragment,
    remove_files,
    unit_of,
)
from domain.engine import Confirm, EngineProfile, Inspection, Job, Outside, Unit, nobody_else
from domain.errors import LocationOccupied, TableChanged
from domain.schema import Column, Index, Schema
from domain.steps import Maintenance
from domain.table.identity import Identity, Replaced

log = logging.getLogger("schemaledger.lance")

EVERY_VERSION = timedelta(days=36_500)
"""Older than any version there is: all of them stay."""

MOST_CATCH_UPS = 10
MOST_ROWS_CAUGHT_UP = 100_000
"""How often, and with how many rows, others may be in the way of one commit before the units are asked for anew."""


class LanceEngine:
    """Implements ``TableEngine``. Every call meets the table as it is then; what it remembers, it looks at again.

    ``storage_options`` are for tables in object stores, and are told to Lance alone.
    """

    def __init__(self, storage_options: Options | None = None) -> None:
        self._options = dict(storage_options or {})
        self._inspections, self._replacements = Inspections(), Replacements()

    @property
    def profile(self) -> EngineProfile:
        return PROFILE

    def create(self, location: str, schema: Schema) -> Inspection:
        with self._border(location):
            if not is_free(location, self._options):
                raise LocationOccupied(location)
            empty = pa.Table.from_batches([], to_arrow_schema(schema))
            table = lance.write_dataset(empty, location, mode="create", storage_options=self._options_for(location))
            return inspect_table(table)

    def inspect(self, location: str) -> Inspection:
        if found := self._inspections.still_true(location):
            return found
        table = self._open(location)
        with self._border(location):
            found = inspect_table(table)
        self._inspections.keep(location, found)
        return found

    def units(self, job: Job, prepared: Mapping[str, bytes]) -> Sequence[Unit]:
        table = self._open(job.location)
        with self._border(job.location):
            recipes = lance_recipes(table, job)
            if (work := _maintenance(job)) is not None:
                return maintenance_units(table, work)
            indexes, fragments = _indexes(table, job, recipes), [f.metadata for f in table.get_fragments()]
            if _shows(table, job):
                return index_units(table, indexes, fragments, prepared, job)
            agree(table, job, recipes)
            first = list_units(table, job, recipes) if _is_more_than_indexes(job) or not indexes else ()
            if {unit.name for unit in first} - prepared.keys():
                return first
            written = fragments_of(prepared)
            after = [written.get(fragment.id, fragment) for fragment in fragments]
            return (*first, *index_units(table, indexes, after, prepared, job))

    def prepare(self, job: Job, unit: Unit, prepared: Mapping[str, bytes]) -> bytes:
        table = self._open(job.location)
        with self._border(job.location):
            recipes = lance_recipes(table, job)
            if (work := _maintenance(job)) is not None:
                return maintained_unit(table, work, unit)
            if unit.name.startswith(FRAGMENT_UNIT):
                return _prepared_fragment(table, recipes, unit)
            if unit.name.startswith(KEY_UNIT):
                check_key(table, job, int(unit.name.split("-")[1]))
            if unit.name.startswith(INDEX_UNIT):
                index = index_of(unit, job.target.indexes)
                return _built(table, job, recipes, index, prepared)
            return NOTHING

    def publish(self, job: Job, prepared: Mapping[str, bytes], confirm: Confirm = nobody_else) -> str:
        """As the port says. Rows that others add right before the commit are prepared here, so that the step that has
        to fit between two commits of theirs is as small as it can be.
        """
        late = dict[str, bytes]()
        for remaining in reversed(range(MOST_CATCH_UPS)):
            try:
                return self._publish(job, {**prepared, **late}, confirm)
            except TableChanged as changed:
                if not remaining or not self._catch_up(job, prepared, late):
                    self.discard(job, late)
                    raise
                log.info("migration %s: %s; what came is prepared at once", job.migration_id, changed)
            except BaseException:
                self.discard(job, late)
                raise
        raise AssertionError("the last try returns or raises")

    def _catch_up(self, job: Job, prepared: Mapping[str, bytes], late: dict[str, bytes]) -> bool:
        """Prepares what is new since. False where that is more than a few rows, or work of the units before is gone."""
        units = self.units(job, {**prepared, **late})
        names = {unit.name for unit in units}
        if not prepared.keys() <= names:
            return False
        self.discard(job, {name: late.pop(name) for name in late.keys() - names})
        missing = [unit for unit in units if unit.name not in prepared and unit.name not in late]
        few = sum(unit.rows for unit in missing) <= MOST_ROWS_CAUGHT_UP
        if not few or any(not unit.name.startswith(FRAGMENT_UNIT) for unit in missing):
            return False
        late.update({unit.name: self.prepare(job, unit, prepared) for unit in missing})
        return True

    def _publish(self, job: Job, prepared: Mapping[str, bytes], confirm: Confirm) -> str:
        table = self._open(job.location)
        with self._border(job.location):
            recipes = lance_recipes(table, job)
            if (work := _maintenance(job)) is not None:
                return str(maintained(table, work, job, prepared, confirm).version)
            if (version := self.published(job)) is not None:
                put_back(table, job)
                return version
            if {unit.name for unit in self.units(job, prepared)} != set(prepared):
                raise TableChanged(job.location, "rows were added, changed or removed")
            indexes = _indexes(table, job, recipes)
            if _is_more_than_indexes(job) and not _shows(table, job):
                fragments = fragments_of(prepared)
                if missing := missing_files(table, list(fragments.values())):
                    raise TableChanged(job.location, f"prepared files are gone, {missing[0]} for one")
                operation = migration_of_files(table, recipes, fragments, str(job.migration_id))
                refuse_otherwise(operation.schema, job)
                confirm()
                commit_operation(table, operation, str(job.migration_id))
                table = self._open(job.location)
            commit_indexes(table, prepared, indexes, job, confirm)
            put_back(self._open(job.location), job)
            return version_of(self._open(job.location), str(job.migration_id))

    def published(self, job: Job) -> str | None:
        table = self._open(job.location)
        with self._border(job.location):
            shown = _maintenance(job) is None and (_shows(table, job) or not _is_more_than_indexes(job))
            if not shown or missing_indexes(table, job, lance_recipes(table, job)) or lingering_indexes(table, job):
                return None
            return version_of(table, str(job.migration_id))

    def is_visible(self, job: Job) -> bool:
        table = self._open(job.location)
        with self._border(job.location):
            return _maintenance(job) is None and (_shows(table, job) or self.published(job) is not None)

    def bar(self, job: Job) -> None:
        table = self._open(job.location)
        with self._border(job.location):
            if _maintenance(job) is not None:
                # One that comes late leaves rows as they are.
                return
            if self.is_visible(job):
                raise TableChanged(job.location, "it shows the migration")
            if _is_more_than_indexes(job):
                bar_migrations(table)
            else:
                bar_indexes(table, job)

    def recoverable(self, location: str, column: Column, gone_as: str) -> int:
        table = self._open(location)
        with self._border(location):
            return recoverable_rows(table, column, gone_as)

    def identity(self, location: str, engine_version: str) -> Identity | None:
        table = self._open(location)
        with self._border(location):
            return identity_in(table, engine_version)

    def replaced(self, location: str, known: Identity) -> Replaced:
        table = self._open(location)
        with self._border(location):
            return self._replacements.of(table, known)

    def outside(self, location: str, known: Schema, identity: Identity | None = None) -> Outside:
        table = self._open(location)
        with self._border(location):
            return look_outside(table, known, identity)

    def discard(self, job: Job, prepared: Mapping[str, bytes]) -> None:
        table = self._open(job.location)
        with self._border(job.location):
            if _maintenance(job) is not None or _shows(table, job):
                return
            visible = {file.path for fragment in table.get_fragments() for file in fragment.metadata.files}
            for name, content in prepared.items():
                if name.startswith(INDEX_UNIT):
                    discard_index(table, content)
                else:
                    remove_files(table, [path for path in written(content) if path not in visible])

    def tidy(self, location: str) -> int:
        table = self._open(location)
        with self._border(location):
            clear_detached(table)
            # The library leaves alone what is younger than a week and stands in no manifest: it may be work under way.
            return int(table.cleanup_old_versions(older_than=EVERY_VERSION).bytes_removed)

    def _open(self, location: str) -> lance.LanceDataset:
        return open_table(location, self._options_for(location) or {})

    def _options_for(self, location: str) -> dict[str, str] | None:
        return self._options if is_remote(location) and self._options else None

    def _border(self, location: str) -> AbstractContextManager[None]:
        return border(location, self._options)


def _maintenance(job: Job) -> Maintenance | None:
    """The work on how the table is stored, when the job is such work."""
    return next((step for step in job.steps if isinstance(step, Maintenance)), None)


def _shows(table: lance.LanceDataset, job: Job) -> bool:
    return migration_of(table) == str(job.migration_id)


def _is_more_than_indexes(job: Job) -> bool:
    """Whether the job changes the schema itself, which takes a commit of its own."""
    return job.source.without_indexes() != job.target.without_indexes()


def _indexes(table: lance.LanceDataset, job: Job, recipes: Sequence[Recipe]) -> list[Index]:
    """What is to be built, beside or after the rest of the job."""
    if _is_more_than_indexes(job) and not _shows(table, job):
        return wanted_indexes(job, recipes)
    return missing_indexes(table, job, recipes)


def _prepared_fragment(table: lance.LanceDataset, recipes: Sequence[Recipe], unit: Unit) -> bytes:
    first_row = 0
    for fragment in table.get_fragments():
        if fragment_of(unit) == fragment.fragment_id and unit_of(fragment.metadata, table).name == unit.name:
            after = prepare_fragment(fragment, recipes, first_row)
            return dumped(after, new_files(fragment.metadata, after))
        first_row += fragment.metadata.num_rows
    raise TableChanged(table.uri, f"{unit.name} is no longer as it was")


def _built(
    table: lance.LanceDataset, job: Job, recipes: Sequence[Recipe], index: Index, prepared: Mapping[str, bytes]
) -> bytes:
    """The index over the table as the migration will leave it."""
    shows = _shows(table, job)
    how = how_to_build(index, table_before(table, job) if shows else table) if index in job.source.indexes else None
    how, unit = how or how_to_build(index, None), prefix_of(index)
    if shows or not _is_more_than_indexes(job):
        return build_index(table, index, unit, path_of(table, job.target, index), how)
    operation = migration_of_files(table, recipes, fragments_of(prepared), f"{ASIDE}{job.migration_id}")
    with detached(table, operation) as after:
        return build_index(after, index, unit, path_of(after, job.target, index), how)
