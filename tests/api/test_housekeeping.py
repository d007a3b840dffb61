"""What is looked after without anybody asking, and what the doctor says of an installation that is not well."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import lance
import pytest
from lance.dataset import Transaction
from msgspec import structs

from adapters.chores import PostgresChores
from adapters.engines.lance_tables.detached import ASIDE
from adapters.engines.lance_tables.publishing import migration_of_files
from adapters.event_log.recorder import LOG_LOCK
from adapters.postgres.database import Database
from adapters.postgres.statements import Statement, run
from api.compose import composed
from api.housekeeper import Housekeeper
from domain.examination import Bookkeeping, Verdict, judge
from domain.handlers.housekeeping import tidy_tables
from domain.vitals import Lag, Vitals
from tests.api.conftest import Api
from tests.api.test_worker import CHANGES, Bench, bench
from tests.domain.planning import add

__all__ = ["bench"]

NOW = timedelta(0)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    yield made
    made.close()


@pytest.fixture
def chores(database: Database) -> PostgresChores:
    return PostgresChores(database, LOG_LOCK)


def do(database: Database, sql: str) -> None:
    database.write(lambda connection: run(connection, Statement(sql, {})))


def test_a_chore_is_one_process_only(chores: PostgresChores) -> None:
    assert chores.due("tables", timedelta(days=1))
    assert not chores.due("tables", timedelta(days=1))
    assert chores.due("tables", NOW)
    assert chores.due("leases", timedelta(days=1))


def test_leases_that_were_lost_are_made_anew_and_the_work_is_done(
    bench: Bench, chores: PostgresChores, database: Database
) -> None:
    operation = bench.submit(*CHANGES)
    do(database, "DELETE FROM operation_leases")
    do(
        database,
        f"INSERT INTO operation_leases (operation_id, position, table_id) VALUES (gen_random_uuid(), 1, '{bench.table}')",
    )
    assert not bench.worker().work_once()
    assert (chores.look().unleased, chores.look().idle_leases) == (1, 1)
    assert chores.mend_leases() == 2
    assert (chores.look().unleased, chores.look().idle_leases) == (0, 0)
    assert bench.worker().work_once()
    assert bench.operation(operation).status == "completed"


def test_operations_that_ended_long_ago_are_not_listed_and_still_found(
    idle_api: Api, chores: PostgresChores, worker: Any
) -> None:
    table = idle_api.new_table()
    body = {"operations": [add("x")]}
    key = {"Idempotency-Key": "k"}
    done = idle_api.post(f"/dataset-tables/{table}/migrations", body, **key).json()["operationId"]
    waiting = idle_api.migrate(table, add("y")).json()["operationId"]
    idle_api.post(f"/operations/{done}/cancel")
    seen = idle_api.get(f"/operations/{done}").json()
    assert chores.forget_operations(timedelta(days=1)) == 0
    assert chores.forget_operations(NOW) == 1
    assert [listed["operationId"] for listed in idle_api.get("/operations").json()["operations"]] == [waiting]
    assert idle_api.get(f"/operations/{done}").json() == seen
    again = idle_api.post(f"/dataset-tables/{table}/migrations", body, **key)
    assert (again.status_code, again.json()["operationId"]) == (202, done)


def orphan(location: str, days: int) -> Path:
    file = Path(location) / "data" / "left-behind.lance"
    file.write_bytes(b"half a unit")
    old = time.time() - days * 86_400
    os.utime(file, (old, old))
    return file


def test_what_a_killed_worker_left_goes_once_it_is_old(bench: Bench) -> None:
    versions = len(lance.dataset(bench.location).versions())
    young = orphan(bench.location, days=1)
    assert (tidy_tables(bench.house).bytes_removed, young.exists()) == (0, True)
    old = orphan(bench.location, days=8)
    assert (tidy_tables(bench.house).bytes_removed, old.exists()) == (11, False)
    assert len(lance.dataset(bench.location).versions()) == versions


def test_a_version_aside_that_a_killed_worker_left_goes_and_somebody_elses_stays(bench: Bench) -> None:
    def set_aside(migration: str) -> Path:
        table = lance.dataset(bench.location)
        operation = migration_of_files(table, (), {}, migration)
        left = lance.LanceDataset.commit(table.uri, Transaction(table.version, operation), detached=True)
        return Path(bench.location) / "_versions" / f"d{left.version}.manifest"

    ours, theirs = set_aside(f"{ASIDE}{bench.table}"), set_aside("a copy of mine")
    assert ours.exists()
    versions = len(lance.dataset(bench.location).versions())
    tidy_tables(bench.house)
    assert (ours.exists(), theirs.exists()) == (False, True)
    assert len(lance.dataset(bench.location).versions()) == versions


def test_a_table_with_work_under_way_is_left_alone(bench: Bench) -> None:
    bench.submit(*CHANGES)
    old = orphan(bench.location, days=8)
    assert tidy_tables(bench.house).tables == 0
    assert old.exists()


def test_a_round_does_everything_that_is_due_once(bench: Bench, chores: PostgresChores, database: Database) -> None:
    operation = bench.submit(*CHANGES)
    do(database, "DELETE FROM operation_leases")
    housekeeper = Housekeeper(bench.house, chores, timedelta(days=1))
    housekeeper.round()
    assert bench.worker().work_once()
    assert bench.operation(operation).status == "completed"
    old = orphan(bench.location, days=8)
    housekeeper.round()
    assert old.exists()


def vitals(**more: Any) -> Vitals:
    quiet: dict[str, Any] = {
        "position": 10,
        "pending": 0,
        "running": 0,
        "oldest_pending_age": 0.0,
        "leases_held": 0,
        "leases_free": 0,
        "leases_expired": 0,
        "oldest_heartbeat_age": 0.0,
        "lags": {"migrations": Lag(events=0, seconds=0.0)},
    }
    return Vitals(**{**quiet, **more})


def durable(books: Bookkeeping) -> Bookkeeping:
    """The tests' PostgreSQL waits for no disk."""
    return structs.replace(books, fsync=True)


