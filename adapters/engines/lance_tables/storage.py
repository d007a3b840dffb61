"""How a table is stored, made newer: the names of its manifests, and the storage version of its files. pylance 14.

Both leave every value and every name as it is. Neither is done in parts: Lance renames all manifests in one call, and
it takes files of a newer storage version only in the call that writes them.
"""

import logging

import lance
import pyarrow as pa
from lance.dataset import LanceOperation

from adapters.engines.lance_tables.field_places import path_of
from adapters.engines.lance_tables.index_building import build_index, how_to_build
from adapters.engines.lance_tables.indexing import committed
from adapters.engines.lance_tables.inspecting import inspect_table
from adapters.engines.lance_tables.marker import KEY, MOST_VERSIONS_READ
from adapters.engines.lance_tables.places import options_of, reopened
from adapters.engines.lance_tables.profile import PROFILE, STORAGE_VERSION
from adapters.engines.lance_tables.weighing import rows_of_a_batch, sampled_width
from domain.column_types import opaque_beginning
from domain.engine import Confirm, Job
from domain.errors import EngineRefused, IndexNotBuilt, TableChanged

log = logging.getLogger("schemaledger.lance")

BLOB = b"lance-encoding:blob"
READ = "schemaledger:read-version"
"""Where the commit says which version its rows were read from: the library puts it on top of whatever is newest."""


def rename_manifests(table: lance.LanceDataset) -> lance.LanceDataset:
    """Gives all manifests the names of Lance's second version. Repeatable."""
    table.migrate_manifest_paths_v2()  # type: ignore[no-untyped-call]
    return reopened(table)


def rewrite_storage(table: lance.LanceDataset, job: Job, confirm: Confirm) -> lance.LanceDataset:
    """Writes every row again in the newest storage version, as one version of the table, and its indexes with it.

    Raises TableChanged when others committed meanwhile: the table is then as they left it.
    """
    made = _rewritten_in(table, job)
    if made is not None and made[1] > made[0] + 1:
        # An earlier attempt ended before it could take back what it had put over somebody's rows.
        table = _taken_back(table, made[1])
        made = None
    if made is None:
        if table.data_storage_version == STORAGE_VERSION:
            return table
        _refuse_blobs(table)
        confirm()
        table = _written(table, job)
        made = _rewritten_in(table, job)
        if made is not None and made[1] > made[0] + 1:
            _taken_back(table, made[1])
            raise TableChanged(job.location, "rows were added, changed or removed while it was rewritten")
    if made is not None:
        table = _with_indexes_of(table, reopened(table, made[0]))
    return table


def _written(table: lance.LanceDataset, job: Job) -> lance.LanceDataset:
    rows = rows_of_a_batch(sampled_width(table, table.schema.names))
    reader = pa.RecordBatchReader.from_batches(table.schema, table.to_batches(batch_size=rows))
    return lance.write_dataset(
        reader,
        table.uri,
        mode="overwrite",
        data_storage_version=STORAGE_VERSION,
        storage_options=options_of(table),
        transaction_properties={KEY: str(job.migration_id), READ: str(table.version)},
    )


def _rewritten_in(table: lance.LanceDataset, job: Job) -> tuple[int, int] | None:
    """The version that was read, and the one that was made of it, by this job; None where none of it is left."""
    for version in range(table.version, max(0, table.version - MOST_VERSIONS_READ), -1):
        try:
            transaction = table.read_transaction(version)
        except (ValueError, OSError, TypeError):
            continue
        if transaction is not None and isinstance(transaction.operation, LanceOperation.Restore):
            # What came before was taken back.
            return None
        said = {} if transaction is None else transaction.transaction_properties or {}
        if said.get(KEY) == str(job.migration_id) and READ in said:
            return int(said[READ]), version
    return None


def _taken_back(table: lance.LanceDataset, version: int) -> lance.LanceDataset:
    """The table as it was before that version, as its newest one."""
    reopened(table, version - 1).restore()  # type: ignore[no-untyped-call]
    return reopened(table)


def _refuse_blobs(table: lance.LanceDataset) -> None:
    columns = inspect_table(table).schema.columns
    for field, column in zip(table.schema, columns, strict=True):
        if opaque_beginning(column.type, PROFILE.uncopied_types) is not None or BLOB in (field.metadata or {}):
            raise EngineRefused(
                PROFILE.name, f"column '{field.name}' holds blobs, which are not copied by reading them"
            )


def _with_indexes_of(table: lance.LanceDataset, before: lance.LanceDataset) -> lance.LanceDataset:
    """The table with those of the indexes that it does not have (yet)."""
    schema = inspect_table(before).schema
    for index in schema.indexes:
        if inspect_table(table).schema.index(index.name) is None:
            try:
                how, path = how_to_build(index, before), path_of(table, schema, index)
                table = committed(table, build_index(table, index, f"again-{index.name}", path, how), index.name)
            except IndexNotBuilt as refusal:
                log.warning("index '%s' is not built again: %s", index.name, refusal)
    return table
