"""Parquet written as it goes, to whoever takes the bytes: no file, and a few megabytes of memory. pyarrow 26."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

MOST_ROWS, MOST_CHARACTERS = 20_000, 16 * 1024 * 1024
"""Of a row group: whichever is reached first."""

Row = Mapping[str, Any]


def parquet_file(columns: Mapping[str, type], batches: Iterable[Sequence[Row]]) -> Iterator[bytes]:
    """The file's bytes in order. ``columns`` are of int, datetime or str; every value may be None."""
    kinds = {int: pa.int64(), datetime: pa.timestamp("us", "UTC"), str: pa.large_utf8()}
    schema = pa.schema([pa.field(name, kinds[kind]) for name, kind in columns.items()])
    sink = _Sink()
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        for rows in _groups(batches):
            writer.write_table(pa.Table.from_pylist(list(rows), schema=schema))
            yield sink.taken()
    yield sink.taken()


def _groups(batches: Iterable[Sequence[Row]]) -> Iterator[Sequence[Row]]:
    group, characters = list[Row](), 0
    for rows in batches:
        group += rows
        characters += sum(len(value) for row in rows for value in row.values() if isinstance(value, str))
        if len(group) >= MOST_ROWS or characters >= MOST_CHARACTERS:
            yield group
            group, characters = [], 0
    if group:
        yield group


class _Sink:
    """A file that only grows, and whose bytes are taken away as they come."""

    closed = False

    def __init__(self) -> None:
        self._pieces, self._size = list[bytes](), 0

    def write(self, piece: bytes) -> int:
        self._pieces.append(bytes(piece))
        self._size += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._size

    def taken(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)

    def flush(self) -> None: ...

    def close(self) -> None: ...
