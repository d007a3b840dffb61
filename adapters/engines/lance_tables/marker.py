"""Which migration a Lance table shows: its id stands in the schema's metadata, written by the commit that publishes it.

So the answer costs one look at the latest version, outlives the clean-up of old versions, and goes with the data when
the table is copied. The commit's transaction properties carry it as well, for whoever reads the table's own history.
"""

import json

import lance

KEY = "schemaledger:migration"


def migration_of(table: lance.LanceDataset) -> str | None:
    """The id of the last migration published to the table."""
    found = (table.schema.metadata or {}).get(KEY.encode())
    return None if found is None else str(found.decode())


def marked(metadata: str, migration_id: str) -> str:
    """Schema metadata, a JSON object of byte arrays, that says which migration it shows."""
    return json.dumps({**json.loads(metadata), KEY: list(migration_id.encode())})
