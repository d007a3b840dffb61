"""A disk that is full: the operation says so and waits for room, and the table is as it was."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import lance
import pyarrow as pa
import pytest

from api.worker import MAX_ATTEMPTS
from tests.api.test_worker import Bench, bench, files_and_contents
from tests.domain.planning import retype

__all__ = ["bench"]

SIZE = 24 << 20
"""Bytes of the disk."""


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own; skipped where none can be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def fill(place: Path) -> Path:
    """Takes all the room that is left."""
    ballast = place / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(os.urandom(1 << 16)):
                pass
        except OSError:
            pass
    return ballast


def test_without_room_nothing_changes_and_with_room_it_goes_on(bench: Bench, tmp_path: Path) -> None:
    rows = pa.table({"id": range(200_000), "n": range(200_000)})
    lance.write_dataset(rows, bench.location, mode="append")
    operation = bench.submit(retype("n", "int64", "utf8"))
    ballast, before = fill(tmp_path), files_and_contents(bench.location)
    assert bench.worker().work_once()
    seen = bench.operation(operation)
    assert seen.status == "running", seen.error_message
    assert bench.names() == ["id", "n"]
    assert files_and_contents(bench.location) == before

    ballast.unlink()
    assert bench.worker().work_once()
    assert bench.operation(operation).status == "completed"
    assert lance.dataset(bench.location).to_table()["n"].type == pa.utf8()


def test_a_disk_that_stays_full_ends_the_operation_with_a_sentence_that_says_so(bench: Bench, tmp_path: Path) -> None:
    rows = pa.table({"id": range(200_000), "n": range(200_000)})
    lance.write_dataset(rows, bench.location, mode="append")
    operation = bench.submit(retype("n", "int64", "utf8"))
    fill(tmp_path)
    before = files_and_contents(bench.location)
    for _ in range(MAX_ATTEMPTS):
        assert bench.worker().work_once()
    ended = bench.operation(operation)
    assert (ended.status, ended.error_code) == ("failed", "attempts_exhausted")
    assert "No space left on device" in (ended.error_message or "")
    assert files_and_contents(bench.location) == before
