"""Restoring a dropped column: the files that held it are attached again, and no value is read or written.

Lance drops a column by leaving it out of the schema; its files stay as long as an older version refers to them. A
fragment that is still the one it was gets them back, under new field ids, because Lance may have given the old ones
away since. Rows in fragments made since (appended, updated or compacted) have no such file and read null.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import lance
from lance.fragment import FragmentMetadata

from adapters.engines.lance_tables.places import names_in, reopened
from adapters.engines.lance_tables.protos import Root, field_ids, roots_of
from domain.errors import ValuesGone
from domain.schema import Column

GONE_FIELD = -2
"""What Lance writes in place of the id of a field that a file holds and the table no longer reads from it."""


def version_before(table: lance.LanceDataset, column: Column, gone_as: str) -> lance.LanceDataset:
    """The table's version before that one. Raises ValuesGone when it was cleaned away."""
    try:
        earlier = reopened(table, int(gone_as) - 1)
    except (ValueError, OSError) as error:
        raise ValuesGone(column.name, "the table's version that held them was cleaned away") from error
    if column.name not in earlier.schema.names:
        raise ValuesGone(column.name, f"version {earlier.version} of the table does not hold it")
    return earlier


def recoverable_rows(table: lance.LanceDataset, column: Column, gone_as: str) -> int:
    """Rows in fragments that are still those of the version that had the column."""
    earlier = version_before(table, column, gone_as)
    ids = set(field_ids(roots_of(earlier.lance_schema)[column.name]))
    before = {fragment.fragment_id: fragment.metadata for fragment in earlier.get_fragments()}
    rows, there = 0, names_in(table, "data")
    for fragment in table.get_fragments():
        old = before.get(fragment.fragment_id)
        if old is not None and not _lost(there, old, ids):
            rows += fragment.metadata.num_rows
    return rows


def old_root(table: lance.LanceDataset, column: Column, gone_as: str) -> Root:
    """The column's field as the table had it, with the ids it had."""
    return roots_of(version_before(table, column, gone_as).lance_schema)[column.name]


def reattached(
    table: lance.LanceDataset,
    fragments: Sequence[FragmentMetadata],
    column: Column,
    gone_as: str,
    fresh: Root,
) -> list[FragmentMetadata]:
    """The fragments with the column's files attached again, as fields of the ids of ``fresh``."""
    earlier = version_before(table, column, gone_as)
    renumbered = dict(zip(field_ids(roots_of(earlier.lance_schema)[column.name]), field_ids(fresh), strict=True))
    before = {fragment.fragment_id: fragment.metadata.to_json() for fragment in earlier.get_fragments()}
    return [_attached(fragment, before.get(fragment.id), renumbered) for fragment in fragments]


def _attached(
    fragment: FragmentMetadata, before: dict[str, Any] | None, renumbered: Mapping[int, int]
) -> FragmentMetadata:
    if before is None:
        return fragment
    now = fragment.to_json()
    files = {file["path"]: file for file in now["files"]}
    for old in before["files"]:
        if not renumbered.keys() & set(old["fields"]):
            continue
        file = files.setdefault(old["path"], {**old, "fields": [GONE_FIELD] * len(old["fields"])})
        file["fields"] = [renumbered.get(was, field) for was, field in zip(old["fields"], file["fields"], strict=True)]
    return FragmentMetadata.from_json(json.dumps({**now, "files": list(files.values())}))


def _lost(there: set[str], fragment: FragmentMetadata, ids: set[int]) -> bool:
    """Whether a file that held the column is no longer there."""
    held = [file.path for file in fragment.files if ids.intersection(file.fields)]
    return any(path not in there for path in held)
