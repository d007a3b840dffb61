"""Leases: which worker runs which operation, decided by the database and its clock. Tables take turns."""

from datetime import timedelta
from typing import Any

import psycopg

from adapters.postgres.database import Database
from adapters.postgres.statements import Statement, run
from domain.ports import Lease

CLAIM = """
WITH next AS (
    SELECT operation_id, worker IS NOT NULL AS silent FROM operation_leases
    WHERE turn IS NOT NULL AND NOT held
        -- What lies in the future was written before the clock was set back: nobody waits for that hour again.
        AND (not_before <= clock_timestamp() OR not_before > clock_timestamp() + interval '5 minutes')
        AND (worker IS NULL OR expires_at < clock_timestamp() OR renewed_at > clock_timestamp() + interval '1 minute')
    ORDER BY turn LIMIT 1
    FOR UPDATE SKIP LOCKED
)
UPDATE operation_leases AS lease
SET worker = %(worker)s, expires_at = clock_timestamp() + %(term)s, renewed_at = clock_timestamp(),
    attempt = attempt + 1,
    -- Whoever held it before and let it run out has failed; whoever released it has said so himself.
    failures = failures + (worker IS NOT NULL)::integer
FROM next WHERE lease.operation_id = next.operation_id
RETURNING lease.operation_id, lease.table_id, lease.worker, lease.attempt, lease.failures, next.silent
"""
HELD = "WHERE operation_id = %(operation_id)s AND worker = %(worker)s AND attempt = %(attempt)s"
RENEW = f"""
UPDATE operation_leases SET expires_at = clock_timestamp() + %(term)s, renewed_at = clock_timestamp()
{HELD} RETURNING operation_id
"""  # noqa: S608
RELEASE = f"""
UPDATE operation_leases SET worker = NULL, expires_at = NULL, not_before = clock_timestamp() + %(delay)s,
    renewed_at = NULL, failures = failures + %(failed)s::integer,
    turn = CASE WHEN %(last)s THEN (SELECT max(turn) + 1 FROM operation_leases) ELSE turn END
{HELD}
"""  # noqa: S608


class PostgresLeases:
    """Implements ``Leases``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, worker: str, term: timedelta) -> Lease | None:
        statement = Statement(CLAIM, {"worker": worker, "term": term})
        try:
            row = self._database.write(lambda connection: run(connection, statement).first)
        except psycopg.errors.UniqueViolation:
            # Two workers took two operations of one table at the same instant; the other one was first.
            return None
        return Lease(**row) if row else None

    def renew(self, lease: Lease, term: timedelta) -> bool:
        statement = Statement(RENEW, {**_held(lease), "term": term})
        return self._database.write(lambda connection: run(connection, statement).first) is not None

    def release(
        self, lease: Lease, delay: timedelta = timedelta(0), *, failed: bool = False, last: bool = False
    ) -> None:
        statement = Statement(RELEASE, {**_held(lease), "delay": delay, "failed": failed, "last": last})
        self._database.write(lambda connection: run(connection, statement))


def _held(lease: Lease) -> dict[str, Any]:
    return {"operation_id": lease.operation_id, "worker": lease.worker, "attempt": lease.attempt}
