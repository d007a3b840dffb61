"""What others committed between the version that was checked and the one that a migration made. pylance 14.

Lance puts a commit on top of others that it takes for compatible, also where it was told not to try again: metadata of
fields under one that changes the schema alone, an index under one that brings its column anew. Both would be lost
without a word, so they are looked for afterwards and put back, by every worker that finds the migration published.
"""

import logging
from collections.abc import Iterator, Mapping
from typing import TypeVar
from uuid import uuid4

import lance

from adapters.engines.lance_tables.field_places import path_of, quoted
from adapters.engines.lance_tables.fields import StoredField, fields_of
from adapters.engines.lance_tables.index_building import build_index, how_to_build
from adapters.engines.lance_tables.indexing import committed
from adapters.engines.lance_tables.inspecting import inspect_table
from adapters.engines.lance_tables.marker import commits_of
from adapters.engines.lance_tables.places import reopened
from domain.engine import Job
from domain.errors import IndexNotBuilt
from domain.schema import Index, Schema

log = logging.getLogger("schemaledger.lance")

K = TypeVar("K")
V = TypeVar("V")
Notes = dict[int, tuple[str, Mapping[str, str]]]
"""By field id, the path of a field and its metadata."""


def put_back(table: lance.LanceDataset, job: Job) -> None:
    """Puts back what the commits of the migration have overtaken, as far as it is not there."""
    for version, transaction in list(commits_of(table, str(job.migration_id))):
        if version > transaction.read_version + 1:
            try:
                before, between = reopened(table, transaction.read_version), reopened(table, version - 1)
            except (ValueError, OSError):
                # Cleaned away since: what others did there is not known any more.
                continue
            table = _put_back_notes(table, before, between)
            table = _put_back_indexes(table, before, between, job)


def _put_back_notes(
    table: lance.LanceDataset, before: lance.LanceDataset, between: lance.LanceDataset
) -> lance.LanceDataset:
    now, was, then = _notes(table), _notes(before), _notes(between)
    wanted = dict[str, dict[str, str | None]]()
    for field_id, (path, there) in now.items():
        if field_id in was and field_id in then:
            _, old = was[field_id]
            changed = {key: then[field_id][1].get(key) for key in _changed(old, then[field_id][1])}
            if lost := {key: value for key, value in changed.items() if there.get(key) != value}:
                wanted[path] = lost
    if wanted:
        log.info("metadata that others wrote meanwhile is put back: %s", ", ".join(sorted(wanted)))
        table.update_field_metadata(wanted)
    there, earlier, later = (_of_table(one) for one in (table, before, between))
    of_table = {key: later.get(key) for key in _changed(earlier, later)}
    if lost_ones := {key: value for key, value in of_table.items() if there.get(key) != value}:
        table.update_schema_metadata(lost_ones)
    return reopened(table)


def _put_back_indexes(
    table: lance.LanceDataset, before: lance.LanceDataset, between: lance.LanceDataset, job: Job
) -> lance.LanceDataset:
    """Indexes that others made on columns which the migration brought anew."""
    schema, old = inspect_table(between).schema, inspect_table(before).schema
    for index in schema.indexes:
        now = inspect_table(table).schema
        known = old.index(index.name)
        if (known is not None and known == index) or now.index(index.name) is not None:
            continue
        if (again := _on_target(index, schema, job, now)) is None:
            log.warning("index '%s', which others made meanwhile, went with its column", index.name)
            continue
        try:
            unit = f"put-back-{uuid4().hex[:12]}"
            content = build_index(table, again, unit, path_of(table, now, again), how_to_build(again, between))
        except IndexNotBuilt as refusal:
            log.warning("index '%s', which others made meanwhile, is gone: %s", index.name, refusal)
            continue
        table = committed(table, content, index.name)
    return table


def _on_target(index: Index, schema: Schema, job: Job, now: Schema) -> Index | None:
    """The index on the same columns by the names they have now; None where one is gone."""
    ids = list[int]()
    for path in schema.indexed(index):
        name, dot, inner = path.partition(".")
        source = job.source.find(name)
        target = None if source is None else job.target.by_id(source.id)
        found = None if target is None else now.find_field(f"{target.name}{dot}{inner}")
        if found is None:
            return None
        ids.append(found[0])
    return Index(
        name=index.name,
        column_ids=tuple(ids),
        index_type=index.index_type,
        metric=index.metric,
        settings=index.settings,
        list_path=index.list_path,
    )


def _notes(table: lance.LanceDataset) -> Notes:
    return {field_id: note for field in fields_of(table) for field_id, note in _inside(field, "")}


def _inside(field: StoredField, around: str) -> Iterator[tuple[int, tuple[str, Mapping[str, str]]]]:
    path = f"{around}{quoted(field.name())}"
    yield field.id(), (path, field.metadata)
    for child in field.children():
        yield from _inside(child, f"{path}.")


def _changed(old: Mapping[K, V], new: Mapping[K, V]) -> set[K]:
    return {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}


def _of_table(table: lance.LanceDataset) -> dict[str, str]:
    return {key.decode(): value.decode(errors="replace") for key, value in (table.schema.metadata or {}).items()}
