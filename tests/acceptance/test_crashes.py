"""Killed with -9 at any point: a new worker ends the operation rightly, and the table has the new schema once."""

import signal
import subprocess
import sys

import lance
import pyarrow as pa
import pytest

from tests.acceptance.conftest import Service
from tests.domain.planning import add, drop, rename, retype

FOUR_CHANGES = (
    add("source", nullable=False, position=1, defaultValue="import"),
    retype("n", "int64", "int32"),
    rename("name", "label"),
    drop("gone"),
)
ROWS, FRAGMENTS = 2_000, 20


@pytest.mark.parametrize("point", ["prepare", "before_publish", "after_publish"])
def test_a_worker_killed_in_the_middle_is_followed_by_one_that_finishes(workerless: Service, point: str) -> None:
    fields = {"id": "int64", "n": "int64", "name": "utf8", "gone": "bool"}
    table = workerless.new_table(f"killed_{point}", fields)
    location = table["location"]
    rows = [{"id": i, "n": i % 7, "name": f"n{i}", "gone": True} for i in range(ROWS)]
    for start in range(0, ROWS, ROWS // FRAGMENTS):
        part = rows[start : start + ROWS // FRAGMENTS]
        lance.write_dataset(pa.Table.from_pylist(part, schema=lance.dataset(location).schema), location, mode="append")
    before = lance.dataset(location).version
    operation = workerless.migrate(table["tableId"], *FOUR_CHANGES)

    environment = {**workerless._environment, "SCHEMALEDGER_PORT": "1"}
    doomed = subprocess.run(
        [sys.executable, "-m", "tests.acceptance.crashing_worker", point],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert doomed.returncode == -signal.SIGKILL, doomed.stderr
    expected = before + 1 if point == "after_publish" else before
    assert lance.dataset(location).version == expected
    assert workerless.http.get(f"/operations/{operation}").json()["status"] == "running"

    worker = subprocess.Popen(
        [sys.executable, "-m", "api.cli.main", "worker"], env=environment, stderr=subprocess.DEVNULL
    )
    try:
        done = workerless.finished(operation)
    finally:
        worker.terminate()
        worker.wait()
    assert done["status"] == "completed"
    now = lance.dataset(location)
    assert now.version == before + 1
    assert now.schema.names == ["id", "source", "n", "label"]
    assert now.to_table().to_pylist() == [
        {"id": row["id"], "source": "import", "n": row["n"], "label": row["name"]} for row in rows
    ]
    versions = workerless.http.get(f"/dataset-tables/{table['tableId']}/schema").headers["etag"]
    assert versions == '"v2"'
