"""Versions that stand in no line of versions: real enough to build on, and gone when the work is done."""

from collections.abc import Iterator
from contextlib import contextmanager

import lance
from lance.dataset import LanceOperation, Transaction

from adapters.engines.lance_tables.marker import migration_of
from adapters.engines.lance_tables.places import names_in, options_of, remove, reopened

ASIDE = "aside:"
"""How the migration that a detached version of ours shows begins: no version of the table itself shows such a one."""


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


def clear_detached(table: lance.LanceDataset) -> None:
    """Removes detached versions of ours that a killed process left. Only while nobody is at work on the table.

    Lance's own cleaning does not look at them (pylance 14). Those of others stay.
    """
    for name in names_in(table, "_versions"):
        number = name.removeprefix("d").removesuffix(".manifest")
        if name.startswith("d") and number.isdecimal():
            try:
                shown = migration_of(reopened(table, int(number)))
            except (OSError, ValueError):
                # Half written, or gone by now.
                continue
            if shown is not None and shown.startswith(ASIDE):
                remove(table, f"_versions/{name}")
