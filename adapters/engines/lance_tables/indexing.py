"""Indexes: built where no reader sees them, over the values as the migration will leave them, and committed at the end.

The values that a migration writes are visible to nobody yet; a detached version (one that is in no line of versions)
holds them together, and an index built on it fits the table once the same files are committed there.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import lance
from lance.dataset import Index as Segment
from lance.dataset import LanceOperation, Transaction
from lance.fragment import FragmentMetadata

from adapters.arrow.recipes import Recipe
from adapters.engines.lance_tables.digests import digest
from adapters.engines.lance_tables.field_places import path_of
from adapters.engines.lance_tables.index_building import create_empty, digests_of
from adapters.engines.lance_tables.inspecting import inspect_table
from adapters.engines.lance_tables.marker import KEY, has_commit, version_of
from adapters.engines.lance_tables.places import options_of, remove_folder, reopened
from adapters.engines.lance_tables.segments import Digests, how_built, loaded
from adapters.engines.lance_tables.weighing import indexing, sampled_width
from domain.engine import Confirm, Job, Unit
from domain.schema import Index, Schema
from domain.steps import BuildIndex

INDEX_UNIT = "index"


def wanted_indexes(job: Job, recipes: Sequence[Recipe]) -> list[Index]:
    """Those the job must build: new ones, those asked for again, and those over values that are written anew."""
    written = {recipe.column.id for recipe in recipes if recipe.writes or recipe.restored is not None}
    asked = [step.index for step in job.steps if isinstance(step, BuildIndex)]
    return [index for index in job.target.indexes if index in asked or written & job.target.owners(index.column_ids)]


def missing_indexes(table: lance.LanceDataset, job: Job, recipes: Sequence[Recipe]) -> list[Index]:
    """Those of the job that the table does not have yet, once it has everything else of the job."""
    there, wanted = _shapes(inspect_table(table).schema), wanted_indexes(job, recipes)
    # One that takes the place of another of its name, or of itself, may look the same until the job has committed it.
    named_so = {index.name for index in job.source.indexes}
    again = [index for index in wanted if index.name in named_so and not _is_written(index, recipes)]
    if again and has_commit(table, str(job.migration_id), LanceOperation.CreateIndex):
        again = []
    return [index for index in wanted if _shape(index, job.target) not in there or index in again]


def lingering_indexes(table: lance.LanceDataset, job: Job) -> list[str]:
    """Names of indexes that are to go, or to make room for another of their name, and are there still."""
    there, kept = _shapes(inspect_table(table).schema), _shapes(job.target)
    gone = [index for index in job.source.indexes if index not in job.target.indexes]
    return [index.name for index in gone if (shape := _shape(index, job.target)) in there and shape not in kept]


Shape = tuple[str, str, tuple[str, ...]]


def _shapes(schema: Schema) -> set[Shape]:
    return {_shape(index, schema) for index in schema.indexes}


def _shape(index: Index, schema: Schema) -> Shape:
    """What tells an index of a table from another: its name, its type, and what it is on."""
    return index.name, index.index_type, schema.indexed(index)


def _is_written(index: Index, recipes: Sequence[Recipe]) -> bool:
    fields = {*index.column_ids}
    return any(recipe.writes and fields & {recipe.column.id, *recipe.column.field_ids.values()} for recipe in recipes)


def index_units(
    table: lance.LanceDataset,
    indexes: Sequence[Index],
    fragments: Sequence[FragmentMetadata],
    done: Mapping[str, bytes],
    job: Job,
) -> list[Unit]:
    """One unit for each index. One that is built stays good while every fragment it covers is as it was."""
    if not indexes:
        return []
    digests, rows = digests_of(fragments), sum(fragment.num_rows for fragment in fragments)
    units = []
    for index in indexes:
        kept = [name for name in done if name.startswith(prefix_of(index)) and _still_good(done[name], digests)]
        name = kept[0] if kept else f"{prefix_of(index)}{digest([digests])}"
        units.append(Unit(name=name, rows=rows, memory=indexing(rows, _width(table, index, job))))
    return units


def _width(table: lance.LanceDataset, index: Index, job: Job) -> float:
    """Bytes of what the index covers of a row, as far as it is stored already."""
    names = job.source.named(job.source.owners(index.column_ids))
    return sampled_width(table, [name for name in names if name in table.schema.names])


def table_before(table: lance.LanceDataset, job: Job) -> lance.LanceDataset | None:
    """The table as it was right before the job, whose indexes over written values went with it; None if cleaned up."""
    try:
        return reopened(table, int(version_of(table, str(job.migration_id))) - 1)
    except (OSError, ValueError):
        return None


def index_of(unit: Unit, indexes: Sequence[Index]) -> Index:
    return next(index for index in indexes if unit.name.startswith(prefix_of(index)))


def commit_indexes(
    table: lance.LanceDataset, built: Mapping[str, bytes], indexes: Sequence[Index], job: Job, confirm: Confirm
) -> lance.LanceDataset:
    """Makes the new indexes visible and takes those dropped, or in the way, away: in one version."""
    gone = segments_of(table, {*lingering_indexes(table, job), *(index.name for index in indexes)})
    segments, empty = list[Segment](), list[Index]()
    for index in indexes:
        content = next(content for name, content in built.items() if name.startswith(prefix_of(index)))
        _, segment = loaded(content)
        if segment is None:
            empty.append(index)
        else:
            segments.append(replace(segment, name=index.name, dataset_version=table.version))
    if segments or gone:
        properties = {KEY: str(job.migration_id)}
        creation = LanceOperation.CreateIndex(segments, gone)
        transaction = Transaction(table.version, creation, transaction_properties=properties)
        confirm()
        table = lance.LanceDataset.commit(table.uri, transaction, storage_options=options_of(table), max_retries=0)
    for index in empty:
        # On a table without rows there is nothing to build beforehand, and nothing that takes long.
        content = next(content for name, content in built.items() if name.startswith(prefix_of(index)))
        confirm()
        create_empty(table, index, path_of(table, job.target, index), how_built(content))
        table = reopened(table)
    return table


def committed(table: lance.LanceDataset, built: bytes, name: str) -> lance.LanceDataset:
    """The table with an index that was built beside any job."""
    _, segment = loaded(built)
    if segment is None:
        return table
    creation = LanceOperation.CreateIndex([replace(segment, name=name, dataset_version=table.version)], [])
    return lance.LanceDataset.commit(table.uri, Transaction(table.version, creation), storage_options=options_of(table))


def segments_of(table: lance.LanceDataset, names: Collection[str]) -> list[Segment]:
    """What the indexes of these names consist of, as far as a commit that takes them away must say it."""
    return [
        Segment(str(part.uuid), index.name, list(index.fields), table.version, part.fragment_ids, part.index_version)
        for index in table.describe_indices()
        if index.name in names
        for part in index.segments
    ]


def discard_index(table: lance.LanceDataset, content: bytes) -> None:
    """Removes the files of an index that was built and is not committed."""
    _, segment = loaded(content)
    if segment is not None:
        remove_folder(table, f"_indices/{segment.uuid}")


def prefix_of(index: Index) -> str:
    """What the names of the units of one index begin with."""
    return f"{INDEX_UNIT}-{digest([index])}-"


def _still_good(content: bytes, now: Digests) -> bool:
    covered, _ = loaded(content)
    return all(now.get(fragment) == digest for fragment, digest in covered.items())
