"""Restoring a dropped column: the files that held it are attached again, and no value is read or written.

Lance drops a column by leaving it out of the schema; its files stay as long as an older version refers to them. A
fragment that is still the one it was gets them back, under new field ids, because Lance may have given the old ones
away since. Where a compaction has made new fragments, or another column has the name by now, the values are read from
the older version and written again. Rows that are new since (appended or updated) read null.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import lance
import pyarrow as pa
from lance.fragment import FragmentMetadata

from adapters.arrow.recipes import Recipe
from adapters.engines.lance_tables.lineage import Lineage, values_at
from adapters.engines.lance_tables.places import data_files, reopened
from adapters.engines.lance_tables.profile import UNCOPIED_TYPES
from adapters.engines.lance_tables.protos import Root, field_ids, roots_of
from domain.column_types import opaque_beginning
from domain.errors import ValuesGone
from domain.schema import Column, Schema

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
    """Rows that were there in the version that had the column, as far as its files are."""
    earlier = version_before(table, column, gone_as)
    lineage, kept = Lineage(table, earlier), _kept_fragments(earlier, column.name)
    rows = 0
    for fragment in table.get_fragments():
        old = lineage.same(fragment.metadata)
        if old is None:
            rows += lineage.rows(fragment.metadata) if kept is None and _is_copied(column) else 0
        elif kept is None or old.id in kept:
            rows += fragment.metadata.num_rows
    return rows


def with_restored_values(table: lance.LanceDataset, recipe: Recipe, source: Schema) -> Recipe:
    """The recipe, writing where attaching files would not do."""
    step = recipe.restored
    assert step is not None
    try:
        earlier = version_before(table, step.column, step.gone_as)
    except ValuesGone:
        # Asked only whether a migration was published; to prepare or publish it is refused.
        return recipe
    # Lance refuses to give the name of one column to another without new files.
    takes_a_name_over = source.find(recipe.column.name) is not None
    if takes_a_name_over or _is_scattered(table, earlier, step.column):
        return replace(recipe, copies=True, source_field=earlier.schema.field(step.column.name))
    return recipe


def restored_values(table: lance.LanceDataset, fragment: FragmentMetadata, recipe: Recipe) -> pa.Array:
    """The column's values in every row of the fragment, deleted ones too."""
    step = recipe.restored
    assert step is not None
    earlier = version_before(table, step.column, step.gone_as)
    return values_at(earlier, step.column.name, Lineage(table, earlier).addresses(fragment))


def _is_scattered(table: lance.LanceDataset, earlier: lance.LanceDataset, column: Column) -> bool:
    """Whether some of its rows lie in other fragments by now, and can be read where they lay."""
    if not _is_copied(column) or _kept_fragments(earlier, column.name) is not None:
        return False
    lineage = Lineage(table, earlier)
    return any(lineage.is_traced(fragment.metadata) for fragment in table.get_fragments())


def _is_copied(column: Column) -> bool:
    return opaque_beginning(column.type, UNCOPIED_TYPES) is None


def _kept_fragments(earlier: lance.LanceDataset, name: str) -> set[int] | None:
    """The fragments of the earlier version whose files of the column are there; None when all are."""
    ids = set(field_ids(roots_of(earlier.lance_schema)[name]))
    before = [fragment.metadata for fragment in earlier.get_fragments()]
    there = data_files(earlier, {file.base_id for fragment in before for file in fragment.files})
    kept = {fragment.id for fragment in before if not _lost(there, fragment, ids)}
    return None if len(kept) == len(before) else kept


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
    lineage = Lineage(table, earlier)
    return [_attached(fragment, lineage.same(fragment), renumbered) for fragment in fragments]


def _attached(
    fragment: FragmentMetadata, old: FragmentMetadata | None, renumbered: Mapping[int, int]
) -> FragmentMetadata:
    if old is None:
        return fragment
    now, before = fragment.to_json(), old.to_json()
    files = {file["path"]: file for file in now["files"]}
    for held in before["files"]:
        if not renumbered.keys() & set(held["fields"]):
            continue
        file = files.setdefault(held["path"], {**held, "fields": [GONE_FIELD] * len(held["fields"])})
        file["fields"] = [renumbered.get(was, field) for was, field in zip(held["fields"], file["fields"], strict=True)]
    return FragmentMetadata.from_json(json.dumps({**now, "files": list(files.values())}))


def _lost(there: set[tuple[int | None, str]], fragment: FragmentMetadata, ids: set[int]) -> bool:
    """Whether a file that held the column is no longer there."""
    held = [(file.base_id, file.path) for file in fragment.files if ids.intersection(file.fields)]
    return any(file not in there for file in held)
