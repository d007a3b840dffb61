"""What needs Arrow and is seldom the first thing asked for: Arrow is imported when it is asked for, not before."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from domain.schema import Schema


def ipc_schema(schema: Schema) -> bytes:
    from adapters.arrow import types

    return types.ipc_schema(schema)


def parquet_file(columns: Mapping[str, type], batches: Iterable[Sequence[Mapping[str, Any]]]) -> Iterator[bytes]:
    from adapters.arrow import parquet

    return parquet.parquet_file(columns, batches)
