"""Barring: a commit that changes nothing, and that every other one which began before it fails at. pylance 14.

Commits of schemas conflict with each other, and commits of indexes where a name is in both. So a worker that was paused
right before its commit finds, when it wakes up, that it has come too late, whatever the others did meanwhile.
"""

from uuid import uuid4

import lance
from lance.bitmap import Bitmap
from lance.dataset import Index as Segment
from lance.dataset import LanceOperation, Transaction

from adapters.engines.lance_tables.indexing import lingering_indexes, segments_of, wanted_indexes
from adapters.engines.lance_tables.marker import MOST_VERSIONS_READ
from adapters.engines.lance_tables.places import options_of
from adapters.engines.lance_tables.protos import metadata_of, roots_of, schema_from
from domain.engine import Job


def bar_migrations(table: lance.LanceDataset) -> None:
    """For those that change the schema."""
    same = schema_from(list(roots_of(table.lance_schema).values()), metadata_of(table.lance_schema))
    _commit(table, LanceOperation.Project(same))


def bar_indexes(table: lance.LanceDataset, job: Job) -> None:
    """For those that build and drop indexes alone: each name is put as it is, or taken away where there is none."""
    names = {*(index.name for index in wanted_indexes(job, ())), *lingering_indexes(table, job)}
    put, taken = list[Segment](), list[Segment]()
    for name in names:
        there = _whole_segments(table, name)
        put += there
        taken += there or [_nothing(table, name)]
    if taken:
        _commit(table, LanceOperation.CreateIndex(put, taken))


def _whole_segments(table: lance.LanceDataset, name: str) -> list[Segment]:
    """What the index of that name consists of, as it was committed; nothing where that is not known any more."""
    wanted = {part.uuid for part in segments_of(table, {name})}
    found = dict[str, Segment]()
    for version in range(table.version, max(0, table.version - MOST_VERSIONS_READ), -1):
        if wanted == found.keys():
            break
        try:
            transaction = table.read_transaction(version)
        except (OSError, ValueError, TypeError):
            return []
        if transaction is not None and isinstance(transaction.operation, LanceOperation.CreateIndex):
            found |= {part.uuid: part for part in transaction.operation.new_indices if part.uuid in wanted}
    return list(found.values()) if wanted == found.keys() else []


def _nothing(table: lance.LanceDataset, name: str) -> Segment:
    """A segment that is not there."""
    nowhere = Bitmap([])
    return Segment(str(uuid4()), name, [], table.version, nowhere, 0)


def _commit(table: lance.LanceDataset, operation: LanceOperation.BaseOperation) -> None:
    transaction = Transaction(table.version, operation)
    lance.LanceDataset.commit(table.uri, transaction, storage_options=options_of(table), max_retries=0)
