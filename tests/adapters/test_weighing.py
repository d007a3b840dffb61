"""What a row holds is told by its types where they say so: a single value of some would not fit into memory."""

from pathlib import Path

import lance
import pyarrow as pa
import pytest

from adapters.engines.lance_tables.weighing import sampled_width

MOST = 2**31 - 1


@pytest.mark.parametrize(
    ("data_type", "width"),
    [
        (pa.int64(), 8),
        (pa.list_(pa.float32(), 3), 12),
        (pa.list_(pa.float32(), MOST), 4 * MOST),
        (pa.list_(pa.list_(pa.int8(), 2), MOST), 2 * MOST),
        (pa.list_(pa.utf8(), MOST), 4 * MOST),
        (pa.binary(MOST), MOST),
        (pa.struct([("a", pa.int16()), ("b", pa.list_(pa.float64(), 2))]), 18),
        (pa.struct([("a", pa.utf8()), ("b", pa.list_(pa.float32(), MOST))]), 4 * MOST),
    ],
    ids=str,
)
def test_the_width_of_a_type_is_known_without_reading_a_value(
    data_type: pa.DataType, width: int, tmp_path: Path
) -> None:
    lance.write_dataset(pa.table({"id": [1, 2]}), tmp_path / "t.lance")
    table = lance.dataset(tmp_path / "t.lance")
    table.add_columns(pa.field("x", data_type))
    assert sampled_width(table, ["x"]) == width
