"""Tables with an index of each type, and what a plain reader is answered by it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lance
import pyarrow as pa

from domain.schema import Schema
from tests.contracts.engines.drivers import LanceDriver

ROWS = 300
FRAGMENT = 100
VECTOR = "fixed_size_list<float32>[8]"


@dataclass(frozen=True)
class Kind:
    """A type of index, the column it is put on, another type that column can go to, and how it is asked.

    ``ask`` gives the ids found and whether the index was used.
    """

    index_type: str
    column: str
    other_type: str
    ask: Callable[[lance.LanceDataset, str], tuple[list[int], bool]]
    expected: Callable[[int], bool] | None


def _by_filter(text: str) -> Callable[[lance.LanceDataset, str], tuple[list[int], bool]]:
    def ask(table: lance.LanceDataset, column: str) -> tuple[list[int], bool]:
        scanner = table.scanner(columns=["id"], filter=text.format(column))
        used = "ScalarIndexQuery" in scanner.explain_plan()
        return sorted(scanner.to_table().column("id").to_pylist()), used

    return ask


def _by_words(table: lance.LanceDataset, column: str) -> tuple[list[int], bool]:
    query = lance.query.MatchQuery("fox", column)
    found = table.to_table(columns=["id"], full_text_query=query)
    # Without an index on the column the query is refused.
    return sorted(found.column("id").to_pylist()), True


def _by_nearness(table: lance.LanceDataset, column: str) -> tuple[list[int], bool]:
    scanner = table.scanner(columns=["id"], nearest={"column": column, "q": vector(7), "k": 3, "nprobes": 50})
    used = "ANN" in scanner.explain_plan()
    return sorted(scanner.to_table().column("id").to_pylist()), used


def vector(number: int) -> list[float]:
    return [float((number * step) % 61) for step in range(1, 9)]


NUMBER = _by_filter("{} = 7")
SCALAR = (
    *(Kind(kind, "number", "int64", NUMBER, lambda n: n % 50 == 7) for kind in ("btree", "bitmap", "zonemap")),
    Kind("bloomfilter", "number", "int64", NUMBER, lambda n: n % 50 == 7),
    Kind("inverted", "words", "large_utf8", _by_words, lambda n: n % 3 == 0),
    Kind("ngram", "words", "large_utf8", _by_filter("contains({}, 'fox')"), lambda n: n % 3 == 0),
    Kind("label_list", "labels", "large_list<int64>", _by_filter("array_has_any({}, [2])"), lambda n: n % 5 == 2),
)
VECTORS = tuple(
    Kind(kind, "v", "fixed_size_list<float16>[8]", _by_nearness, None)
    for kind in ("ivf_flat", "ivf_sq", "ivf_pq", "ivf_hnsw_flat", "ivf_hnsw_sq", "ivf_hnsw_pq")
)
KINDS = {kind.index_type: kind for kind in (*SCALAR, *VECTORS)}


def rows(first: int, count: int) -> pa.Table:
    numbers = range(first, first + count)
    return pa.table(
        {
            "id": pa.array(numbers, pa.int64()),
            "number": pa.array([n % 50 for n in numbers], pa.int32()),
            "words": [f"a quick fox {n}" if n % 3 == 0 else f"lazy dogs {n}" for n in numbers],
            "labels": pa.array([[n % 5] for n in numbers], pa.list_(pa.int64())),
            "v": pa.array([vector(n) for n in numbers], pa.list_(pa.float32(), 8)),
            "s": [{"number": n % 50, "words": "fox" if n % 3 == 0 else "dog"} for n in numbers],
        }
    )


def table_of_rows(folder: Path, count: int = ROWS) -> LanceDriver:
    """Rows in fragments of a hundred, some of them deleted."""
    driver = LanceDriver(folder)
    lance.write_dataset(rows(0, count), driver.location, max_rows_per_file=FRAGMENT)
    lance.dataset(driver.location).delete("id in (7, 8, 9, 150)")
    return driver


def known(driver: LanceDriver) -> Schema:
    """The table as it is, as a log would know it."""
    return driver.engine.inspect(driver.location).schema


def answers(driver: LanceDriver, kind: Kind, column: str | None = None) -> None:
    """Holds the answer of the index against the rows themselves, and that it was the index that gave it."""
    table = lance.dataset(driver.location)
    found, used = kind.ask(table, column or kind.column)
    ids = table.to_table(columns=["id"]).column("id").to_pylist()
    assert used, "the index is not used"
    if kind.expected is not None:
        assert found == [n for n in ids if kind.expected(n)]
    else:
        assert len(found) == 3
        assert set(found) <= set(ids)


def statistics(driver: LanceDriver, name: str) -> Any:
    return lance.dataset(driver.location).stats.index_stats(name)
