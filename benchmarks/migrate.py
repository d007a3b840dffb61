"""A migration of add (default), cast, rename and drop beside the same calls in plain pylance, one after another.

Rows and values are compared afterwards; plain pylance leaves four versions where the migration leaves one.
"""

import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import lance
import msgspec
import pyarrow as pa

from adapters.engines.lance_tables.engine import LanceEngine
from benchmarks.measure import Result, in_turns
from domain.changes.catalogue import AnyChange
from domain.changes.change import Setting
from domain.engine import Job
from domain.plan import make_plan

ROWS, FRAGMENTS = 10_000_000, 20
OPERATIONS = b"""[
 {"type": "add_column", "params": {"name": "source", "dataType": "utf8", "nullable": true, "defaultValue": "import"}},
 {"type": "change_column_type", "params": {"name": "n", "oldType": "int32", "newType": "int64"}},
 {"type": "rename_column", "params": {"oldName": "name", "newName": "label"}},
 {"type": "drop_column", "params": {"name": "gone"}}]"""


def measure() -> Result:
    with tempfile.TemporaryDirectory() as folder:
        original, ours, peer = (Path(folder) / name for name in ("original", "ours", "peer"))
        rows = pa.table(
            {
                "id": pa.array(range(ROWS), pa.int64()),
                "n": pa.array((i % 1000 for i in range(ROWS)), pa.int32()),
                "name": pa.array(f"n{i % 977}" for i in range(ROWS)),
                "gone": pa.nulls(ROWS, pa.float64()),
            }
        )
        lance.write_dataset(rows, original, max_rows_per_file=ROWS // FRAGMENTS)
        seconds = in_turns(lambda: _ours(original, ours), lambda: _peer(original, peer))
        _compare(ours, peer)
        met = seconds[0] <= 1.1 * seconds[1]
        return Result("migrate", *seconds, "plain pylance, four versions", "s", "at most 1.1 x, one version", met)


def _fresh(original: Path, place: Path) -> str:
    # Both sides begin with the same copy; hard links would share what neither may touch.
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(original, place)
    return str(place)


def _ours(original: Path, place: Path) -> None:
    location, engine = _fresh(original, place), LanceEngine()
    found = engine.inspect(location)
    setting = Setting(profile=engine.profile, statistics=found.statistics)
    plan = make_plan(msgspec.json.decode(OPERATIONS, type=list[AnyChange]), found.schema, 1, setting)
    job = Job(
        migration_id=uuid4(),
        table_id=uuid4(),
        location=location,
        source=plan.source,
        target=plan.target,
        steps=plan.steps,
    )
    units = engine.units(job, {})
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        done = list(pool.map(lambda unit: engine.prepare(job, unit, {}), units))
    engine.publish(job, {unit.name: outcome for unit, outcome in zip(units, done, strict=True)})


def _peer(original: Path, place: Path) -> None:
    table = lance.dataset(_fresh(original, place))
    table.add_columns({"source": "'import'"})
    table.alter_columns({"path": "n", "data_type": pa.int64()})
    table.alter_columns({"path": "name", "name": "label"})
    table.drop_columns(["gone"])


def _compare(ours: Path, peer: Path) -> None:
    one, other = lance.dataset(str(ours)), lance.dataset(str(peer))
    columns = ["id", "n", "label", "source"]
    # Column by column: plain pylance makes the new column not nullable by itself.
    for column in columns:
        assert one.to_table(columns=[column])[column].equals(other.to_table(columns=[column])[column])
    assert (one.version, other.version) == (2, 5)
