"""Processes count in files on a disk that may be full, and may be killed: nobody dies of it, and no count is lost."""

import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from api.counting_files import INITIAL_BYTES, WholeFile, keep_counts_of
from api.shared_counts import begin_to_share
from tests.api.test_full_disk import fill, tmp_path

__all__ = ["tmp_path"]

COUNTING = """
import os, sys
from api.shared_counts import SHARED
os.environ[SHARED] = sys.argv[1]
from api.metrics import OWN, REQUESTS
for number in range(int(sys.argv[2])):
    REQUESTS.labels("GET", f"/route/{number}" + "x" * 200, "200").inc()
print(os.getpid())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    begin_to_share(tmp_path / "metrics")
    return tmp_path / "metrics"


def count(folder: Path, times: int) -> int:
    """The number of the process that counted; it has ended."""
    command = [sys.executable, "-c", COUNTING, str(folder), str(times)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return int(ran.stdout)


def total(folder: Path) -> float:
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call]
    (requests,) = (metric for metric in registry.collect() if metric.name == "schemaledger_http_requests")
    return sum(sample.value for sample in requests.samples)


def test_a_process_that_counts_on_a_full_disk_lives(folder: Path, tmp_path: Path) -> None:
    first = count(folder, 3)
    assert total(folder) == 3
    ballast = fill(tmp_path)
    # One that begins then has no room at all; one that has begun finds none for more.
    count(folder, 2_000)
    assert total(folder) == 3
    ballast.unlink()
    whole = WholeFile(str(folder / f"counter_{first}.db"))
    ballast = fill(tmp_path)
    keys = [f"key {number} {'x' * 1_000}" for number in range(2 * INITIAL_BYTES // 1_000)]
    for key in keys:
        whole.write_value(key, 1.0, 0.0)
    assert not whole.holds(keys[-1])
    ballast.unlink()
    whole.write_value(keys[-1], 2.0, 0.0)
    assert whole.read_value(keys[-1])[0] == 2.0
    whole.close()  # type: ignore[no-untyped-call]


def test_what_ended_processes_counted_is_kept_in_one_file(folder: Path) -> None:
    for _ in range(3):
        keep_counts_of(folder, count(folder, 5))
    assert total(folder) == 15
    assert sorted(path.name for path in folder.glob("counter_*")) == ["counter_ended.db"]


def test_others_on_the_machine_see_nothing_of_it(folder: Path) -> None:
    count(folder, 1)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
