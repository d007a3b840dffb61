"""Work on how a table is stored, as the engine is asked for it: in units where Lance does it in parts, else in one."""

from collections.abc import Mapping
from typing import assert_never

import lance

from adapters.engines.lance_tables.compacting import NOTHING_UNIT, commit_compaction, compact_unit, compaction_units
from adapters.engines.lance_tables.outcomes import NOTHING
from adapters.engines.lance_tables.storage import rename_manifests, rewrite_storage
from domain.engine import Confirm, Job, Unit
from domain.errors import TableChanged
from domain.steps import Compact, Maintenance, RenameManifests, RewriteStorage


def maintenance_units(table: lance.LanceDataset, work: Maintenance) -> list[Unit]:
    if isinstance(work, Compact):
        return compaction_units(table)
    return [Unit(name=f"{NOTHING_UNIT}-whole", rows=0)]


def maintained_unit(table: lance.LanceDataset, work: Maintenance, unit: Unit) -> bytes:
    """What ``maintained`` needs of the unit. Raises TableChanged when there is no such unit any more."""
    if not isinstance(work, Compact):
        return NOTHING
    content = compact_unit(table, unit)
    if content is None:
        raise TableChanged(table.uri, f"{unit.name} is no longer as it was")
    return content


def maintained(
    table: lance.LanceDataset, work: Maintenance, job: Job, prepared: Mapping[str, bytes], confirm: Confirm
) -> lance.LanceDataset:
    """The table with the work done. Repeatable."""
    match work:
        case Compact():
            confirm()
            return commit_compaction(table, prepared)
        case RenameManifests():
            confirm()
            return rename_manifests(table)
        case RewriteStorage():
            return rewrite_storage(table, job, confirm)
        case _:
            assert_never(work)
