"""The service as its users run it: several processes, many tables, PostgreSQL that goes and comes, Ctrl-C."""

import json
import os
import signal
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import lance
import pyarrow as pa
import pytest

from adapters.postgres_programs import PostgresPrograms
from tests.acceptance.conftest import Service, children_of, positions, wait_for
from tests.domain.planning import add, drop, rename


def descendants(pid: int) -> list[int]:
    return [found for child in children_of(pid) for found in [child, *descendants(child)]]


def runs(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def test_ctrl_c_stops_everything_and_leaves_no_process(tmp_path: Path) -> None:
    service = Service(tmp_path).start()
    processes = descendants(service.process.pid)
    postmaster = int((service.data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])
    assert len(processes) >= 2
    assert runs(postmaster)
    service.stop(signal.SIGINT)
    assert service.process.returncode == 0, "".join(service.lines)
    assert [pid for pid in [*processes, postmaster] if runs(pid)] == []


def test_the_token_is_for_its_owner_only_and_stays_the_same(tmp_path: Path) -> None:
    service = Service(tmp_path).start()
    first = service.token
    wait_for(lambda: any(first in line for line in service.lines))
    operation = service.migrate(service.new_table("t", {"id": "int64"})["tableId"], add("x"))
    assert service.finished(operation)["status"] == "completed"
    service.stop()
    assert stat.S_IMODE((service.data_dir / "token").stat().st_mode) == 0o600
    again = Service(tmp_path).start()
    assert again.token == first
    assert again.http.get(f"/operations/{operation}").json()["status"] == "completed"
    # Shown once, when it was made: afterwards the line to paste reads it from its file.
    wait_for(lambda: any("curl -s" in line and str(service.data_dir / "token") in line for line in again.lines))
    assert not any(first in line for line in again.lines)
    again.stop()


def test_killed_with_nine_everything_ends_and_the_next_start_goes_on(tmp_path: Path) -> None:
    service = Service(tmp_path).start()
    table = service.new_table("t", {"id": "int64"})
    processes = descendants(service.process.pid)
    service.process.kill()
    service.process.wait()
    service.http.close()
    wait_for(lambda: not any(runs(pid) for pid in processes))
    assert service.process.stdout is not None
    service._reader.join()
    service.process.stdout.close()
    again = Service(tmp_path).start()
    assert again.finished(again.migrate(table["tableId"], add("x")))["status"] == "completed"
    again.stop()


def test_a_port_that_is_taken_is_said_so(service: Service, tmp_path: Path) -> None:
    port = service.url.rpartition(":")[2]
    ran = service.run("serve", "--port", port, "--data-dir", str(tmp_path / "other"))
    assert ran.returncode == 1
    assert "cannot be listened on" in ran.stderr
    assert "--port" in ran.stderr


def test_a_second_serve_on_one_folder_is_refused(service: Service) -> None:
    ran = service.run("serve")
    assert ran.returncode == 1
    assert f"process {service.process.pid}) runs on {service.data_dir}" in ran.stderr


def test_a_folder_that_cannot_be_written_to_is_said_so(service: Service, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    ran = service.run("serve", "--data-dir", str(tmp_path / "file" / "data"))
    assert ran.returncode == 1
    assert "Not a directory. Make room there, let this account write to" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_process_that_dies_is_started_again(own_service: Service) -> None:
    victims = children_of(own_service.process.pid)
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: len(set(children_of(own_service.process.pid)) - set(victims)) == len(victims))

    def answers() -> bool:
        try:
            return own_service.http.get("/health/ready").status_code == 200
        except httpx.HTTPError:
            return False

    wait_for(answers)
    assert own_service.finished(own_service.migrate(own_service.new_table("t", {"id": "int64"})["tableId"], add("x")))


def test_ten_tables_migrate_side_by_side_on_two_workers(service: Service) -> None:
    tables = [service.new_table(f"beside{number}", {"id": "int64", "a": "utf8"})["tableId"] for number in range(10)]
    with ThreadPoolExecutor(10) as pool:
        operations = list(pool.map(lambda table: service.migrate(table, rename("a", "b"), add("c")), tables))
    assert [service.finished(operation)["status"] for operation in operations] == ["completed"] * 10
    workers = {service.http.get(f"/operations/{operation}").json()["operationId"] for operation in operations}
    assert len(workers) == 10


def test_no_process_answers_404_right_after_202(service: Service) -> None:
    table = service.new_table("asked", {"id": "int64"})["tableId"]
    statuses = list[int]()
    for number in range(25):
        operation = service.migrate(table, add(f"x{number}"))
        for _ in range(4):
            # A connection of its own each time, so that both processes are asked.
            answer = httpx.get(f"{service.url}/operations/{operation}", headers=service.http.headers)
            statuses.append(answer.status_code)
    assert set(statuses) == {200}


def test_while_postgresql_is_away_answers_are_503_and_nothing_accepted_is_lost(tmp_path: Path) -> None:
    service = Service(tmp_path, SCHEMALEDGER_API_PROCESSES="2", SCHEMALEDGER_WORKER_PROCESSES="2").start()
    folder = service.data_dir / "postgres"
    try:
        programs = PostgresPrograms(folder)
        tables = [service.new_table(f"t{number}", {"id": "int64"})["tableId"] for number in range(4)]
        accepted, unavailable, odd = list[str](), list[dict[str, Any]](), list[str]()
        stop = threading.Event()

        def post(table: str) -> None:
            number = 0
            while not stop.is_set():
                number += 1
                try:
                    operations = [add(f"x{number}")] if number % 2 else [drop(f"x{number - 1}")]
                    answer = service.http.post(f"/dataset-tables/{table}/migrations", json={"operations": operations})
                except httpx.HTTPError as error:
                    odd.append(repr(error))
                    continue
                if answer.status_code == 202:
                    accepted.append(answer.json()["operationId"])
                    # Faster than the workers, the queues would only grow.
                    service.http.get(f"/operations/{accepted[-1]}", params={"wait": 2})
                elif answer.status_code == 503:
                    number -= 1
                    unavailable.append(answer.json())
                elif answer.status_code not in (400, 409):
                    odd.append(answer.text)

        with ThreadPoolExecutor(4) as pool:
            posting = [pool.submit(post, table) for table in tables]
            wait_for(lambda: len(accepted) > 10)
            # Paused, it cannot start PostgreSQL again, which it does as soon as it goes on.
            service.process.send_signal(signal.SIGSTOP)
            programs.stop()
            wait_for(lambda: len(unavailable) >= 4)
            service.process.send_signal(signal.SIGCONT)
            count = len(accepted)
            wait_for(lambda: len(accepted) > count + 10)
            stop.set()
            for future in posting:
                future.result()
        assert odd == []
        assert {(body["code"], body["retryable"]) for body in unavailable} == {("log_unavailable", True)}
        ends = [service.finished(operation) for operation in accepted]
        assert {end["status"] for end in ends} <= {"completed", "failed"}
        assert [end["error"]["code"] for end in ends if end["status"] == "failed"] == []
        listed = service.http.get(f"/dataset-tables/{tables[0]}/migrations").json()["migrations"]
        assert listed[0]["status"] == "succeeded"
    finally:
        service.stop()


def table_called(service: Service, name: str) -> dict[str, Any]:
    (found,) = (table for table in service.http.get("/dataset-tables").json()["tables"] if table["tableName"] == name)
    return dict(found)


def test_the_command_line_migrates_follows_and_answers_with_exit_codes(service: Service) -> None:
    created = service.run("tables", "create", "d", "followed", "--field", "id:int64 not null", "--field", "age:int32")
    assert created.returncode == 0, created.stderr
    assert "d.followed" in service.run("tables", "list").stdout

    operations = json.dumps([add("x"), rename("age", "years")])
    planned = service.run("plan", "d.followed", "-", given=operations)
    assert (planned.returncode, "Rename 'age' to 'years'." in planned.stdout) == (0, True)
    done = service.run("migrate", "d.followed", "-", given=operations)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("completed\t100.0%")
    assert "years\tint32" in service.run("schema", "d.followed").stdout
    assert json.loads(service.run("schema", "d.followed", "--versions", "-o", "json").stdout)[0]["versionNumber"] == 2

    refused = service.run("migrate", "d.followed", "-", given=json.dumps([drop("nobody"), add("x")]))
    assert refused.returncode == 1
    assert "/operations/0/params/name: There is no column 'nobody'." in refused.stderr
    assert service.run("migrate", "d.followed", "-", given="{").returncode == 1
    assert service.run("migrate", "d.nobody", "-", given=operations).returncode == 1
    submitted = service.run("migrate", "d.followed", "-", "--no-wait", given=json.dumps([add("y")]))
    assert submitted.returncode == 5
    followed = service.run("operations", "follow", submitted.stdout.strip(), "-o", "json")
    assert (followed.returncode, json.loads(followed.stdout)["status"]) == (0, "completed")
    assert service.run("nonsense").returncode == 2


def test_the_command_line_undoes_indexes_compacts_and_finds_what_was_done_outside(service: Service) -> None:
    assert service.run("tables", "create", "d", "mended", "--field", "id:int64", "--field", "age:int32").returncode == 0
    table = table_called(service, "mended")
    table_id, location = table["tableId"], table["location"]
    lance.write_dataset(pa.table({"id": [1, 2], "age": pa.array([30, 40], pa.int32())}), location, mode="append")
    assert service.run("migrate", "d.mended", "-", given=json.dumps([drop("age")])).returncode == 0
    (migration,) = service.http.get(f"/dataset-tables/{table_id}/migrations").json()["migrations"]
    planned = service.run("revert", "d.mended", migration["migrationId"], "--plan")
    assert (planned.returncode, planned.stdout.splitlines()[0]) == (0, "+ column 'age' (int32) is new"), planned.stdout
    undone = service.run("revert", "d.mended", migration["migrationId"], "--description", "it was needed")
    assert undone.returncode == 0, undone.stderr
    assert lance.dataset(location).to_table()["age"].to_pylist() == [30, 40]

    assert service.run("indexes", "build", "d.mended", "id", "--type", "btree").returncode == 0
    assert service.run("indexes", "list", "d.mended").stdout == "id_idx\tid\tbtree\t\n"
    assert service.run("compact", "d.mended").returncode == 0
    assert service.run("indexes", "drop", "d.mended", "id_idx").returncode == 0
    assert service.run("indexes", "list", "d.mended").stdout == ""

    assert service.run("drift", "d.mended").returncode == 0
    lance.dataset(location).add_columns({"extra": "id + 1"})
    drifted = service.run("drift", "d.mended")
    assert (drifted.returncode, "+ column 'extra'" in drifted.stdout) == (3, True), drifted.stdout
    assert service.run("adopt", "d.mended", "--description", "by hand").returncode == 0
    assert service.run("drift", "d.mended").returncode == 0


def test_the_command_line_tells_the_past(service: Service) -> None:
    assert (
        service.run("tables", "create", "d", "remembered", "--field", "id:int64", "--field", "age:int32").returncode
        == 0
    )
    location = table_called(service, "remembered")["location"]
    changes = json.dumps([rename("age", "how old?"), add("x")])
    assert service.run("migrate", "d.remembered", "-", "--description", "clearer", given=changes).returncode == 0
    lance.dataset(location).drop_columns(["x"])
    assert service.run("adopt", "d.remembered", "--description", "by hand").returncode == 0

    third, second, first = json.loads(service.run("schema", "d.remembered", "--versions", "-o", "json").stdout)
    assert third["appliedAt"] < third["knownAt"]

    def columns(*options: str) -> list[str]:
        ran = service.run("schema", "d.remembered", *options)
        assert ran.returncode == 0, ran.stderr
        return [line.partition("\t")[0] for line in ran.stdout.splitlines()]

    assert columns() == columns("--at", third["appliedAt"]) == ["id", "how old?"]
    assert columns("--at", third["appliedAt"], "--known-at", second["knownAt"]) == ["id", "how old?", "x"]
    assert columns("--position", str(second["position"] - 1)) == columns("--at", first["knownAt"]) == ["id", "age"]
    refused = service.run("schema", "d.remembered", "--position", "1", "--at", third["appliedAt"])
    assert (refused.returncode, "cannot be combined" in refused.stderr) == (1, True)

    assert service.run("diff", "d.remembered").stdout == "- column 'x' (utf8) is gone\n"
    compared = service.run("diff", "d.remembered", "--from", "1", "--to", "2").stdout.splitlines()
    assert compared == ["~ column 'age' is now called 'how old?'", "+ column 'x' (utf8) is new"]

    told = [line.split("\t") for line in service.run("column", "d.remembered", "how old?").stdout.splitlines()]
    assert [(line[0], line[2], *line[4:]) for line in told] == [
        ("1", "born", "", ""),
        ("2", "changed", "admin", "clearer"),
    ]
    assert service.run("column", "d.remembered", "x").stdout.splitlines()[-1].split("\t")[2] == "dropped"
    assert service.run("column", "d.remembered", "nobody").returncode == 1


def test_a_failed_operation_is_exit_code_three(service: Service) -> None:
    table = service.new_table("failing", {"id": "int64", "a": "utf8"})
    schema = lance.dataset(table["location"]).schema
    lance.write_dataset(pa.Table.from_pylist([{"id": 1, "a": "x"}], schema=schema), table["location"], mode="append")
    operations = [{"type": "change_column_type", "params": {"name": "a", "oldType": "utf8", "newType": "int32"}}]
    failed = service.run("migrate", table["tableId"], "-", given=json.dumps(operations))
    assert failed.returncode == 3
    assert "cast_failed" in failed.stdout


def test_the_log_has_no_gaps_after_all_this(service: Service) -> None:
    table = service.new_table("gapless", {"id": "int64"})["tableId"]
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(
                lambda number: service.http.post(
                    f"/dataset-tables/{table}/migrations", json={"operations": [add(f"c{number}")]}
                ),
                range(24),
            )
        )
    found = positions(service.database_url)
    assert found == list(range(1, len(found) + 1))


@pytest.mark.parametrize("variable", ["SCHEMALEDGER_PORT", "SCHEMALEDGER_WORKER_PROCESSES"])
def test_a_setting_that_cannot_be_meant_is_named(tmp_path: Path, variable: str) -> None:
    service = Service(tmp_path, **{variable: "many"})
    service.url = ""
    ran = service.run("serve")
    assert ran.returncode == 1
    assert f"{variable} is 'many'" in ran.stderr
