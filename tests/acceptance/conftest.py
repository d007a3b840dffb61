"""The real command line and real processes, over a database and a data folder of the test's own."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.conftest import fresh_database

PATIENCE = 60.0
"""Seconds after which something that should have happened is taken never to happen."""


class Service:
    """``schemaledger serve``, started with the settings given."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.data_dir, self.database_url = folder / "data", environment.get("DATABASE_URL", "")
        self._environment = {
            **{name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
            "SCHEMALEDGER_DATA_DIR": str(self.data_dir),
            "SCHEMALEDGER_PORT": "0",
            "PYTHONWARNINGS": "error",
            **environment,
        }
        self.lines: list[str] = []

    def start(self) -> "Service":
        self.process = subprocess.Popen(
            [sys.executable, "-m", "api.cli.main", "serve"],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        wait_for(lambda: any("ready at" in line for line in self.lines) or self.process.poll() is not None)
        announced = [line for line in self.lines if "ready at" in line]
        assert announced, "".join(self.lines)
        self.url = announced[0].split("ready at ")[1].split()[0]
        self.token = (self.data_dir / "token").read_text().strip()
        self.http = httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {self.token}"}, timeout=PATIENCE)
        return self

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(iter(self.process.stdout.readline, ""))

    def stop(self, number: int = signal.SIGINT) -> None:
        self.http.close()
        self.process.send_signal(number)
        self.process.wait(PATIENCE)
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def new_table(self, name: str, fields: dict[str, str]) -> dict[str, Any]:
        described = [{"name": field, "arrowType": data_type} for field, data_type in fields.items()]
        answer = self.http.post("/dataset-tables", json={"datasetId": "d", "tableName": name, "fields": described})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def migrate(self, table_id: str, *operations: dict[str, Any]) -> str:
        answer = self.http.post(f"/dataset-tables/{table_id}/migrations", json={"operations": list(operations)})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["operationId"])

    def finished(self, operation_id: str) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            seen = self.http.get(f"/operations/{operation_id}", params={"wait": 5})
            assert seen.status_code == 200, seen.text
            if seen.json()["status"] in ("completed", "failed", "cancelled"):
                return dict(seen.json())
        raise AssertionError(f"operation {operation_id} has not ended: {seen.text}")

    def run(self, *arguments: str, given: str | None = None) -> "subprocess.CompletedProcess[str]":
        """The command line against this service."""
        environment = {**self._environment, "SCHEMALEDGER_URL": self.url}
        command = [sys.executable, "-m", "api.cli.main", *arguments]
        return subprocess.run(command, env=environment, input=given, capture_output=True, text=True, check=False)


def wait_for(condition: Any, seconds: float = PATIENCE) -> None:
    """Returns once the condition holds; fails when it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


def children_of(pid: int) -> list[int]:
    """Process ids of a process's children, from /proc."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            if int(stat.rpartition(")")[2].split()[1]) == pid:
                found.append(int(entry.name))
    return found


@contextmanager
def serving(folder: Path, database_url: str, *, apis: int, workers: int) -> Iterator[Service]:
    """So many processes on the run's PostgreSQL, until the end of the context."""
    made = Service(
        folder,
        DATABASE_URL=database_url,
        SCHEMALEDGER_API_PROCESSES=str(apis),
        SCHEMALEDGER_WORKER_PROCESSES=str(workers),
    ).start()
    try:
        yield made
    finally:
        if made.process.poll() is None:
            made.stop()


@pytest.fixture
def own_service(tmp_path: Path, database_url: str) -> Iterator[Service]:
    """Two API and two worker processes for a test that asks for all there is, or leaves something behind."""
    with serving(tmp_path, database_url, apis=2, workers=2) as made:
        yield made


@pytest.fixture(scope="session")
def service_of_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with fresh_database() as url, serving(tmp_path_factory.mktemp("service"), url, apis=2, workers=2) as made:
        yield made


@pytest.fixture
def service(service_of_all: Service) -> Service:
    """Two API and two worker processes that many tests share: each has tables of names of its own, and leaves no work."""
    assert service_of_all.process.poll() is None
    return service_of_all


@pytest.fixture(scope="session")
def idle_service_of_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with fresh_database() as url, serving(tmp_path_factory.mktemp("idle"), url, apis=1, workers=0) as made:
        yield made


@pytest.fixture
def workerless(idle_service_of_all: Service) -> Service:
    """As ``service``, but for one process of the API alone: what is accepted stays pending until a test starts a worker."""
    assert idle_service_of_all.process.poll() is None
    return idle_service_of_all


def positions(database_url: str) -> list[int]:
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT notification_id FROM stored_events ORDER BY 1").fetchall()
    return [row[0] for row in rows]
