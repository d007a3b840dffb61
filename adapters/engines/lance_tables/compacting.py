"""Compaction: few whole fragments out of many small or much deleted-from ones, in units that Lance plans."""

from collections.abc import Mapping

import lance
from lance.optimize import Compaction, CompactionTask, RewriteResult

from adapters.engines.lance_tables.digests import contents_of, digest
from adapters.engines.lance_tables.index_settings import type_name
from adapters.engines.lance_tables.places import reopened
from adapters.engines.lance_tables.weighing import rows_of_a_batch, sampled_width, streaming
from domain.engine import Unit

COMPACT_UNIT, NOTHING_UNIT = "compact", "nothing"
NOT_TOLD = ("zonemap", "bloomfilter")
"""Types of index that know rows by the place they had, and cover none that was moved."""


def compaction_units(table: lance.LanceDataset) -> list[Unit]:
    """One for each group of fragments that becomes one; a single empty one when there is nothing to do."""
    tasks = _tasks(table)
    if not tasks:
        return [Unit(name=f"{NOTHING_UNIT}-{table.version}", rows=0)]
    width = 2 * sampled_width(table, table.schema.names)
    counts = {name: sum(part.num_rows for part in task.fragments) for name, task in tasks.items()}
    return [
        Unit(name=name, rows=rows, memory=streaming(rows, width, len(table.schema))) for name, rows in counts.items()
    ]


def compact_unit(table: lance.LanceDataset, unit: Unit) -> bytes | None:
    """Writes the group's rows anew; None when the table no longer has such a group."""
    if unit.name.startswith(NOTHING_UNIT):
        return b"{}"
    task = _tasks(table).get(unit.name)
    return None if task is None else task.execute(table).json().encode()  # type: ignore[attr-defined]  # not in its stubs


def commit_compaction(table: lance.LanceDataset, prepared: Mapping[str, bytes]) -> lance.LanceDataset:
    results = [
        RewriteResult.from_json(content.decode())  # type: ignore[attr-defined]
        for content in prepared.values()
        if content != b"{}"
    ]
    if results:
        Compaction.commit(table, results)
    return _served(reopened(table))


def _served(table: lance.LanceDataset) -> lance.LanceDataset:
    """With every index in use again: some are told where rows went, and some have to be built for the new fragments."""
    there = {fragment.fragment_id for fragment in table.get_fragments()}
    lost = [
        index.name
        for index in table.describe_indices()
        if type_name(index.index_type) in NOT_TOLD and any(set(part.fragment_ids) - there for part in index.segments)
    ]
    if there and lost:
        table.optimize.optimize_indices(index_names=lost)
    return reopened(table)


def _tasks(table: lance.LanceDataset) -> dict[str, CompactionTask]:
    # Deleted rows go, however few: they are what stands in the way of a later migration.
    rows = rows_of_a_batch(2 * sampled_width(table, table.schema.names))
    plan = Compaction.plan(table, {"materialize_deletions_threshold": 0.0, "batch_size": rows})
    return {
        f"{COMPACT_UNIT}-{digest([contents_of(fragment) for fragment in task.fragments])}": task for task in plan.tasks
    }
