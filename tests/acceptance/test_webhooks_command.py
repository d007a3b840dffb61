"""The command line of webhooks against a real service and a real receiver."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import Service, wait_for
from tests.receiver import Receiver, echoing, receiving


@pytest.fixture
def allowing(tmp_path: Path, database_url: str) -> Iterator[Service]:
    made = Service(
        tmp_path,
        DATABASE_URL=database_url,
        SCHEMALEDGER_WORKER_PROCESSES="2",
        SCHEMALEDGER_WEBHOOK_ALLOW="127.0.0.1",
    ).start()
    yield made
    made.stop()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def test_a_webhook_from_its_making_to_its_end(allowing: Service, receiver: Receiver) -> None:
    table = allowing.new_table("told", {"id": "int64"})["tableId"]

    def run(*arguments: str, code: int = 0) -> str:
        ran = allowing.run("webhooks", *arguments)
        assert ran.returncode == code, (arguments, ran.stdout, ran.stderr)
        return ran.stdout + ran.stderr

    made = run("create", receiver.url, "--event", "operation.completed", "--on", "d.told", "--description", "why")
    webhook, receiver.secret = made.split("\t")[0], made.splitlines()[1]
    assert f"webhooks verify {webhook}" in made
    receiver.behave = lambda *_: (401, b"")
    assert "another secret" in run("verify", webhook, code=1)
    receiver.behave = echoing
    assert "delivered" in run("verify", webhook)
    assert "enabled" in run("list")

    change = {"type": "add_column", "params": {"name": "x", "dataType": "utf8", "nullable": True}}
    operation = allowing.migrate(table, change)
    receiver.wait_for(lambda: any(operation.encode() in body for _, body in receiver.sent))
    receiver.messages()
    wait_for(lambda: "operation.completed\tdelivered" in run("deliveries", webhook))
    message = json.loads(run("deliveries", webhook, "--status", "delivered", "-o", "json"))[0]["deliveryId"]
    assert "delivered" in run("resend", webhook, message)
    assert receiver.ids().count(message) == 2

    assert "disabled (asked)" in run("disable", webhook)
    assert "webhook_not_enabled" in run("resend", webhook, message, code=1)
    assert "enabled" in run("enable", webhook)
    assert "whsec_" in run("rotate", webhook, "--overlap", "0")
    assert "unverified" in run("change", webhook, "--to", f"{receiver.url}/other", "--everywhere")
    assert json.loads(allowing.run("webhooks", "show", webhook, "-o", "json").stdout).get("tables", []) == []
    assert "webhook_url_refused" in run("create", "https://10.0.0.1/", "--event", "seal.stopped", "-o", "json", code=1)
    assert "deleted" in run("delete", webhook)
    assert run("list") == ""
    assert not [line for line in allowing.lines if "whsec_" in line]
