"""Indexes: built where no reader sees them, over the values as the migration will leave them, and committed at the end.

The values that a migration writes are visible to nobody yet; a detached version (one that is in no line of versions)
holds them together, and an index built on it fits the table once the same files are committed there.
"""

import json
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import lance
from lance.dataset import Index as Segment
from lance.dataset import LanceOperation, Transaction
from lance.fragment import FragmentMetadata

from adapters.arrow.recipes import Recipe
from adapters.engines.lance_tables.inspecting import inspect_table
from adapters.engines.lance_tables.marker import KEY
from domain.engine import Job, Unit
from domain.schema import Index

INDEX_UNIT = "index"

Digests = dict[str, str]
"""What files each fragment consists of, by fragment id; deletions aside, which no index minds."""


def wanted_indexes(job: Job, recipes: Sequence[Recipe]) -> list[Index]:
    """Those the job must build: new ones, and those over values that are written anew."""
    written = {recipe.column.id for recipe in recipes if recipe.writes or recipe.restored is not None}
    return [
        index
        for index in job.target.indexes
        if index not in job.source.indexes or written.intersection(index.column_ids)
    ]


def dropped_indexes(job: Job) -> list[str]:
    """Names of indexes that the job drops while it keeps their columns."""
    return [index.name for index in job.source.indexes if index not in job.target.indexes]


def missing_indexes(table: lance.LanceDataset, job: Job, recipes: Sequence[Recipe]) -> list[Index]:
    """Those of the job that the table does not have yet, once it has everything else of the job."""
    there = {index.name for index in inspect_table(table).schema.indexes}
    return [index for index in wanted_indexes(job, recipes) if index.name not in there]


def index_units(
    indexes: Sequence[Index], fragments: Sequence[FragmentMetadata], done: Mapping[str, bytes]
) -> list[Unit]:
    """One unit for each index. One that is built stays good while every fragment it covers is as it was."""
    digests, rows = digests_of(fragments), sum(fragment.num_rows for fragment in fragments)
    units = []
    for index in indexes:
        built = [name for name in done if name.startswith(f"{INDEX_UNIT}-{index.name}-")]
        kept = [name for name in built if _still_good(done[name], digests)]
        name = kept[0] if kept else f"{INDEX_UNIT}-{index.name}-{_digest([repr(index), digests])}"
        units.append(Unit(name=name, rows=rows))
    return units


def index_of(unit: Unit, indexes: Sequence[Index]) -> Index:
    return next(index for index in indexes if unit.name.startswith(f"{INDEX_UNIT}-{index.name}-"))


def build_index(table: lance.LanceDataset, index: Index, column: str) -> bytes:
    """Builds it over all fragments of this version of the table; returns what ``commit_indexes`` needs."""
    fragments = [fragment.metadata for fragment in table.get_fragments()]
    segment = None
    if fragments:
        settings: dict[str, Any] = {} if index.metric is None else {"metric": index.metric, **index.settings}
        segment = table.create_index_uncommitted(
            column,
            index.index_type.upper(),
            name=index.name,
            fragment_ids=[fragment.id for fragment in fragments],
            **settings,
        )
    return pickle.dumps((digests_of(fragments), segment))


def commit_indexes(
    table: lance.LanceDataset, built: Mapping[str, bytes], indexes: Sequence[Index], job: Job
) -> lance.LanceDataset:
    """Makes the indexes visible, all new ones in one version, and takes those dropped away."""
    there = {index.name for index in inspect_table(table).schema.indexes}
    for name in dropped_indexes(job):
        if name in there:
            table.drop_index(name)
            table = lance.dataset(table.uri)
    segments, empty = list[Segment](), list[Index]()
    for index in indexes:
        content = next(content for name, content in built.items() if name.startswith(f"{INDEX_UNIT}-{index.name}-"))
        _, segment = pickle.loads(content)  # noqa: S301  # written by this process, or by one that may write the table
        if segment is None:
            empty.append(index)
        else:
            segments.append(replace(segment, dataset_version=table.version))
    if segments:
        properties = {KEY: str(job.migration_id)}
        creation = LanceOperation.CreateIndex(segments, [])
        transaction = Transaction(table.version, creation, transaction_properties=properties)
        table = lance.LanceDataset.commit(table.uri, transaction, max_retries=0)
    for index in empty:
        # On a table without rows there is nothing to build beforehand, and nothing that takes long.
        (column,) = job.target.named(index.column_ids)
        kind: Any = index.index_type.upper()
        table.create_scalar_index(column, kind, name=index.name, replace=False)
        table = lance.dataset(table.uri)
    return table


def discard_index(location: str, content: bytes) -> None:
    """Removes the files of an index that was built and is not committed."""
    _, segment = pickle.loads(content)  # noqa: S301
    if segment is not None:
        folder = Path(location) / "_indices" / str(segment.uuid)
        for file in folder.iterdir() if folder.exists() else ():
            file.unlink(missing_ok=True)
        if folder.exists():
            folder.rmdir()


def digests_of(fragments: Sequence[FragmentMetadata]) -> Digests:
    return {str(fragment.id): _digest([fragment.to_json()["files"]]) for fragment in fragments}


def _still_good(content: bytes, now: Digests) -> bool:
    covered, _ = pickle.loads(content)  # noqa: S301
    return all(now.get(fragment) == digest for fragment, digest in covered.items())


def _digest(parts: list[object]) -> str:
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]
