"""Versions that stand in no line of versions: real enough to build on, and gone when the work is done."""

from collections.abc import Iterator
from contextlib import contextmanager

import lance
from lance.dataset import LanceOperation, Transaction

from adapters.engines.lance_tables.places import options_of, remove


@contextmanager
def detached(table: lance.LanceDataset, operation: LanceOperation.BaseOperation) -> Iterator[lance.LanceDataset]:
    """The table as the operation would leave it. No reader finds it, and its files end with the context."""
    transaction = Transaction(table.version, operation)
    after = lance.LanceDataset.commit(table.uri, transaction, storage_options=options_of(table), detached=True)
    try:
        yield after
    finally:
        remove(table, f"_versions/d{after.version}.manifest")
        remove(table, f"_transactions/{table.version}-{transaction.uuid}.txn")
