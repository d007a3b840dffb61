"""What rewriting a table holds in memory, in a process of its own: ``python -m benchmarks.memory [MB] [limit]``.

Tables of wide rows (a vector of 256 floats, a text of 500 bytes) are cast (vectors to half the width, texts to large
ones) by ``LocalExecutor`` under a limit: once in many fragments, and once as a single one. The peak is the process's
VmHWM above what it held before the first unit.
"""

import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import wait
from pathlib import Path
from subprocess import run
from uuid import uuid4

import lance
import msgspec
import numpy as np
import pyarrow as pa

from adapters.engines.lance_tables.engine import LanceEngine
from adapters.executors.local import LocalExecutor, be_frugal
from domain.changes.catalogue import AnyChange
from domain.changes.change import Setting
from domain.engine import Job
from domain.plan import make_plan

MB = 1 << 20
WIDTH = 256 * 4 + 500
OPERATIONS = b"""[
 {"type": "change_column_type", "params":
  {"name": "v", "oldType": "fixed_size_list<float32>[256]", "newType": "fixed_size_list<float64>[256]"}},
 {"type": "change_column_type", "params": {"name": "t", "oldType": "utf8", "newType": "large_utf8"}},
 {"type": "rename_column", "params": {"oldName": "id", "newName": "key"}}]"""


def write(place: str, megabytes: int, fragments: int) -> None:
    """A table of about so many megabytes."""
    rows = megabytes * MB // WIDTH

    def batches() -> Iterator[pa.RecordBatch]:
        random = np.random.default_rng(1)
        for first in range(0, rows, 10_000):
            count = min(10_000, rows - first)
            letters = random.integers(97, 122, size=count * 500, dtype=np.uint8).tobytes()
            offsets = np.arange(count + 1, dtype=np.int32) * 500
            texts = pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(letters))
            values = pa.array(random.random(count * 256, dtype=np.float32))
            vectors = pa.FixedSizeListArray.from_arrays(values, 256)
            yield pa.record_batch({"id": pa.array(np.arange(first, first + count)), "v": vectors, "t": texts})

    stream = batches()
    first = next(stream)
    reader = pa.RecordBatchReader.from_batches(first.schema, (batch for part in ([first], stream) for batch in part))
    lance.write_dataset(reader, place, max_rows_per_file=-(-rows // fragments), max_bytes_per_file=1 << 42)


def peak_of(place: str, limit: int, threads: int = 4) -> int:
    """Megabytes that a rewrite under a limit of so many holds, in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.memory", "--rewrite", place, str(limit), str(threads)]
    return int(run(command, check=True, capture_output=True, text=True).stdout)


def _rewrite(place: str, limit: int, threads: int) -> int:
    be_frugal(limit * MB)
    engine = LanceEngine()
    found = engine.inspect(place)
    setting = Setting(profile=engine.profile, statistics=found.statistics)
    plan = make_plan(msgspec.json.decode(OPERATIONS, type=list[AnyChange]), found.schema, 1, setting)
    job = Job(
        migration_id=uuid4(),
        table_id=uuid4(),
        location=place,
        source=plan.source,
        target=plan.target,
        steps=plan.steps,
    )
    units = engine.units(job, {})
    before = _status("VmRSS")
    preparing = LocalExecutor(threads, limit * MB).begin(engine, job)
    futures = [preparing.submit(unit, {}) for unit in units]
    wait(futures)
    preparing.close(wait=True)
    engine.publish(job, {unit.name: future.result() for unit, future in zip(units, futures, strict=True)})
    return (_status("VmHWM") - before) // 1024


def _status(name: str) -> int:
    """In kB."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{name}:")]
    return int(line.split()[1])


def main(megabytes: int = 2_048, limit: int = 512) -> None:
    for fragments in (16, 1):
        with tempfile.TemporaryDirectory() as folder:
            place = f"{folder}/table.lance"
            write(place, megabytes, fragments)
            peak = peak_of(place, limit)
            print(f"{megabytes} MB in {fragments} fragments, limit {limit} MB: peak {peak} MB")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--rewrite"]:
        print(_rewrite(sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
    else:
        main(*map(int, sys.argv[1:]))
