"""A pipeline plans, shows, applies what was shown and nothing else; and programs do the same in Python."""

import json
import re
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from api.client.calls import ServiceError
from api.client.service import OperationNotCompleted, Service
from domain.changes.drop_column import DropColumn, DropColumnParams
from tests.acceptance.conftest import Service as Installation

ADD = {"type": "add_column", "params": {"name": "a|b", "dataType": "utf8", "nullable": True}}
DROP = {"type": "drop_column", "params": {"name": "old"}}


def test_what_was_planned_is_applied_and_nothing_else(service: Installation, tmp_path: Path) -> None:
    service.new_table("piped", {"id": "int64", "old": "int32"})
    migration, plan, summary = (tmp_path / name for name in ("migration.json", "plan.json", "summary.md"))
    migration.write_text(json.dumps({"operations": [ADD, DROP], "description": "as reviewed"}))

    asked = ("plan", "d.piped", str(migration), "--detailed-exitcode")
    planned = service.run(*asked, "--out", str(plan), "--markdown", str(summary))
    assert planned.returncode == 7, planned.stderr
    assert [line[0] for line in planned.stdout.splitlines()[:2]] == ["-", "+"] or "+" in planned.stdout
    told = summary.read_text()
    assert "### Schema migration of `d.piped`" in told
    assert "```diff\n" in told
    assert "**data_loss**" in told
    assert "a\\|b" in told

    first = service.run("apply", "--plan", str(plan))
    assert first.returncode == 0, first.stderr
    # A pipeline that is repeated follows the operation it has.
    again = service.run("apply", "--plan", str(plan))
    assert again.returncode == 0, again.stderr
    assert again.stdout.splitlines()[0] == first.stdout.splitlines()[0]

    refused = service.run(*asked, "--markdown", str(summary))
    assert refused.returncode == 1
    assert "**Refused:**" in summary.read_text()


def written(database_url: str) -> int:
    """Events but for those that only say what callers were refused or read."""
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT count(*) FROM stored_events WHERE topic NOT LIKE 'trail.%'").fetchone()
    assert row is not None
    return int(row[0])


def test_a_stale_plan_is_refused_with_what_changed_since(service: Installation, tmp_path: Path) -> None:
    table = service.new_table("moving", {"id": "int64", "old": "int32"})["tableId"]
    migration, plan = tmp_path / "migration.json", tmp_path / "plan.json"
    migration.write_text(json.dumps([ADD]))
    assert service.run("plan", "d.moving", str(migration), "--out", str(plan), "--detailed-exitcode").returncode == 6

    with Service(service.url, service.token) as client:
        operation = client.migrate(
            "d.moving", [DropColumn(params=DropColumnParams(name="old"))], description="cleaning"
        )
        assert operation.wait().progress_percent == 100
        assert operation.has_ended

        before = written(service.database_url)
        stale = service.run("apply", "--plan", str(plan))
        assert stale.returncode == 1
        assert "schema_version_mismatch" in stale.stderr
        assert "from schema version 1 to 2" in stale.stdout
        assert "by admin" in stale.stdout
        assert "cleaning" in stale.stdout
        assert len(list(client.migrations("d.moving"))) == 1
        # By its hash alone the plan is as stale as by the version it was made for.
        told = json.loads(plan.read_text())
        for condition in ({"If-Match": '"v1"'}, {}):
            body = {"operations": [ADD], "planHash": told["planHash"]}
            answer = service.http.post(f"/dataset-tables/{table}/migrations", json=body, headers=condition)
            assert answer.status_code == 412, answer.text
            assert answer.json()["code"] == ("schema_version_mismatch" if condition else "plan_mismatch")
            assert not answer.json()["retryable"]
        assert written(service.database_url) == before

        assert client.table(table).version_number == 2
        assert [field.name for field in client.schema("d.moving").fields] == ["id"]
        assert [field.name for field in client.schema("d.moving", version=1).fields] == ["id", "old"]
        assert "moving" in {found.table_name for found in client.tables("d")}
        plan_now = client.plan("d.moving", [ADD])
        assert plan_now.is_valid
        done = client.migrate("d.moving", [ADD], plan=plan_now, idempotency_key="once")
        assert client.migrate("d.moving", [ADD], plan=plan_now, idempotency_key="once").id == done.id
        assert [seen.status for seen in done.follow()][-1] == "completed"
        assert client.operation(done.id).refresh().status == "completed"
        assert done.id in {found.operation_id for found in client.operations("completed")}
        with pytest.raises(ServiceError) as taken:
            client.migrate("d.moving", [ADD])
        assert taken.value.body is not None
        assert taken.value.body.code == "validation_failed"
        with pytest.raises(ServiceError, match="can no longer be cancelled"):
            done.cancel("too late")


