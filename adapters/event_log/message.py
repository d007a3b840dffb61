"""Several statements in one message: what PostgreSQL runs as one transaction, in one round trip.

The protocol's own way to prepare is one statement a message. So the statements are prepared by name (PREPARE), once in
a session, and the message calls them by name (EXECUTE) with their values written out. psycopg 3.3, PostgreSQL 14 to 18.
"""

from hashlib import sha256
from typing import NamedTuple

from psycopg.rows import TupleRow

from adapters.postgres.literals import literal
from adapters.postgres.statements import Connection, Statement, answered, good, loaded, numbered, session_of


class Prepared(NamedTuple):
    """A statement under a name, and which of its parameters it takes in which order."""

    name: str
    sql: str
    parameters: tuple[str, ...]


_known: dict[str, Prepared] = {}


class Message:
    """Add statements, then send them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._there = session_of(connection).named
        self._calls = list[str]()

    def add(self, statement: Statement) -> None:
        prepared = _prepared(statement.sql)
        if prepared.name not in self._there:
            # On its own: what is prepared stays, also when the message is refused.
            self._run(f"PREPARE {prepared.name} AS {prepared.sql}")
            self._there.add(prepared.name)
        written = ", ".join([literal(statement.parameters[name]) for name in prepared.parameters])
        self._calls.append(f"EXECUTE {prepared.name}({written})" if written else f"EXECUTE {prepared.name}")

    def send(self) -> list[TupleRow]:
        """The rows of the last statement, the only ones of which libpq tells when it waits for all of them at once."""
        return self._run(";\n".join(self._calls))

    def _run(self, sql: str) -> list[TupleRow]:
        pgconn = self._connection.pgconn
        result = answered(self._connection, lambda: good(pgconn, pgconn.exec_(sql.encode())))
        return loaded(self._connection, result)


def _prepared(sql: str) -> Prepared:
    """Its name is the same in every process."""
    if (found := _known.get(sql)) is None:
        found = _known[sql] = Prepared(f"sl_{sha256(sql.encode()).hexdigest()[:16]}", *numbered(sql))
    return found
