"""Several statements in one message: what PostgreSQL runs as one transaction, in one round trip.

The protocol's own way to prepare is one statement a message. So the statements are prepared by name (PREPARE), once in
a session, and the message calls them by name (EXECUTE) with their values written out. psycopg 3.3, PostgreSQL 14 to 18.
"""

import re
from hashlib import sha256
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from psycopg import ClientCursor, Connection

from adapters.postgres.database import Statement
from adapters.postgres.literals import literal

PARAMETER = re.compile(r"%\((\w+)\)s")


class Prepared(NamedTuple):
    """A statement under a name, and which of its parameters it takes in which order."""

    name: str
    sql: str
    parameters: tuple[str, ...]


_known: dict[str, Prepared] = {}
_in_session: "WeakKeyDictionary[Connection[Any], set[str]]" = WeakKeyDictionary()


class Message:
    """Add statements, then send them: the cursor then stands at the results of the first."""

    def __init__(self, cursor: "ClientCursor[Any]") -> None:
        self._cursor = cursor
        self._there = _in_session.setdefault(cursor.connection, set())
        self._calls = list[str]()

    def add(self, statement: Statement) -> None:
        prepared = _prepared(statement.sql)
        if prepared.name not in self._there:
            # On its own: what is prepared stays, also when the message is refused.
            self._cursor.execute(f"PREPARE {prepared.name} AS {prepared.sql}".encode())
            self._there.add(prepared.name)
        written = ", ".join([literal(statement.parameters[name]) for name in prepared.parameters])
        self._calls.append(f"EXECUTE {prepared.name}({written})" if written else f"EXECUTE {prepared.name}")

    def send(self) -> None:
        self._cursor.execute(";\n".join(self._calls).encode(), prepare=False)


def _prepared(sql: str) -> Prepared:
    """The statement with ``$1``, ``$2`` for its named parameters. Its name is the same in every process."""
    if (found := _known.get(sql)) is None:
        parameters = tuple(dict.fromkeys(PARAMETER.findall(sql)))
        numbered = PARAMETER.sub(lambda match: f"${parameters.index(match[1]) + 1}", sql).replace("%%", "%")
        found = _known[sql] = Prepared(f"sl_{sha256(sql.encode()).hexdigest()[:16]}", numbered, parameters)
    return found
