"""Which migration a Lance table shows: its id stands in the schema's metadata, written by the commit that publishes it.

So the answer costs one look at the latest version, outlives the clean-up of old versions, and goes with the data when
the table is copied. The commit's transaction properties carry it as well, for whoever reads the table's own history.
"""

import json
from collections.abc import Iterator

import lance
from lance.dataset import LanceOperation, Transaction

KEY = "schemaledger:migration"
MOST_VERSIONS_READ = 1_000
"""How far back the commits of a migration are looked for; beyond that the latest version stands in for them."""

_FIRST = (LanceOperation.Merge, LanceOperation.Project)
"""Commits that bring the columns: those of indexes follow, none goes before."""


def migration_of(table: lance.LanceDataset) -> str | None:
    """The id of the last migration published to the table."""
    found = (table.schema.metadata or {}).get(KEY.encode())
    return None if found is None else str(found.decode())


def marked(metadata: str, migration_id: str) -> str:
    """Schema metadata, a JSON object of byte arrays, that says which migration it shows."""
    return json.dumps({**json.loads(metadata), KEY: list(migration_id.encode())})


def version_of(table: lance.LanceDataset, migration_id: str) -> str:
    """The version that the migration's first commit made: the latest, unless others wrote rows since."""
    mine = [version for version, _ in commits_of(table, migration_id)]
    return str(min(mine, default=table.version))


def has_commit(table: lance.LanceDataset, migration_id: str, kind: type[LanceOperation.BaseOperation]) -> bool:
    """Whether the migration made a commit of that kind."""
    return any(isinstance(transaction.operation, kind) for _, transaction in commits_of(table, migration_id))


def commits_of(table: lance.LanceDataset, migration_id: str) -> Iterator[tuple[int, Transaction]]:
    """The commits of a migration, newest first; they follow each other but for other writers' rows in between."""
    seen = False
    for version in range(table.version, max(0, table.version - MOST_VERSIONS_READ), -1):
        try:
            transaction = table.read_transaction(version)
        except (OSError, ValueError, TypeError):
            # Cleaned up since, or of a kind the library cannot read: what is older cannot be known.
            return
        if transaction is None:
            continue
        owner = (transaction.transaction_properties or {}).get(KEY)
        if owner == migration_id:
            seen = True
            yield version, transaction
            if isinstance(transaction.operation, _FIRST):
                return
        elif seen and owner is not None:
            return
