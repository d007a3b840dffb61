"""What a job comes to on a table as it is: what it shows already, what is to be prepared, and the units of it."""

from collections.abc import Mapping, Sequence

import lance

from adapters.arrow.recipes import Recipe
from adapters.engines.lance_tables.detached import ASIDE, detached
from adapters.engines.lance_tables.field_places import path_of
from adapters.engines.lance_tables.index_building import build_index, how_to_build
from adapters.engines.lance_tables.indexing import missing_indexes, prefix_of, table_before, wanted_indexes
from adapters.engines.lance_tables.marker import migration_of
from adapters.engines.lance_tables.outcomes import dumped, fragments_of
from adapters.engines.lance_tables.publishing import migration_of_files
from adapters.engines.lance_tables.staging import fragment_of, new_files, prepare_fragment, unit_of
from domain.engine import Job, Unit
from domain.errors import TableChanged
from domain.schema import Index
from domain.steps import Maintenance


def maintenance_of(job: Job) -> Maintenance | None:
    """The work on how the table is stored, when the job is such work."""
    return next((step for step in job.steps if isinstance(step, Maintenance)), None)


def shows(table: lance.LanceDataset, job: Job) -> bool:
    return migration_of(table) == str(job.migration_id)


def is_more_than_indexes(job: Job) -> bool:
    """Whether the job changes the schema itself, which takes a commit of its own."""
    return job.source.without_indexes() != job.target.without_indexes()


def indexes_to_build(table: lance.LanceDataset, job: Job, recipes: Sequence[Recipe]) -> list[Index]:
    """What is to be built, beside or after the rest of the job."""
    if is_more_than_indexes(job) and not shows(table, job):
        return wanted_indexes(job, recipes)
    return missing_indexes(table, job, recipes)


def prepared_fragment(table: lance.LanceDataset, recipes: Sequence[Recipe], unit: Unit) -> bytes:
    first_row = 0
    for fragment in table.get_fragments():
        if fragment_of(unit) == fragment.fragment_id and unit_of(fragment.metadata, table).name == unit.name:
            after = prepare_fragment(fragment, recipes, first_row)
            return dumped(after, new_files(fragment.metadata, after))
        first_row += fragment.metadata.num_rows
    raise TableChanged(table.uri, f"{unit.name} is no longer as it was")


def built_index(
    table: lance.LanceDataset, job: Job, recipes: Sequence[Recipe], index: Index, prepared: Mapping[str, bytes]
) -> bytes:
    """The index over the table as the migration will leave it."""
    is_shown = shows(table, job)
    how = how_to_build(index, table_before(table, job) if is_shown else table) if index in job.source.indexes else None
    how, unit = how or how_to_build(index, None), prefix_of(index)
    if is_shown or not is_more_than_indexes(job):
        return build_index(table, index, unit, path_of(table, job.target, index), how)
    operation = migration_of_files(table, recipes, fragments_of(prepared), f"{ASIDE}{job.migration_id}")
    with detached(table, operation) as after:
        return build_index(after, index, unit, path_of(after, job.target, index), how)
