"""Whether rows are told apart by some columns: looked at over all rows of a table at once."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from adapters.arrow.cooking import MOST_EXAMPLES, shown
from domain.errors import DuplicateKeys

Batch = Sequence[pa.Array]
"""The key's columns of some rows, in the key's order."""


def refuse_duplicates(names: Sequence[str], batches: Sequence[Batch]) -> None:
    """Raises DuplicateKeys, with examples and their rows, when two rows agree in all columns.

    Holds the key's columns of all rows in memory, and about as much again for the groups.
    """
    if not batches:
        return
    columns = [pa.chunked_array([batch[number] for batch in batches]) for number in range(len(names))]
    rows = len(columns[0])
    keys = [f"key{number}" for number in range(len(names))]
    table = pa.table([*columns, pa.array(range(rows), pa.int64())], names=[*keys, "row"])
    groups = table.group_by(keys, use_threads=False).aggregate([("row", "count"), ("row", "min"), ("row", "max")])
    doubled = groups.filter(pc.greater(groups["row_count"], 1)).sort_by("row_min")
    if doubled.num_rows:
        count = pc.sum(doubled["row_count"]).as_py()
        raise DuplicateKeys(", ".join(names), count, rows, "; ".join(_examples(doubled, keys)))


def _examples(doubled: pa.Table, keys: Sequence[str]) -> list[str]:
    examples = []
    for row in range(min(doubled.num_rows, MOST_EXAMPLES)):
        values = ", ".join(shown(doubled[key][row]) for key in keys)
        first, last = doubled["row_min"][row].as_py(), doubled["row_max"][row].as_py()
        examples.append(f"rows {first} and {last} hold {values}")
    return examples
