"""What a rewrite really holds, in a process of its own, under a limit that is a fraction of the table."""

from pathlib import Path

import pytest

from api.settings import LEAST_MEMORY
from benchmarks.memory import MB, peak_of, write

LEAST = LEAST_MEMORY // MB


@pytest.mark.parametrize(
    ("limit", "size", "fragments"), [(128, 5 * 128, 32), (LEAST, 2 * LEAST, 1)], ids=["many fragments", "one fragment"]
)
def test_a_rewrite_of_a_table_several_times_larger_stays_under_the_limit(
    tmp_path: Path, limit: int, size: int, fragments: int
) -> None:
    place = str(tmp_path / "table.lance")
    write(place, size, fragments)
    assert peak_of(place, limit) < limit
