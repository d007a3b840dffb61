"""Reading the views: one SQL statement each."""

import time
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Raw
from psycopg.rows import DictRow

from adapters.postgres.database import Database
from adapters.views.freshness import Freshness
from domain.access import Reach
from domain.schema import Schema
from domain.views import (
    MigrationView,
    OperationFilter,
    OperationView,
    SchemaVersionView,
    TableFilter,
    TableView,
)

OPERATION = """
SELECT operation_id, version, table_id, migration_id, operation_type, target_type, target_id, description, status,
    percent, message, cancellation_requested, error_code, error_message, request_fingerprint, created_at, started_at,
    completed_at, estimated_ms, measured_ms, attempt, units_done, units_total, rows_done, rows_total, rows_per_second,
    expected_end_at, cancellation_reason, cancellation_requested_at, cancellation_acknowledged_at, retries,
    awaits, lease.renewed_at AS heartbeat_at,
    extract(epoch FROM clock_timestamp() - lease.renewed_at)::float AS heartbeat_age
FROM operation_status_v1
LEFT JOIN LATERAL (
    SELECT renewed_at FROM operation_leases WHERE operation_leases.operation_id = operation_status_v1.operation_id
) AS lease ON true
"""
ONE_OPERATION = OPERATION + "WHERE operation_id = %(id)s"
TABLE = """
SELECT table_id, dataset_id, name, description, engine, location, schema_version, schema, created_at, updated_at,
    coalesce(effective_at, updated_at) AS effective_at, schema_position
FROM dataset_tables_v1
"""
MIGRATION = """
SELECT migration_id, operation_id, table_id, dataset_id, from_version, to_version, operations, description, reverts,
    status, error_code, error_message, created_at, created_by, adopted_by, started_at, completed_at
FROM migrations_v4
"""
SCHEMA_VERSION = """
SELECT table_id, version, schema, fingerprint, migration_id, effective_at AS applied_at, known_at, position
FROM schema_versions_v2
"""

SLOWNESS = """
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY measured_ms / greatest(uncorrected_ms, 1)::float) AS slowness
FROM (
    SELECT measured_ms, uncorrected_ms FROM operation_status_v1 JOIN dataset_tables_v1 USING (table_id)
    WHERE status = 'completed' AND engine = %(engine)s AND measured_ms IS NOT NULL AND uncorrected_ms IS NOT NULL
    ORDER BY operation_status_v1.position DESC LIMIT 20) AS latest
"""

SECONDS_OF_AN_ESTIMATE = 2.0
"""How long an engine's slowness is believed: every plan asks, and a guess need not be fresher."""

AFTER = (
    "position < (SELECT notification_id FROM stored_events WHERE originator_id = %(after)s AND originator_version = 1)"
)

IN_REACH = {
    "tables": "(dataset_id = ANY(%(datasets)s::text[]) OR table_id = ANY(%(tables)s::uuid[]))",
    "operations": """(table_id = ANY(%(tables)s::uuid[])
        OR table_id IN (SELECT table_id FROM table_homes_v1 WHERE dataset_id = ANY(%(datasets)s::text[])))""",
}


