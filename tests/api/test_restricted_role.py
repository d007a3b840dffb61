"""The service as a role that can read and add events, and write rows of views, and nothing else."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest

from adapters.event_log.recorder import LOG_SQL
from adapters.postgres.preparing import grant, prepare_database
from domain.errors import DatabaseNotPrepared
from tests.api.conftest import at_work, serving
from tests.domain.planning import add


@pytest.fixture
def role(database_url: str) -> Iterator[str]:
    name = f"ledger_{uuid4().hex[:12]}"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN".encode())
        yield name
        connection.execute(f"DROP OWNED BY {name}".encode())
        connection.execute(f"DROP ROLE {name}".encode())


def as_role(url: str, name: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{name}@{parts.netloc.rpartition('@')[2]}"))


def test_a_role_that_may_only_add_events_runs_the_whole_service(database_url: str, role: str, tmp_path: Path) -> None:
    grant(database_url, role)
    url = as_role(database_url, role)
    with serving(url, tmp_path) as api, at_work(url, tmp_path):
        table = api.new_table()
        done = api.finished(api.migrate(table, add("x")).json()["operationId"])
        assert done["status"] == "completed"
        assert api.get("/audit/evidence", tableId=table).status_code == 200
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT seal_checkpoints_thin()").fetchone() == (0,)
        rebuild = api.post("/projections/migrations/rebuild").json()["operationId"]
        assert api.finished(rebuild)["error"]["code"] == "rebuild_forbidden"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE stored_events SET state = ''",
        "DELETE FROM stored_events",
        "TRUNCATE stored_events",
        "ALTER TABLE stored_events DISABLE TRIGGER ALL",
        "DROP TABLE stored_events",
        "UPDATE seal_checkpoints SET note = ''",
        "DELETE FROM seal_checkpoints",
        "CREATE OR REPLACE FUNCTION stored_events_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    ],
)
def test_the_role_cannot_change_what_is_written(database_url: str, role: str, statement: str) -> None:
    grant(database_url, role)
    with (
        psycopg.connect(as_role(database_url, role)) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement.encode())


def test_a_role_that_may_not_make_tables_says_who_has_to(database_url: str, role: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("DELETE FROM prepared_scripts")
    with pytest.raises(DatabaseNotPrepared, match=f"prepare --grant {role}"):
        prepare_database(as_role(database_url, role), LOG_SQL)
    grant(database_url, role)
    with pytest.raises(DatabaseNotPrepared):
        prepare_database(as_role(database_url, role), LOG_SQL)
    prepare_database(database_url, LOG_SQL)
    prepare_database(as_role(database_url, role), LOG_SQL)


def test_granting_to_nobody_is_refused(database_url: str) -> None:
    with pytest.raises(DatabaseNotPrepared, match="nobody_at_all"):
        grant(database_url, "nobody_at_all")


def test_starting_beside_a_process_that_is_paused_in_a_transaction_waits_for_nobody(database_url: str) -> None:
    with psycopg.connect(database_url) as paused:
        paused.execute("LOCK TABLE operation_status_v1, stored_events IN ACCESS SHARE MODE")
        prepare_database(database_url, LOG_SQL)
