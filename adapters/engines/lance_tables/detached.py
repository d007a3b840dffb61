"""Versions that stand in no line of versions: real enough to build on, and gone when the work is done."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import lance
from lance.dataset import LanceOperation, Transaction


@contextmanager
def detached(table: lance.LanceDataset, operation: LanceOperation.BaseOperation) -> Iterator[lance.LanceDataset]:
    """The table as the operation would leave it. No reader finds it, and its files end with the context."""
    transaction = Transaction(table.version, operation)
    after = lance.LanceDataset.commit(table.uri, transaction, detached=True)
    try:
        yield after
    finally:
        (Path(table.uri) / "_versions" / f"d{after.version}.manifest").unlink(missing_ok=True)
        (Path(table.uri) / "_transactions" / f"{table.version}-{transaction.uuid}.txn").unlink(missing_ok=True)
