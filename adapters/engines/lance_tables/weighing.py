"""What a unit holds in memory, measured on a few rows, and batches that stay small where rows are wide. pylance 14."""

import os
from collections.abc import Sequence

import lance
import pyarrow as pa

MOST_ROWS_OF_A_BATCH = 65_536
"""Fewer turns between Lance and us than with its own 8,192."""
BYTES_OF_A_BATCH = 8 << 20
"""What the rows of one batch hold at most, read and written values together; a row wider than that goes alone."""

READ_AHEAD_OF_A_THREAD = 32 << 20
READING_THREADS = "LANCE_IO_THREADS"
USUAL_THREADS = 8
"""What Lance holds beside our batches while it streams a fragment of any size (benchmarks/memory.py)."""
READ_AHEAD_OF_A_COLUMN = 48 << 20
"""And for each column: pages read ahead, decoded, and gathered until they are written."""
BATCHES_AT_ONCE = 4
SAMPLED_ROWS = 16
LEAST_OF_AN_ITEM = 4
"""Bytes of a value of any length in a list: that of its offset."""
WORKING_COPIES = 3
"""Sorting or grouping holds the values, their order and the outcome."""
MOST_OF_AN_INDEX = 1 << 30
"""Beyond that Lance spills to disk."""


def rows_of_a_batch(width: float) -> int:
    """``width`` is in bytes of one row."""
    return max(1, min(MOST_ROWS_OF_A_BATCH, int(BYTES_OF_A_BATCH / max(width, 1))))


def sampled_width(table: lance.LanceDataset, columns: Sequence[str]) -> float:
    """Bytes of a row's values in those columns: by their type, or by some rows from all over the table.

    0 for a table without rows.
    """
    rows = sum(fragment.metadata.num_rows for fragment in table.get_fragments())
    if not rows:
        return 0.0
    widths = {name: _fixed_width(table.schema.field(name).type) for name in columns}
    known = sum(width for width in widths.values() if width is not None)
    unknown = [name for name, width in widths.items() if width is None]
    if not unknown:
        return known
    count = min(rows, SAMPLED_ROWS)
    sample = table.take([number * rows // count for number in range(count)], columns=unknown)
    return known + float(sample.nbytes) / count


def _fixed_width(data_type: pa.DataType) -> float | None:
    """Bytes of every value of a type; None where they differ, or where a type does not say.

    A type that is too wide for a sample is told by what its values take at least.
    """
    if isinstance(data_type, pa.BaseExtensionType):
        data_type = data_type.storage_type
    if pa.types.is_dictionary(data_type):
        # It says how wide the indices are.
        return None
    if pa.types.is_fixed_size_binary(data_type):
        # In bits, the widest do not fit into what the library counts with.
        return float(data_type.byte_width)
    if pa.types.is_struct(data_type):
        widths = [_fixed_width(field.type) for field in data_type]
        known = sum(width for width in widths if width is not None)
        return known if None not in widths or known > BYTES_OF_A_BATCH else None
    if pa.types.is_fixed_size_list(data_type):
        item = _fixed_width(data_type.value_type)
        whole = data_type.list_size * (LEAST_OF_AN_ITEM if item is None else item)
        return whole if item is not None or whole > BYTES_OF_A_BATCH else None
    try:
        return float(data_type.bit_width) / 8
    except ValueError:
        return None


def streaming(rows: int, width: float, columns: int) -> int:
    """Bytes held by reading and writing so many rows of so many columns batch by batch."""
    ahead = int(os.environ.get(READING_THREADS) or USUAL_THREADS) * READ_AHEAD_OF_A_THREAD
    at_most = ahead + columns * READ_AHEAD_OF_A_COLUMN + BATCHES_AT_ONCE * rows_of_a_batch(width) * width
    return round(min(rows * width * WORKING_COPIES, at_most))


def sorting(rows: int, width: float) -> int:
    """Bytes held by looking at all values at once; ``width`` without the 8 bytes of a row's address."""
    return round(rows * (width + 8) * WORKING_COPIES)


def indexing(rows: int, width: float) -> int:
    """Bytes held by the build of an index."""
    return min(sorting(rows, width), MOST_OF_AN_INDEX)
