"""Whoever interrupts the command line is told how to take it up again, and what is repeated is done once."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import PATIENCE, Service

ADD = [{"type": "add_column", "params": {"name": "x", "dataType": "utf8", "nullable": True}}]


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """Whoever is run in the background ignores interrupts, and so would the command line that these tests start."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def idle(tmp_path: Path, database_url: str) -> Iterator[Service]:
    """What is accepted stays pending: there is no worker."""
    made = Service(tmp_path, DATABASE_URL=database_url, SCHEMALEDGER_WORKER_PROCESSES="0").start()
    yield made
    made.stop()


class Running:
    """The command line in a process of its own, and what it has said so far."""

    def __init__(self, url: str, token: str, *arguments: str) -> None:
        environment = {**os.environ, "SCHEMALEDGER_URL": url, "SCHEMALEDGER_TOKEN": token, "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "api.cli.main", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def end(self, number: signal.Signals) -> tuple[int, str]:
        """Interrupted: the exit code, and what was said of it."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, said


def test_what_was_interrupted_goes_on_and_is_followed_again(idle: Service, tmp_path: Path) -> None:
    migration = tmp_path / "migration.json"
    migration.write_text(json.dumps(ADD))
    for table, number in (("one", signal.SIGINT), ("two", signal.SIGTERM)):
        idle.new_table(table, {"id": "int64"})
        asked = ("migrate", f"d.{table}", str(migration), "--idempotency-key", "release-42")
        first = Running(idle.url, idle.token, *asked)
        begun = first.line()
        assert first.line().startswith("pending")
        code, said = first.end(number)
        operation = begun.removeprefix("operation ")
        assert code == 5
        assert f"schemaledger operations follow {operation}" in said
        assert f"schemaledger operations cancel {operation}" in said
        assert "Traceback" not in said
        again = idle.run(*asked, "--timeout", "0")
        assert (again.returncode, again.stdout.splitlines()[0]) == (5, begun)

    followed = Running(idle.url, idle.token, "operations", "follow", operation)
    assert followed.line() == begun
    cancelled = idle.run("operations", "cancel", operation, "--reason", "enough")
    assert cancelled.returncode == 0, cancelled.stderr
    followed.process.communicate(timeout=PATIENCE)
    assert followed.process.returncode == 4
    # Nothing was submitted twice.
    assert len(idle.http.get("/operations").json()["operations"]) == 2


def test_an_interrupted_plan_is_applied_again_by_the_same_command(idle: Service, tmp_path: Path) -> None:
    idle.new_table("planned", {"id": "int64"})
    migration, plan = tmp_path / "migration.json", tmp_path / "plan.json"
    migration.write_text(json.dumps(ADD))
    planned = idle.run("plan", "d.planned", str(migration), "--out", str(plan))
    assert planned.returncode == 0, planned.stderr
    first = Running(idle.url, idle.token, "apply", "--plan", str(plan))
    begun = first.line()
    assert first.line().startswith("pending")
    assert first.end(signal.SIGINT)[0] == 5
    again = idle.run("apply", "--plan", str(plan), "--no-wait")
    assert (again.returncode, f"operation {again.stdout.strip()}") == (5, begun)

    # What goes into a pipe has nothing of a terminal in it, and what is refused is JSON where that is asked for.
    listed, refused = idle.run("operations", "list"), idle.run("operations", "cancel", "nothing", "-o", "json")
    for ran in (planned, again, listed, refused):
        assert "\x1b" not in ran.stdout + ran.stderr
    assert refused.returncode == 1
    assert json.loads(refused.stdout)["code"] == "operation_not_found"
    assert "operation_not_found" in refused.stderr


def test_who_interrupts_before_the_answer_is_told_how_to_find_out(tmp_path: Path) -> None:
    migration, heard = tmp_path / "migration.json", threading.Event()
    migration.write_text(json.dumps(ADD))
    with socket.create_server(("127.0.0.1", 0)) as silent:

        def listen() -> None:
            caller, _ = silent.accept()
            with caller:
                while b"add_column" not in caller.recv(10_000):
                    pass
                heard.set()
                caller.recv(1)

        threading.Thread(target=listen, daemon=True).start()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        running = Running(url, "t", "migrate", "6f3f1c55-5cf4-4c8e-9d0a-0b9f5f4c8a11", str(migration))
        assert heard.wait(PATIENCE)
        code, said = running.end(signal.SIGINT)
    assert code == 5
    assert re.search(r"not known.*--idempotency-key [0-9a-f]{32}", said)
