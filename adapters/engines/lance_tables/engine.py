"""Lance tables: prepare new column files per fragment, publish them and the new schema as one commit."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import timedelta

import lance
import pyarrow as pa

from adapters.arrow.types import to_arrow_schema
from adapters.engines.lance_tables.agreement import agree
from adapters.engines.lance_tables.barring import bar_indexes, bar_migrations
from adapters.engines.lance_tables.border import border, open_table
from adapters.engines.lance_tables.detached import clear_detached
from adapters.engines.lance_tables.identity import Replacements, identity_in
from adapters.engines.lance_tables.indexing import (
    INDEX_UNIT,
    commit_indexes,
    discard_index,
    index_of,
    index_units,
    lingering_indexes,
    missing_indexes,
)
from adapters.engines.lance_tables.inspecting import inspect_table
from adapters.engines.lance_tables.jobs import (
    built_index,
    indexes_to_build,
    is_more_than_indexes,
    maintenance_of,
    prepared_fragment,
    shows,
)
from adapters.engines.lance_tables.maintaining import maintained, maintained_unit, maintenance_units
from adapters.engines.lance_tables.marker import version_of
from adapters.engines.lance_tables.outcomes import NOTHING, fragments_of, written
from adapters.engines.lance_tables.outside import look_outside
from adapters.engines.lance_tables.overtaken import put_back
from adapters.engines.lance_tables.places import Options, is_free, is_remote
from adapters.engines.lance_tables.profile import PROFILE
from adapters.engines.lance_tables.publishing import commit_operation, migration_of_files, refuse_otherwise
from adapters.engines.lance_tables.remembering import Inspections
from adapters.engines.lance_tables.restoring import recoverable_rows
from adapters.engines.lance_tables.rooted import Allowed, Rooted, anywhere
from adapters.engines.lance_tables.staging import (
    FRAGMENT_UNIT,
    KEY_UNIT,
    check_key,
    lance_recipes,
    list_units,
    missing_files,
    remove_files,
)
from domain.engine import Confirm, EngineProfile, Inspection, Job, Outside, Unit, nobody_else
from domain.errors import LocationOccupied, Refusal, TableChanged
from domain.schema import Column, Schema
from domain.table.identity import Identity, Replaced

log = logging.getLogger("schemaledger.lance")

EVERY_VERSION = timedelta(days=36_500)
"""Older than any version there is: all of them stay."""

MOST_CATCH_UPS = 10
MOST_ROWS_CAUGHT_UP = 100_000
"""How often, and with how many rows, others may be in the way of one commit before the units are asked for anew."""


class LanceEngine:
    """Implements ``TableEngine``. Every call meets the table as it is then; what it remembers, it looks at again.

    ``storage_options`` are for tables in object stores, and are told to Lance alone. ``allowed`` follows the links of a
    location and refuses where they lead outside of the allowed roots.
    """

    def __init__(self, storage_options: Options | None = None, allowed: Allowed = anywhere) -> None:
        self._options, self._rooted = dict(storage_options or {}), Rooted(allowed)
        self._inspections, self._replacements = Inspections(), Replacements()

    @property
    def profile(self) -> EngineProfile:
        return PROFILE

    def create(self, location: str, schema: Schema) -> Inspection:
        with self._border(location):
            if not is_free(place := self._rooted.place(location), self._options):
                raise LocationOccupied(location)
            empty = pa.Table.from_batches([], to_arrow_schema(schema))
            table = lance.write_dataset(empty, place, mode="create", storage_options=self._options_for(place))
            return inspect_table(table)

    def inspect(self, location: str) -> Inspection:
        with self._border(location):
            place = self._rooted.place(location)
            if found := self._inspections.still_true(place):
                return found
        table = self._open(location)
        with self._border(location):
            found = inspect_table(table)
        self._inspections.keep(table.uri, found)
        return found

    def units(self, job: Job, prepared: Mapping[str, bytes]) -> Sequence[Unit]:
        table = self._open(job.location)
        with self._border(job.location):
            recipes = lance_recipes(table, job)
            if (work := maintenance_of(job)) is not None:
                return maintenance_units(table, work)
            indexes, fragments = indexes_to_build(table, job, recipes), [f.metadata for f in table.get_fragments()]
            if shows(table, job):
                return index_units(table, indexes, fragments, prepared, job)
            agree(table, job, recipes)
            first = list_units(table, job, recipes) if is_more_than_indexes(job) or not indexes else ()
            if {unit.name for unit in first} - prepared.keys():
                return first
            written = fragments_of(prepared)
            after = [written.get(fragment.id, fragment) for fragment in fragments]
            return (*first, *index_units(table, indexes, after, prepared, job))

    def prepare(self, job: Job, unit: Unit, prepared: Mapping[str, bytes]) -> bytes:
        table = self._open(job.location)
        with self._border(job.location):
            recipes = lance_recipes(table, job)
            if (work := maintenance_of(job)) is not None:
                return maintained_unit(table, work, unit)
            if unit.name.startswith(FRAGMENT_UNIT):
                return prepared_fragment(table, recipes, unit)
            if unit.name.startswith(KEY_UNIT):
                check_key(table, job, int(unit.name.split("-")[1]))
            if unit.name.startswith(INDEX_UNIT):
                index = index_of(unit, job.target.indexes)
                return built_index(table, job, recipes, index, prepared)
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
                    self._let_go(job, late)
                    raise
                log.info("migration %s: %s; what came is prepared at once", job.migration_id, changed)
            except BaseException:
                self._let_go(job, late)
                raise
        raise AssertionError("the last try returns or raises")

    def _let_go(self, job: Job, late: Mapping[str, bytes]) -> None:
        """Removes what was prepared late. What stands in the way of that says nothing of why it is let go."""
        if late:
            with suppress(Refusal):
                self.discard(job, late)

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
        confirm = self._rooted.last_look(job.location, table.uri, confirm)
        with self._border(job.location):
            recipes = lance_recipes(table, job)
            if (work := maintenance_of(job)) is not None:
                return str(maintained(table, work, job, prepared, confirm).version)
            if (version := self.published(job)) is not None:
                put_back(table, job)
                return version
            if {unit.name for unit in self.units(job, prepared)} != set(prepared):
                raise TableChanged(job.location, "rows were added, changed or removed")
            indexes = indexes_to_build(table, job, recipes)
            if is_more_than_indexes(job) and not shows(table, job):
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
            shown = maintenance_of(job) is None and (shows(table, job) or not is_more_than_indexes(job))
            if not shown or missing_indexes(table, job, lance_recipes(table, job)) or lingering_indexes(table, job):
                return None
            return version_of(table, str(job.migration_id))

    def is_visible(self, job: Job) -> bool:
        table = self._open(job.location)
        with self._border(job.location):
            return maintenance_of(job) is None and (shows(table, job) or self.published(job) is not None)

    def bar(self, job: Job) -> None:
        table = self._open(job.location)
        with self._border(job.location):
            if maintenance_of(job) is not None:
                # One that comes late leaves rows as they are.
                return
            if self.is_visible(job):
                raise TableChanged(job.location, "it shows the migration")
            if is_more_than_indexes(job):
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
            if maintenance_of(job) is not None or shows(table, job):
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
        return open_table(self._rooted.place(location), self._options_for(location) or {})

    def _options_for(self, location: str) -> dict[str, str] | None:
        return self._options if is_remote(location) and self._options else None

    def _border(self, location: str) -> AbstractContextManager[None]:
        return border(location, self._options)
