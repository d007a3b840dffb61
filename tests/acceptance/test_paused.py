"""A worker stopped by SIGSTOP right before its commit wakes up when others have ended its operation: it changes nothing."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import lance
import psycopg
import pyarrow as pa
import pytest

from api.worker import MAX_ATTEMPTS
from tests.acceptance.conftest import Service, wait_for
from tests.domain.planning import add, index, rename

COLUMNS = {"id": "int64", "n": "int64"}
SCHEMA = pa.schema([("id", pa.int64()), ("n", pa.int64())])
MIGRATIONS = {
    "files": (add("x", defaultValue="y"),),
    "schema": (rename("id", "key"),),
    "index": (index("n", name="by_n"),),
}


@pytest.mark.parametrize("operations", MIGRATIONS.values(), ids=MIGRATIONS)
def test_what_has_failed_meanwhile_is_not_published_by_a_worker_that_wakes_up(
    workerless: Service, operations: tuple[dict[str, Any], ...]
) -> None:
    environment = {**workerless._environment, "SCHEMALEDGER_PORT": "1"}
    paused = worker = None
    try:
        table = workerless.new_table(f"paused_{uuid4().hex}", COLUMNS)
        location = table["location"]
        append(location, {"id": 1, "n": 1})
        operation = workerless.migrate(table["tableId"], *operations)
        module = [sys.executable, "-m", "tests.acceptance.crashing_worker", "paused"]
        paused = subprocess.Popen(module, env=environment, stderr=subprocess.DEVNULL)
        wait_for(lambda: state_of(paused.pid) == "T")

        # Whoever takes over finds that there were too many attempts, and gives up.
        with psycopg.connect(workerless.database_url) as connection:
            connection.execute("UPDATE operation_leases SET failures = %s", (MAX_ATTEMPTS,))
        command = [sys.executable, "-m", "api.cli.main", "worker"]
        worker = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        ended = workerless.finished(operation)
        assert (ended["status"], ended["error"]["code"]) == ("failed", "attempts_exhausted")

        paused.send_signal(signal.SIGCONT)
        assert paused.wait(60) == 0
        now = lance.dataset(location)
        assert now.schema.names == ["id", "n"]
        assert now.describe_indices() == []
        assert now.to_table().to_pylist() == [{"id": 1, "n": 1}]
        assert workerless.http.get(f"/operations/{operation}").json()["status"] == "failed"
        assert not workerless.http.get(f"/dataset-tables/{table['tableId']}/drift").json()["drifted"]
    finally:
        for process in (paused, worker):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()


def append(location: str, row: dict[str, Any]) -> None:
    lance.write_dataset(pa.Table.from_pylist([row], schema=SCHEMA), location, mode="append")


def state_of(pid: int) -> str:
    """T: stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
