"""What attempts have prepared, kept in PostgreSQL beside the lease of their operation."""

from collections.abc import Sequence
from uuid import UUID

from adapters.postgres.database import Database
from adapters.postgres.statements import Connection, Statement, run
from domain.ports import Lease

KEPT = "SELECT name, outcome FROM prepared_units WHERE operation_id = %(operation_id)s"
MINE = (
    "SELECT operation_id FROM operation_leases "
    "WHERE operation_id = %(operation_id)s AND worker = %(worker)s AND attempt = %(attempt)s"
)
KEEP = f"""
INSERT INTO prepared_units (operation_id, name, outcome)
SELECT operation_id, %(name)s, %(outcome)s FROM ({MINE} FOR KEY SHARE) AS mine
ON CONFLICT (operation_id, name) DO UPDATE SET outcome = excluded.outcome
"""  # noqa: S608  # only our own SQL is put together
# Nobody takes the lease over meanwhile: what is forgotten here is inherited by nobody.
HOLD = f"{MINE} FOR NO KEY UPDATE"
FORGET = "DELETE FROM prepared_units WHERE operation_id = %(operation_id)s AND name = ANY(%(names)s)"


class PostgresWorkbench:
    """Implements ``Workbench``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def kept(self, operation_id: UUID) -> dict[str, bytes]:
        rows = self._database.rows(KEPT, {"operation_id": operation_id})
        return {row["name"]: bytes(row["outcome"]) for row in rows}

    def keep(self, lease: Lease, name: str, outcome: bytes) -> None:
        statement = Statement(KEEP, {**_holder(lease), "name": name, "outcome": outcome})

        def write(connection: Connection) -> None:
            with connection.transaction():
                # Lost in a crash of the database, a unit is done once more: nobody waits for the disk.
                connection.execute("SET LOCAL synchronous_commit = off")
                run(connection, statement)

        self._database.write(write)

    def forget(self, lease: Lease, names: Sequence[str]) -> bool:
        holder = _holder(lease)

        def write(connection: Connection) -> bool:
            with connection.transaction():
                if run(connection, Statement(HOLD, holder)).first is None:
                    return False
                run(connection, Statement(FORGET, {**holder, "names": list(names)}))
            return True

        return self._database.write(write)


def _holder(lease: Lease) -> dict[str, object]:
    return {"operation_id": lease.operation_id, "worker": lease.worker, "attempt": lease.attempt}
