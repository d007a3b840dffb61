"""SQL with named parameters, run in one blocking call of libpq.

psycopg's cursors wait for the socket in steps, and at each of them a thread gives up the interpreter's lock and queues
for it again: under the load of many threads that costs more than the statement itself. Here it is given up once, for as
long as PostgreSQL works. Values are dumped and loaded by psycopg as ever, in binary form, which costs half of text;
and as with its cursors, what a session runs again and again is prepared. psycopg 3.3 (psycopg.pq), PostgreSQL 14 to 18.
"""

import math
import re
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import psycopg
from psycopg.abc import AdaptContext
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGconn, PGresult
from psycopg.rows import DictRow, TupleRow

from adapters.postgres.deadlines import Line

Connection = psycopg.Connection[DictRow]

PARAMETER = re.compile(r"%\((\w+)\)s")
USES_UNPREPARED = 2
"""Preparing costs a round trip: what a session asks for once or twice is not."""
MOST_KNOWN = 300
"""Of a session, by text and types of values. PostgreSQL keeps a plan for each: what comes later is not prepared."""
GOOD = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)


class Statement(NamedTuple):
    """SQL with named parameters."""

    sql: str
    parameters: dict[str, Any]


class Answer(NamedTuple):
    """``changed``: how many rows were written, or found."""

    rows: list[DictRow]
    changed: int

    @property
    def first(self) -> DictRow | None:
        return self.rows[0] if self.rows else None


class Numbered(NamedTuple):
    """A statement with ``$1``, ``$2`` for its named parameters."""

    sql: str
    parameters: tuple[str, ...]


class _Asked:
    """A statement in a session: how often it was run, and under which name it is prepared by then."""

    def __init__(self, name: bytes) -> None:
        self.name, self.uses = name, 0
        self.columns: tuple[str, ...] = ()


class Session:
    """What is prepared in a session: statements that were asked for, and others by names of their own."""

    def __init__(self) -> None:
        self.asked = dict[tuple[str, tuple[int, ...]], _Asked]()
        self.named = set[str]()


_numbered: dict[str, Numbered] = {}
_sessions: WeakKeyDictionary[Connection, Session] = WeakKeyDictionary()


def numbered(sql: str) -> Numbered:
    if (found := _numbered.get(sql)) is None:
        parameters = tuple(dict.fromkeys(PARAMETER.findall(sql)))
        text = PARAMETER.sub(lambda match: f"${parameters.index(match[1]) + 1}", sql).replace("%%", "%")
        found = _numbered[sql] = Numbered(text, parameters)
    return found


def run(connection: Connection, statement: Statement) -> Answer:
    """Raises psycopg's errors, as a cursor does."""
    asked, result = _run(connection, statement)
    columns = asked.columns = asked.columns or columns_of(result)
    rows = [dict(zip(columns, row, strict=True)) for row in loaded(connection, result)]
    return Answer(rows, result.command_tuples or 0)


def tuples(connection: Connection, statement: Statement, context: AdaptContext | None = None) -> list[TupleRow]:
    """The rows alone, without the names of their columns: a log is read by the million. ``context`` has the loaders."""
    return loaded(context or connection, _run(connection, statement)[1])


def queue(connection: Connection, statement: Statement) -> None:
    """Runs it among others in psycopg's pipeline, which is sent and waited for as a whole."""
    connection.execute(statement.sql.encode(), storable(statement.parameters))


def loaded(context: AdaptContext, result: PGresult) -> list[TupleRow]:
    transformer = Transformer(context)
    transformer.set_pgresult(result)
    return transformer.load_rows(0, result.ntuples, tuple)


def _run(connection: Connection, statement: Statement) -> tuple[_Asked, PGresult]:
    query, transformer = numbered(statement.sql), Transformer(connection)
    parameters = storable(statement.parameters)
    given = [parameters[name] for name in query.parameters]
    values = transformer.dump_sequence(given, [PyFormat.AUTO] * len(given))
    types = transformer.types or ()
    asked = _asked(connection, (query.sql, types))
    act = partial(_sent, connection.pgconn, query.sql, asked, types, values, transformer.formats)
    return asked, answered(connection, act)


def answered(connection: Connection, act: Callable[[], PGresult]) -> PGresult:
    """What ``act`` waits for in one call of libpq. Raises NoAnswer where that takes too long."""
    line: Line | None = getattr(connection, "line", None)
    if line is None:
        # Somebody else opened it.
        return act()
    line.until = monotonic() + line.seconds
    try:
        return act()
    except psycopg.OperationalError as error:
        if line.is_cut:
            raise line.silence() from error
        raise
    finally:
        line.until = math.inf


def session_of(connection: Connection) -> Session:
    found = _sessions.get(connection)
    if found is None:
        # Whoever opened it.
        connection.prepare_threshold = None
        found = _sessions[connection] = Session()
    return found


def _asked(connection: Connection, known_by: tuple[str, tuple[int, ...]]) -> _Asked:
    known = session_of(connection).asked
    found = known.get(known_by)
    if found is None:
        found = _Asked(b"run_%d" % len(known))
        if len(known) < MOST_KNOWN:
            known[known_by] = found
    return found


def _sent(
    pgconn: PGconn,
    sql: str,
    asked: _Asked,
    types: tuple[int, ...],
    values: Sequence[Any],
    formats: Sequence[Format] | None,
) -> PGresult:
    asked.uses += 1
    if asked.uses <= USES_UNPREPARED:
        return good(pgconn, pgconn.exec_params(sql.encode(), values, types, formats, Format.BINARY))
    if asked.uses == USES_UNPREPARED + 1:
        try:
            good(pgconn, pgconn.prepare(asked.name, sql.encode(), types))
        except BaseException:
            asked.uses -= 1
            raise
    return good(pgconn, pgconn.exec_prepared(asked.name, values, formats, Format.BINARY))


def good(pgconn: PGconn, result: PGresult) -> PGresult:
    """The result, if it is one. Raises what psycopg raises otherwise."""
    if result.status in GOOD:
        return result
    if pgconn.status != psycopg.pq.ConnStatus.OK:
        raise psycopg.OperationalError(pgconn.get_error_message())
    raise psycopg.errors.error_from_result(result)


def columns_of(result: PGresult) -> tuple[str, ...]:
    return tuple([(result.fname(number) or b"").decode() for number in range(result.nfields)])


def storable(parameters: dict[str, Any]) -> dict[str, Any]:
    """With every NUL in a text replaced: PostgreSQL's text has no place for it. The log's own bytes keep it."""
    return {
        name: value.replace("\x00", "\ufffd") if isinstance(value, str) else value for name, value in parameters.items()
    }
