"""Reading the past: schemas as of a moment, pairs of versions, biographies of columns. One SQL statement each."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from adapters.postgres.database import Database
from adapters.views.freshness import Freshness
from adapters.views.reading import SCHEMA_VERSION, schema_version
from domain.history import Chapter, ChapterView, Moment
from domain.views import SchemaVersionView

NEWEST = "SELECT version FROM schema_versions_v2 WHERE table_id = %(id)s AND {clock} <= %({clock})s"
# Each clock alone finds its newest version by an index; both hold at the older of the two, for neither goes back.
LIMITS = {
    clock: f"coalesce(({NEWEST.format(clock=clock)} ORDER BY {clock} DESC, version DESC LIMIT 1), 0)"
    for clock in ("effective_at", "known_at", "position")
}
BIOGRAPHY = """
SELECT chapter, version, effective_at, known_at, column_history_v1.position, migration_id, created_by, adopted_by,
    description
FROM column_history_v1 LEFT JOIN migrations_v3 USING (migration_id)
WHERE column_history_v1.table_id = %(id)s AND field_id = (
    SELECT field_id FROM column_history_v1 WHERE table_id = %(id)s AND name = %(name)s
    ORDER BY version DESC, alive DESC LIMIT 1)
ORDER BY version
"""


class PostgresHistory:
    """Implements ``History``."""

    def __init__(self, database: Database) -> None:
        self._database, self._freshness = database, Freshness(database)

    def schema_at(self, table_id: UUID, moment: Moment) -> SchemaVersionView | None:
        self._freshness.catch_up("schema_versions_v2")
        asked = {"effective_at": moment.at, "known_at": moment.known_at, "position": moment.position}
        limits = [LIMITS[clock] for clock, value in asked.items() if value is not None]
        newest = f"AND version <= least({', '.join(limits)}) " if limits else ""
        where = f"WHERE table_id = %(id)s {newest}ORDER BY version DESC LIMIT 1"
        row = self._database.row(SCHEMA_VERSION + where, {"id": table_id, **asked})
        return schema_version(row) if row else None

    def two_versions(self, table_id: UUID, first: int, second: int) -> Sequence[SchemaVersionView]:
        self._freshness.catch_up("schema_versions_v2")
        where = "WHERE table_id = %(id)s AND version IN (%(first)s, %(second)s)"
        rows = self._database.rows(SCHEMA_VERSION + where, {"id": table_id, "first": first, "second": second})
        found = {row["version"]: schema_version(row) for row in rows}
        return [found[version] for version in (first, second) if version in found]

    def biography(self, table_id: UUID, name: str) -> Sequence[ChapterView]:
        self._freshness.catch_up("migrations_v3")
        rows = self._database.rows(BIOGRAPHY, {"id": table_id, "name": name})
        return [ChapterView(**{**row, "chapter": msgspec.json.decode(row["chapter"], type=Chapter)}) for row in rows]
