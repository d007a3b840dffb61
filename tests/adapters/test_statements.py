"""Statements that a session has prepared, whatever else happens in it."""

from collections.abc import Iterator

import psycopg
import pytest

from adapters.event_log.message import Message
from adapters.postgres.database import Database, connected
from adapters.postgres.statements import MOST_KNOWN, Connection, Statement, queue, run, tuples

SUM = "SELECT %(a)s::int + %(b)s::int AS sum, '100%%' AS all"
OFTEN = 8


@pytest.fixture(params=["of a pool", "of its own"])
def connection(request: pytest.FixtureRequest, database_url: str) -> Iterator[Connection]:
    if request.param == "of its own":
        with connected(database_url) as connection:
            yield connection
        return
    database = Database(database_url)
    with database.pool.connection() as connection:
        yield connection
    database.close()


def test_rows_have_names_and_values_types(connection: Connection) -> None:
    for n in range(OFTEN):
        answer = run(connection, Statement(SUM, {"a": n, "b": 1, "not asked for": 1}))
        assert (answer.rows, answer.first) == ([{"sum": n + 1, "all": "100%"}], {"sum": n + 1, "all": "100%"})
        assert tuples(connection, Statement(SUM, {"a": n, "b": 1})) == [(n + 1, "100%")]


def test_one_statement_takes_values_of_several_types(connection: Connection) -> None:
    for value in (1, 70_000, 2**40, None, "x", "a\x00b", True, 1, 2**40) * 2:
        found = run(connection, Statement("SELECT %(v)s AS v", {"v": value})).first
        assert found == {"v": value.replace("\x00", "\ufffd") if isinstance(value, str) else value}


def test_how_many_rows_were_changed_is_told(connection: Connection) -> None:
    run(connection, Statement("CREATE TEMPORARY TABLE numbers AS SELECT generate_series(1, 10) AS n", {}))
    for least in (9, 9, 5, 1, 1):
        changed = run(connection, Statement("DELETE FROM numbers WHERE n >= %(least)s", {"least": least})).changed
        assert changed == {9: 2, 5: 4, 1: 4}[least] or changed == 0
    assert run(connection, Statement("SELECT n FROM numbers", {})).first is None


def test_a_session_prepares_so_many_and_no_more(connection: Connection) -> None:
    for _ in range(OFTEN):
        for n in range(MOST_KNOWN + 20):
            assert run(connection, Statement(f"SELECT {n} + %(n)s::int AS sum", {"n": 1})).first == {"sum": n + 1}
    prepared = run(connection, Statement("SELECT count(*) AS n FROM pg_prepared_statements", {})).first
    assert prepared == {"n": MOST_KNOWN}


def test_errors_are_those_of_the_driver(connection: Connection) -> None:
    for _ in range(OFTEN):
        with pytest.raises(psycopg.errors.DivisionByZero):
            run(connection, Statement("SELECT 1 / %(n)s::int AS n", {"n": 0}))
        with pytest.raises(psycopg.errors.UndefinedTable):
            run(connection, Statement("SELECT * FROM nowhere", {}))
    assert run(connection, Statement("SELECT 1 / %(n)s::int AS n", {"n": 1})).first == {"n": 1}


def test_what_is_prepared_outlives_a_rollback_and_a_drop(connection: Connection) -> None:
    """The driver would deallocate everything, had it prepared something itself."""
    message = Statement("SELECT %(n)s::int AS n", {"n": 1})

    def use() -> None:
        for _ in range(OFTEN):
            assert run(connection, Statement(SUM, {"a": 1, "b": 1})).first == {"sum": 2, "all": "100%"}
            asked = Message(connection)
            asked.add(message)
            assert asked.send() == [(1,)]

    use()
    for statement in ("SELECT 1", "CREATE TEMPORARY TABLE gone (n int)", "DROP TABLE gone"):
        for _ in range(OFTEN if statement == "SELECT 1" else 1):
            connection.execute(statement.encode())
    use()
    with pytest.raises(psycopg.errors.DivisionByZero):
        _fail_in_a_transaction(connection)
    use()
    connection.execute("SELECT 1")
    use()


def _fail_in_a_transaction(connection: Connection) -> None:
    with connection.transaction(), connection.pipeline():
        for n in range(OFTEN, -1, -1):
            queue(connection, Statement("SELECT 1 / %(n)s::int", {"n": n}))
