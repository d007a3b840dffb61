"""``schemaledger replay`` beside a service at work."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result

from api.cli.main import cli
from api.cli.output import DONE, FAILED
from tests.api.conftest import Api

ADD = {"type": "add_column", "params": {"name": "phone", "dataType": "utf8", "nullable": True, "position": 1}}


def replay(api: Api, *arguments: str) -> Result:
    where = ("--database-url", api.settings.database_url or "", "--data-dir", str(api.settings.data_dir))
    return CliRunner().invoke(cli, ["replay", *arguments, *where], catch_exceptions=False)


def then(api: Api, *arguments: str) -> dict[str, Any]:
    return dict(json.loads(replay(api, *arguments).stdout))


def names(state: dict[str, Any]) -> dict[str, list[list[str]]]:
    """The columns of every version of each table, newest first."""
    return {
        table["table"]["tableName"]: [[field["name"] for field in schema["fields"]] for schema in table["schemas"]]
        for table in state["tables"]
    }


def test_the_state_as_of_a_position_or_a_moment_is_shown_whole(api: Api) -> None:
    table = api.new_table()
    before = api.events()
    api.finished(api.migrate(table, ADD).json()["operationId"])
    now = then(api, "--to", str(10**9))
    assert names(now) == {"people": [["id", "phone", "name", "age"], ["id", "name", "age"]]}
    assert [migration["status"] for migration in now["tables"][0]["migrations"]] == ["succeeded"]
    assert [operation["status"] for operation in now["operations"]] == ["completed"]
    assert now["position"] == api.events()
    first = then(api, "--to", str(before))
    assert names(first) == {"people": [["id", "name", "age"]]}
    assert (first["position"], first["operations"]) == (before, [])
    moment = first["tables"][0]["table"]["createdAt"]
    assert names(then(api, "--at", moment)) == names(first)
    asked = then(api, "--to", str(before + 3))
    assert [operation["status"] for operation in asked["operations"]] == ["pending"]
    earlier = datetime.now(UTC) - timedelta(days=9)
    assert then(api, "--at", earlier.isoformat()) == {"position": 0, "tables": [], "operations": []}


def test_views_are_verified_and_rebuilt(api: Api, database_url: str) -> None:
    table = api.new_table()
    api.finished(api.migrate(table, ADD).json()["operationId"])
    # Whoever reads a view waits for it to have followed.
    api.get(f"/dataset-tables/{table}/migrations")
    assert replay(api, "--verify").exit_code == DONE
    with psycopg.connect(database_url) as connection:
        connection.execute("DELETE FROM migrations_v4")
    damaged = replay(api, "--verify", "--view", "migrations")
    assert damaged.exit_code == FAILED
    assert "there is no such row" in damaged.stdout
    (found,) = json.loads(replay(api, "--verify", "--view", "migrations", "-o", "json").stdout)
    assert found["discrepancy"]["table"] == "migrations_v4"
    assert replay(api, "--view", "migrations").stdout.startswith("Rebuilt out of")
    assert replay(api, "--verify").exit_code == DONE


@pytest.mark.parametrize(
    "arguments",
    [
        ("--to", "3", "--verify"),
        ("--to", "3", "--at", "2026-03-03T12:00:00Z"),
        ("--to", "3", "--view", "migrations"),
        ("--at", "yesterday"),
        ("--at", "2026-03-03T12:00:00"),
    ],
)
def test_what_does_not_go_together_is_a_wrong_call(idle_api: Api, arguments: tuple[str, ...]) -> None:
    assert replay(idle_api, *arguments).exit_code == 2
