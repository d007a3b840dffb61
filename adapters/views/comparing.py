"""Comparing live tables with tables aside, row by row, in the database."""

from collections.abc import Sequence

from psycopg.rows import DictRow
from psycopg.sql import Identifier

from adapters.postgres.statements import Statement, run
from adapters.views.aside import Aside
from domain.replay import Discrepancy

COLUMNS = """
SELECT attname AS name, attnum = ANY(coalesce(
    (SELECT conkey FROM pg_constraint WHERE conrelid = attrelid AND contype = 'p'), '{}')) AS is_key
FROM pg_attribute WHERE attrelid = %(table)s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
COUNT = "SELECT count(*) AS rows FROM {live}"
DIFFERENT = """
SELECT to_jsonb(live) AS live, to_jsonb(anew) AS anew
FROM {live} AS live FULL JOIN {aside} AS anew USING ({key})
WHERE live IS DISTINCT FROM anew ORDER BY {key} LIMIT 1
"""


def first_discrepancy(aside: Aside, tables: Sequence[str]) -> tuple[int, Discrepancy | None]:
    """How many live rows there are, and the first of the first table that is not as the one aside."""
    rows = 0
    for table in tables:
        live, anew = Identifier(aside.live, table).as_string(), Identifier(aside.name, table).as_string()
        columns = run(aside.connection, Statement(COLUMNS, {"table": live})).rows
        key = ", ".join(Identifier(column["name"]).as_string() for column in columns if column["is_key"])
        counted = run(aside.connection, Statement(COUNT.format(live=live), {})).first
        rows += counted["rows"] if counted else 0
        found = run(aside.connection, Statement(DIFFERENT.format(live=live, aside=anew, key=key), {})).first
        if found:
            return rows, _told(table, columns, found)
    return rows, None


def _told(table: str, columns: Sequence[DictRow], found: DictRow) -> Discrepancy:
    live, anew = found["live"], found["anew"]
    there = live or anew
    key = {column["name"]: str(there[column["name"]]) for column in columns if column["is_key"]}
    differs = (
        column["name"] for column in columns if not (live and anew) or live[column["name"]] != anew[column["name"]]
    )
    column = next(differs)
    return Discrepancy(table=table, key=key, column=column, live=_text(live, column), rebuilt=_text(anew, column))


def _text(row: dict[str, object] | None, column: str) -> str | None:
    if row is None:
        return None
    return "NULL" if row[column] is None else str(row[column])