def test_an_operation_that_is_not_completed_is_an_exception(service: Installation) -> None:
    table = service.new_table("odd", {"id": "int64", "text": "utf8"})
    import lance
    import pyarrow as pa

    rows = pa.table({"id": [1], "text": ["no number"]}, schema=lance.dataset(table["location"]).schema)
    lance.write_dataset(rows, table["location"], mode="append")
    change = {"type": "change_column_type", "params": {"name": "text", "oldType": "utf8", "newType": "int64"}}
    with Service(service.url, service.token) as client:
        operation = client.migrate(table["tableId"], [change])
        with pytest.raises(OperationNotCompleted, match="cast_failed") as failed:
            operation.wait(60)
        assert failed.value.operation.status == "failed"


ROOT = Path(__file__).parents[2]


def run_line(service: Installation, line: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """A line of a page, by a shell, with the command line that is installed beside this Python."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "SCHEMALEDGER_URL": service.url,
        "SCHEMALEDGER_TOKEN": service.token,
        "GITHUB_SHA": "0a1b2c3d",
        "GITHUB_STEP_SUMMARY": str(folder / "step-summary.md"),
    }
    return subprocess.run(
        ["bash", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_the_pipeline_of_the_page_works_line_by_line(service: Installation, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "how-to" / "migrate-from-a-pipeline.md").read_text()
    assert service.run("tables", "create", "sales", "orders", "--field", "id:int64", "--field", "age:int32").stdout
    (migration,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    (tmp_path / "migration.json").write_text(migration)
    jobs = re.findall(r"- run: (schemaledger .*)", page)
    assert [line.split()[1] for line in jobs] == ["plan", "migrate"]
    for line in jobs:
        ran = run_line(service, line, tmp_path)
        assert ran.returncode == 0, (line, ran.stdout, ran.stderr)
    assert "### Schema migration of `sales.orders`" in (tmp_path / "step-summary.md").read_text()
    # A job that is run again finds it done; a second plan has nothing left to add.
    assert run_line(service, jobs[1], tmp_path).returncode == 0
    assert run_line(service, jobs[0], tmp_path).returncode == 1

    lines = re.findall(r"^    ((?:schemaledger|source) .*)", page, re.MULTILINE)
    assert [line.split()[0] for line in lines] == ["schemaledger", "schemaledger", "source"]
    reverted = [{"type": "rename_column", "params": {"oldName": "years", "newName": "age"}}]
    (tmp_path / "migration.json").write_text(json.dumps(reverted))
    assert [run_line(service, line, tmp_path).returncode for line in lines[:2]] == [6, 0]
    completed = f"{lines[2]}; COMP_WORDS=(schemaledger webh) COMP_CWORD=1; _schemaledger_completion schemaledger; echo $COMPREPLY"
    assert run_line(service, completed, tmp_path).stdout.strip() == "webhooks"


def test_the_python_of_the_page_does_what_it_says(
    own_service: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs" / "how-to" / "call-it-from-python.md").read_text()
    assert own_service.run("tables", "create", "sales", "orders", "--field", "id:int64", "--field", "age:int32").stdout
    monkeypatch.setenv("SCHEMALEDGER_URL", own_service.url)
    monkeypatch.setenv("SCHEMALEDGER_TOKEN", own_service.token)
    snippets = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(snippets) == 5
    for snippet in snippets:
        program = snippet.replace("http://127.0.0.1:8080", own_service.url).replace("sl_...", own_service.token)
        exec(compile(program, "call-it-from-python.md", "exec"), {})