@pytest.mark.parametrize(
    ("more", "subject", "verdict"),
    [
        ({}, None, Verdict.WELL),
        ({"lags": {"migrations": Lag(events=5, seconds=90.0)}}, "views", Verdict.PROBLEM),
        ({"seal_alarm": "positions are missing"}, "seal", Verdict.PROBLEM),
        ({"running": 1, "leases_expired": 1}, "workers", Verdict.PROBLEM),
        ({"pending": 1, "oldest_pending_age": 90.0}, "workers", Verdict.PROBLEM),
        ({"pending": 9, "leases_held": 1, "oldest_pending_age": 90.0}, "workers", Verdict.ATTENTION),
    ],
)
def test_what_is_not_well_is_said_with_what_to_do(
    chores: PostgresChores, more: dict[str, Any], subject: str | None, verdict: Verdict
) -> None:
    unwell = [
        finding for finding in judge(vitals(**more), durable(chores.look())) if finding.verdict is not Verdict.WELL
    ]
    assert [(finding.subject, finding.verdict) for finding in unwell] == ([(subject, verdict)] if subject else [])
    assert all(finding.advice for finding in unwell)


def doctor(api: Api, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, **api.settings.environment(), "PYTHONWARNINGS": "error"}
    command = [sys.executable, "-m", "api.cli.main", "doctor", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_the_doctor_finds_what_is_wrong_and_mends_what_can_be_mended(
    idle_api: Api, database: Database, database_url: str
) -> None:
    table = idle_api.new_table()
    well = doctor(idle_api)
    assert well.returncode == 0, well.stdout + well.stderr
    assert "log: 2 events, without a gap." in well.stdout

    idle_api.migrate(table, add("x"))
    do(database, "DELETE FROM operation_leases")
    location = idle_api.get(f"/dataset-tables/{table}").json()["location"]
    lance.dataset(location).add_columns({"extra": "id + 1"})
    idle_api.settings.token_file.chmod(0o644)
    ill = doctor(idle_api, "-o", "json")
    assert ill.returncode == 3
    found = {finding["subject"]: finding for finding in json.loads(ill.stdout)}
    assert found["leases"]["verdict"] == found["token"]["verdict"] == "problem"
    assert found["table d.people"]["verdict"] == "attention"
    assert all(finding["advice"] for finding in found.values() if finding["verdict"] != "well")

    idle_api.settings.token_file.chmod(0o600)
    mended = doctor(idle_api, "--mend")
    assert (mended.returncode, "leases: Every unfinished operation" in mended.stdout) == (0, True), mended.stdout


def test_the_doctor_says_that_the_database_is_away_and_what_else_is_wrong(idle_api: Api) -> None:
    idle_api.settings.token_file.chmod(0o644)
    away = replace(idle_api.settings, database_url="postgresql://nobody@127.0.0.1:1/nowhere")
    found = {one["subject"]: one for one in json.loads(doctor(Api(idle_api.client, "", away), "-o", "json").stdout)}
    assert found["database"]["verdict"] == found["token"]["verdict"] == "problem"
    assert "DATABASE_URL" in found["database"]["advice"]


def test_a_gap_in_the_log_is_found(idle_api: Api, database: Database, chores: PostgresChores) -> None:
    idle_api.new_table("a")
    idle_api.new_table("b")
    do(database, "ALTER TABLE stored_events DISABLE TRIGGER ALL")
    do(database, "DELETE FROM stored_events WHERE notification_id = 1")
    assert chores.look().missing_positions == 1
    with composed(idle_api.settings, database.url) as parts:
        assert len(parts.house.store.read(0, 10)) == 2


@pytest.mark.parametrize(
    ("clock_is_off", "log_is_ahead", "said"),
    [(timedelta(0), False, None), (timedelta(days=-1), False, "differ by"), (timedelta(0), True, "in the future")],
)
def test_the_doctor_holds_clocks_and_the_log_against_each_other(
    database: Database, clock_is_off: timedelta, *, log_is_ahead: bool, said: str | None
) -> None:
    class Here:
        def now(self) -> datetime:
            return datetime.now(UTC) + clock_is_off

    if log_is_ahead:
        do(database, "ALTER TABLE stored_events DISABLE TRIGGER USER")
        do(database, "INSERT INTO stored_events VALUES (gen_random_uuid(), 1, 't', '', 1, now() + interval '10 years')")
    books = PostgresChores(database, LOG_LOCK, Here()).look()
    (finding,) = (finding for finding in judge(vitals(), books) if finding.subject == "clocks")
    assert (finding.verdict is Verdict.WELL) == (said is None)
    assert said is None or said in finding.message


def test_the_doctor_says_whether_what_was_answered_lasts(database: Database) -> None:
    database.write(lambda one: one.execute(f"ALTER DATABASE {one.info.dbname} SET synchronous_commit = off".encode()))
    fresh = Database(database.url)
    try:
        books = PostgresChores(fresh, LOG_LOCK).look()
    finally:
        fresh.close()
    said = {
        fsync: next(one for one in judge(vitals(), structs.replace(books, fsync=fsync)) if one.subject == "durability")
        for fsync in (True, False)
    }
    assert "synchronous_commit = off, is overruled" in said[True].message
    assert said[False].verdict is Verdict.ATTENTION
