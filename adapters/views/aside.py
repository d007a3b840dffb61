"""Tables aside: a database schema with tables of the same names and shapes as live ones, empty at first.

Whoever searches it before the live schema works on them with the very statements that work on the live ones. Indexes
and constraints have their names in their schema, so a table that changes places keeps them as tables.sql made them.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow
from psycopg.sql import Identifier

from adapters.postgres.connecting import ASIDE, LONG, open_connection
from adapters.postgres.statements import Statement, run

AT_ONCE = 2
"""Indexes that are built at a time."""

PREFIX = "schemaledger_aside_"
RETIRED = "_retired"

LIVE = "SELECT current_schema() AS live"
HOLD = "SELECT pg_try_advisory_lock(hashtextextended(%(name)s, 0)) AS held"
RELEASE = "SELECT pg_advisory_unlock(hashtextextended(%(name)s, 0))"
THERE = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = %(name)s) AS there"
LEFT = "SELECT nspname AS name FROM pg_namespace WHERE starts_with(nspname, %(prefix)s) AND nspname <> %(name)s"
CONSTRAINTS = """
SELECT conname AS name, pg_get_constraintdef(oid) AS definition FROM pg_constraint
WHERE conrelid = %(table)s::regclass AND contype IN ('p', 'u') ORDER BY conname
"""
INDEXES = """
SELECT pg_get_indexdef(indexrelid) AS definition FROM pg_index
WHERE indrelid = %(table)s::regclass AND indisunique = %(unique)s
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
"""


class Aside:
    """One such schema, held by its connection: nobody else clears it away meanwhile."""

    def __init__(self, url: str, key: str, tables: Sequence[str]) -> None:
        self._url, self.name, self.tables = url, PREFIX + key, tables
        self.connection = open_connection(url, ASIDE)
        self.live = self._text(LIVE, "live")

    @property
    def url(self) -> str:
        """Connects where these tables come before the live ones."""
        options = conninfo_to_dict(self._url).get("options") or ""
        return make_conninfo(self._url, options=f"{options} -c search_path={self.name},{self.live}".strip())

    def hold(self) -> bool:
        """False: somebody else is at work under this key."""
        return self._true(HOLD, "held")

    def make(self) -> int:
        """Makes the tables, with keys, unless they are there from an interrupted time: up to which position."""
        self._clear_leftovers()
        with self.connection.transaction():
            if not self._true(THERE, "there"):
                self._execute("CREATE SCHEMA {}", Identifier(self.name))
                self._execute("CREATE TABLE {} AS SELECT 0::bigint AS position", self._at("reached"))
                for table in self.tables:
                    like = "CREATE TABLE {} (LIKE {} INCLUDING ALL EXCLUDING INDEXES)"
                    self._execute(like, self._at(table), Identifier(self.live, table))
                    self._key(table)
        self._execute("SET search_path = {}, {}", Identifier(self.name), Identifier(self.live))
        # What a crash takes of it is gone over again; the switch is durable.
        self._execute("SET synchronous_commit = off")
        row = self.connection.execute("SELECT position FROM reached").fetchone()
        assert row is not None
        return int(row["position"])

    def finish(self) -> None:
        """Gives the tables the indexes that make the live ones fast: it is cheaper after the rows. Repeatable."""
        indexes = [sql for table in self.tables for sql in self._indexes(table, unique=False)]
        analyses = [f"ANALYZE {self._at(table).as_string()}" for table in self.tables]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            # One by one, not table by table: most rows are in a single table.
            for _ in pool.map(self._apart, [*indexes, *analyses]):
                pass

    def advance(self, position: int) -> None:
        """Notes in the transaction at hand how far the tables are."""
        self.connection.execute("UPDATE reached SET position = %s", (position,))

    def switch(self) -> None:
        """Puts the tables in place of the live ones, in the transaction at hand."""
        retired = self.name + RETIRED
        self._execute("CREATE SCHEMA {}", Identifier(retired))
        for table in self.tables:
            self._move(table, self.live, retired)
            self._move(table, self.name, self.live)

    def close(self, *, keep: bool = False) -> None:
        """Clears away what is left, and lets go. Never raises: what cannot be cleared now is at a later time."""
        try:
            if not keep and not self.connection.closed:
                self._drop(self.name, self.name + RETIRED)
        except psycopg.Error:
            pass
        finally:
            self.connection.close()

    def _clear_leftovers(self) -> None:
        """Takes away what nobody holds any more: its makers were killed."""
        given = {"prefix": PREFIX, "name": self.name}
        for row in run(self.connection, Statement(LEFT, given)).rows:
            owner = {"name": row["name"].removesuffix(RETIRED)}
            if self._true(HOLD, "held", **owner):
                self._drop(row["name"])
                run(self.connection, Statement(RELEASE, owner))

    def _key(self, table: str) -> None:
        """Whatever is unique: rows are found by it while they are folded, and nothing is there twice."""
        for row in self._rows(CONSTRAINTS, table):
            self._execute(f"ALTER TABLE {{}} ADD CONSTRAINT {{}} {row['definition']}", self._at(table), _name(row))
        for sql in self._indexes(table, unique=True):
            self._execute(sql)

    def _indexes(self, table: str, *, unique: bool) -> Iterator[str]:
        """The statements that make the live table's indexes on this one, by the same names."""
        for row in self._rows(INDEXES, table, unique=unique):
            before, _, after = row["definition"].partition(" ON ")
            kind, _, name = before.partition("INDEX ")
            _, _, rest = after.partition(" USING ")
            yield f"{kind}INDEX IF NOT EXISTS {name} ON {self._at(table).as_string()} USING {rest}"

    def _apart(self, statement: str) -> None:
        """On a connection of its own: while one index is built, another can be."""
        with open_connection(self._url, LONG) as connection:
            connection.execute(statement.encode())

    def _move(self, table: str, source: str, target: str) -> None:
        self._execute("ALTER TABLE {} SET SCHEMA {}", Identifier(source, table), Identifier(target))

    def _drop(self, *names: str) -> None:
        for name in names:
            self._execute("DROP SCHEMA IF EXISTS {} CASCADE", Identifier(name))

    def _at(self, table: str) -> Identifier:
        return Identifier(self.name, table)

    def _rows(self, sql: str, table: str, **given: object) -> Iterable[DictRow]:
        place = Identifier(self.live, table).as_string()
        return run(self.connection, Statement(sql, {"table": place, **given})).rows

    def _true(self, sql: str, column: str, **given: str) -> bool:
        row = run(self.connection, Statement(sql, {"name": self.name, **given})).first
        return bool(row and row[column])

    def _text(self, sql: str, column: str) -> str:
        row = run(self.connection, Statement(sql, {})).first
        assert row is not None
        return str(row[column])

    def _execute(self, sql: str, *names: Identifier) -> None:
        text = sql.format(*(name.as_string() for name in names)) if names else sql
        self.connection.execute(text.encode())


def _name(row: DictRow) -> Identifier:
    return Identifier(row["name"])