class PostgresViews:
    """Implements ``Views``."""

    def __init__(
        self,
        database: Database,
        freshness: Freshness | None = None,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database, self._freshness, self._seconds = database, freshness or Freshness(database), seconds
        self._slowness = dict[str, tuple[float, float]]()

    def operation(self, operation_id: UUID) -> OperationView | None:
        row = self._database.row(ONE_OPERATION, {"id": operation_id})
        return OperationView(**row) if row else None

    def operations(self, where: OperationFilter, limit: int, after: UUID | None = None) -> Sequence[OperationView]:
        conditions = {
            "table_id": where.table_id,
            "status": where.status,
            "operation_type": where.operation_type,
            "target_id": where.target_id,
        }
        page = _page(conditions, after, IN_REACH["operations"] if where.reach else None)
        given = {**_given(conditions, after, limit), **_reach(where.reach)}
        return [OperationView(**row) for row in self._database.rows(OPERATION + page, given)]

    def slowness(self, engine: str) -> float:
        until, known = self._slowness.get(engine, (0.0, 1.0))
        if self._seconds() < until:
            return known
        row = self._database.row(SLOWNESS, {"engine": engine})
        found = float(row["slowness"]) if row and row["slowness"] is not None else 1.0
        self._slowness[engine] = self._seconds() + SECONDS_OF_AN_ESTIMATE, found
        return found

    def table(self, table_id: UUID) -> TableView | None:
        row = self._database.row(TABLE + "WHERE table_id = %(id)s", {"id": table_id})
        return _table(row) if row else None

    def tables(self, where: TableFilter, limit: int, after: UUID | None = None) -> Sequence[TableView]:
        conditions = {"dataset_id": where.dataset_id, "engine": where.engine, "name": where.name}
        conditions |= {"location": where.location}
        page = _page(conditions, after, IN_REACH["tables"] if where.reach else None)
        given = {**_given(conditions, after, limit), **_reach(where.reach)}
        return [_table(row) for row in self._database.rows(TABLE + page, given)]

    def migration(self, table_id: UUID, migration_id: UUID) -> MigrationView | None:
        self._freshness.catch_up("migrations_v4")
        where = "WHERE migration_id = %(id)s AND table_id = %(table_id)s"
        row = self._database.row(MIGRATION + where, {"id": migration_id, "table_id": table_id})
        return _migration(row) if row else None

    def migrations(self, table_id: UUID, limit: int, after: UUID | None = None) -> Sequence[MigrationView]:
        self._freshness.catch_up("migrations_v4")
        conditions = {"table_id": table_id}
        page = _page(conditions, after)
        return [_migration(row) for row in self._database.rows(MIGRATION + page, _given(conditions, after, limit))]

    def schema_version(self, table_id: UUID, version: int) -> SchemaVersionView | None:
        self._freshness.catch_up("schema_versions_v2")
        where = "WHERE table_id = %(id)s AND version = %(version)s"
        row = self._database.row(SCHEMA_VERSION + where, {"id": table_id, "version": version})
        return schema_version(row) if row else None

    def schema_versions(self, table_id: UUID, limit: int, after: int | None = None) -> Sequence[SchemaVersionView]:
        self._freshness.catch_up("schema_versions_v2")
        beyond = "" if after is None else "AND version < %(after)s "
        page = f"WHERE table_id = %(id)s {beyond}ORDER BY version DESC LIMIT %(limit)s"
        given = {"id": table_id, "after": after, "limit": limit}
        return [schema_version(row) for row in self._database.rows(SCHEMA_VERSION + page, given)]


def _page(conditions: dict[str, Any], after: UUID | None, within: str | None = None) -> str:
    """Newest first, from the row after the one whose key is given; conditions without a value do not count.

    A row stands where its stream begins in the log, so a page also goes on after a row that is gone meanwhile.
    """
    wanted = [f"{column} = %({column})s" for column, value in conditions.items() if value is not None]
    if after is not None:
        wanted.append(AFTER)
    if within is not None:
        wanted.append(within)
    where = f"WHERE {' AND '.join(wanted)} " if wanted else ""
    return f"{where}ORDER BY position DESC LIMIT %(limit)s"


def _given(conditions: dict[str, Any], after: UUID | None, limit: int) -> dict[str, Any]:
    return {**conditions, "after": after, "limit": limit}


def _reach(within: Reach | None) -> dict[str, Any]:
    return {} if within is None else {"datasets": list(within.datasets), "tables": list(within.tables)}


def _table(row: DictRow) -> TableView:
    return TableView(**{**row, "schema": _schema(row)})


def _migration(row: DictRow) -> MigrationView:
    return MigrationView(**{**row, "operations": Raw(row["operations"].encode())})


def schema_version(row: DictRow) -> SchemaVersionView:
    return SchemaVersionView(**{**row, "schema": _schema(row)})


def _schema(row: DictRow) -> Schema:
    return msgspec.json.decode(row["schema"], type=Schema)
