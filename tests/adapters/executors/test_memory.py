"""What a rewrite really holds, in a process of its own, under a limit that is a fraction of the table."""

from pathlib import Path

from benchmarks.memory import peak_of, write

LIMIT = 128
"""Megabytes."""


def test_a_rewrite_of_a_table_several_times_larger_stays_under_the_limit(tmp_path: Path) -> None:
    place = str(tmp_path / "table.lance")
    write(place, 5 * LIMIT, fragments=32)
    assert peak_of(place, LIMIT) < LIMIT
