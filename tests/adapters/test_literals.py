"""What is written out as SQL is what PostgreSQL reads."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.postgres.database import Database
from adapters.postgres.literals import literal
from adapters.postgres.statements import Connection

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
AWKWARD = (
    "'",
    "''",
    "\\",
    "\\'",
    "'; DROP TABLE stored_events; --",
    "\\x41",
    '"',
    "{}",
    "NULL",
    "%s",
    "$1",
    "\n",
    "é\\",
    "\u0000",
)
MOMENTS = st.datetimes(min_value=datetime(1, 1, 2), timezones=st.just(UTC))
ROUND_TRIP = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def read_back(database: Database, sql_type: str, value: object) -> Any:
    def read(connection: Connection) -> Any:
        # As the log's messages do it, once with the server's old way of reading quoted strings.
        connection.execute(f"PREPARE echo AS SELECT $1::{sql_type} AS echo".encode())
        try:
            found = []
            for conforming in ("on", "off"):
                connection.execute(f"SET standard_conforming_strings = {conforming}".encode())
                row = connection.execute(f"EXECUTE echo({literal(value)})".encode(), prepare=False).fetchone()
                assert row is not None
                found.append(row["echo"])
            assert found[0] == found[1]
            return found[0]
        finally:
            connection.execute("SET standard_conforming_strings = on")
            connection.execute("DEALLOCATE echo")

    return database.write(read)


@ROUND_TRIP
@given(text=TEXTS)
def test_any_text_is_read_as_it_was_written(database: Database, text: str) -> None:
    assert read_back(database, "text", text) == text


@ROUND_TRIP
@given(texts=st.lists(st.none() | TEXTS))
def test_any_list_of_texts_is_read_as_it_was_written(database: Database, texts: list[str | None]) -> None:
    assert read_back(database, "text[]", texts) == texts


@ROUND_TRIP
@given(content=st.binary(), contents=st.lists(st.binary()))
def test_any_bytes_are_read_as_they_were_written(database: Database, content: bytes, contents: list[bytes]) -> None:
    assert read_back(database, "bytea", content) == content
    assert read_back(database, "bytea[]", contents) == contents


@ROUND_TRIP
@given(number=st.integers(-(2**63), 2**63 - 1), numbers=st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_any_whole_number_is_read_as_it_was_written(database: Database, number: int, numbers: list[int]) -> None:
    assert read_back(database, "bigint", number) == number
    assert read_back(database, "bigint[]", numbers) == numbers


@ROUND_TRIP
@given(number=st.floats(allow_nan=False))
def test_any_number_is_read_as_it_was_written(database: Database, number: float) -> None:
    assert read_back(database, "double precision", number) == number


@ROUND_TRIP
@given(moment=MOMENTS)
def test_any_moment_is_read_as_it_was_written(database: Database, moment: datetime) -> None:
    assert read_back(database, "timestamptz", moment) == moment


@ROUND_TRIP
@given(identity=st.binary(min_size=16, max_size=16).map(lambda found: UUID(bytes=found)))
def test_any_id_is_read_as_it_was_written(database: Database, identity: UUID) -> None:
    assert read_back(database, "uuid", identity) == identity
    assert read_back(database, "uuid[]", [identity]) == [identity]


@pytest.mark.parametrize("answer", [True, False])
def test_yes_and_no_are_read_as_they_were_written(database: Database, answer: bool) -> None:
    assert read_back(database, "boolean", answer) is answer


@pytest.mark.parametrize("text", AWKWARD)
def test_texts_that_would_break_out_stay_texts(database: Database, text: str) -> None:
    expected = text.replace("\x00", "\ufffd")
    assert read_back(database, "text", text) == expected
    assert read_back(database, "text[]", [text, text]) == [expected, expected]


def test_nothing_is_null(database: Database) -> None:
    assert read_back(database, "text", None) is None
    assert read_back(database, "text[]", []) == []


def test_a_value_of_another_type_is_not_guessed_at() -> None:
    for value in ({"a": 1}, [{"a": 1}], object()):
        with pytest.raises(TypeError):
            literal(value)
