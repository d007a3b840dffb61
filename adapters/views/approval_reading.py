"""Reading approvals and policies: one SQL statement each."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from psycopg.rows import DictRow

from adapters.postgres.database import Database
from domain.views import ApprovalFilter, ApprovalView, PolicyView

COLUMNS = """
SELECT migration_id, table_id, dataset_id, operation_id, kind, status, hazards, approvers, plan_hash, author, asked_at,
    decided_by, decided_at
FROM approvals_v1
"""
PAGE = f"""{COLUMNS}
WHERE (NOT %(undecided)s OR status IN ('waiting', 'open'))
    AND (%(kind)s::text IS NULL OR kind = %(kind)s)
    AND (%(asked_before)s::timestamptz IS NULL OR asked_at < %(asked_before)s)
    AND (%(anywhere)s OR dataset_id = ANY(%(datasets)s::text[]) OR table_id = ANY(%(tables)s::uuid[]))
    AND (%(after)s::uuid IS NULL OR position < (SELECT position FROM approvals_v1 WHERE migration_id = %(after)s))
ORDER BY position DESC LIMIT %(limit)s
"""  # noqa: S608  # only our own SQL is put together
OF = f"{COLUMNS} WHERE migration_id = ANY(%(ids)s::uuid[])"
POLICY = """
SELECT dataset_id, hazards, approvers, set_by, set_at FROM approval_policies_v1 WHERE dataset_id = %(dataset_id)s
"""


class PostgresApprovals:
    """Implements ``Approvals``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def policy(self, dataset_id: str) -> PolicyView | None:
        row = self._database.row(POLICY, {"dataset_id": dataset_id})
        return PolicyView(**_tuples(row)) if row else None

    def approvals(self, where: ApprovalFilter, limit: int, after: UUID | None = None) -> Sequence[ApprovalView]:
        given = {
            "undecided": where.undecided,
            "kind": where.kind,
            "asked_before": where.asked_before,
            "anywhere": where.reach is None,
            "datasets": [] if where.reach is None else list(where.reach.datasets),
            "tables": [] if where.reach is None else list(where.reach.tables),
            "after": after,
            "limit": limit,
        }
        return [ApprovalView(**_tuples(row)) for row in self._database.rows(PAGE, given)]

    def of(self, migration_ids: Sequence[UUID]) -> Mapping[UUID, ApprovalView]:
        rows = self._database.rows(OF, {"ids": list(migration_ids)}) if migration_ids else []
        return {row["migration_id"]: ApprovalView(**_tuples(row)) for row in rows}


def _tuples(row: DictRow) -> DictRow:
    return {**row, "hazards": tuple(row["hazards"]), "approvers": tuple(row["approvers"])}
