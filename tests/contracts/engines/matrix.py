"""Every change on every kind of column on every engine, really carried out: what docs/reference/engines.md shows."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from adapters.arrow.values import to_scalar
from adapters.engines.lance_tables.engine import LanceEngine
from adapters.engines.memory.engine import MemoryEngine
from domain.changes.add_column import AddColumn
from domain.changes.add_scalar_index import AddScalarIndex
from domain.changes.add_vector_index import AddVectorIndex
from domain.changes.catalogue import AnyChange
from domain.changes.change import Change, Recovery, Setting
from domain.changes.drop_column import DropColumn
from domain.changes.drop_column_default import DropColumnDefault
from domain.changes.drop_primary_key import DropPrimaryKey
from domain.changes.drop_scalar_index import DropScalarIndex
from domain.changes.drop_vector_index import DropVectorIndex
from domain.changes.restore_column import RestoreColumn
from domain.changes.set_column_default import SetColumnDefault
from domain.changes.set_primary_key import SetPrimaryKey
from domain.column_types import type_names
from domain.engine import EngineProfile, TableStatistics
from domain.errors import Refusal
from domain.plan import Plan, make_plan
from domain.schema import Column, Schema, schema_of
from domain.type_text import parse_type
from tests.contracts.engines.drivers import (
    Driver,
    LanceDriver,
    MemoryDriver,
    Recoveries,
    job_of,
    prepared,
    promised,
    recovery_of,
    shape,
)

ENGINES = {"lance": LanceEngine().profile, "memory": MemoryEngine().profile}
CHANGES: tuple[type[Change], ...] = AnyChange.__args__

KINDS: dict[str, tuple[Any, Any]] = {
    "null": (None, None),
    "bool": (True, False),
    "int8": (1, -2),
    "uint8": (1, 2),
    "int32": (1, -2),
    "int64": (1, -2),
    "uint64": (1, 2),
    "float16": (1.0, -2.0),
    "float32": (1.0, -2.0),
    "float64": (1.0, -2.0),
    "decimal128(9, 2)": ("1.00", "-2.00"),
    "decimal256(40, 2)": ("1.00", "-2.00"),
    "utf8": ("1", "-2"),
    "large_utf8": ("1", "-2"),
    "binary": ("YQ==", "YmM="),
    "large_binary": ("YQ==", "YmM="),
    "fixed_size_binary[2]": ("YWI=", "Y2Q="),
    "date32": ("2026-01-31", "1969-12-31"),
    "date64": ("2026-01-31", "1969-12-31"),
    "time32[ms]": ("01:02:03.004", "23:59:59"),
    "time64[us]": ("01:02:03.004005", "23:59:59"),
    "timestamp[us]": ("2026-01-31T01:02:03", "1969-12-31T00:00:00"),
    "timestamp[us, UTC]": ("2026-01-31T01:02:03Z", "1969-12-31T00:00:00Z"),
    "duration[ms]": (1, -2),
    "list<int32>": ([1, None], []),
    "large_list<utf8>": (["a", None], []),
    "fixed_size_list<float32>[2]": ([1.0, 2.0], [-1.0, 0.5]),
    "fixed_size_list<utf8>[2]": (["a", "b"], ["c", "d"]),
    "struct<a: int32, b: utf8>": ({"a": 1, "b": "x"}, {"a": 2, "b": None}),
    "struct<a: list<struct<b: int8>>>": ({"a": [{"b": 1}]}, {"a": []}),
    "map<utf8, int32>": ([["a", 1]], [["b", None]]),
    "dictionary<int32, utf8>": ("1", "-2"),
}
"""One type of every family, with two values of it as JSON; they are such that a checked cast of them succeeds."""

NEEDED: dict[type[Change], type[Change]] = {
    DropColumnDefault: SetColumnDefault,
    DropPrimaryKey: SetPrimaryKey,
    DropScalarIndex: AddScalarIndex,
    DropVectorIndex: AddVectorIndex,
    RestoreColumn: DropColumn,
}
"""What makes the thing that a change takes away or brings back."""


@dataclass(frozen=True)
class Outcome:
    """What came of one change on one column: done when ``code`` is None, and ``rows`` were there afterwards.

    ``planned``: refused before anything ran.
    """

    code: str | None = None
    message: str = ""
    planned: bool = False
    rows: tuple[dict[str, Any], ...] = ()


def outcomes(engine: str, data_type: str, folder: Path) -> Iterator[tuple[str, Outcome]]:
    """Each change's wire name and what came of it, on tables of their own in an empty ``folder``."""
    first, second = KINDS[data_type]
    arrow = parse_type(data_type)
    column = Column(id=2, name="value", data_type=data_type)
    if type_names(arrow) & ENGINES[engine].unsupported_types:
        # No such column can be there: what adding one says is what is to be said of each change.
        refused = _planned(AddColumn.trial(column, first), _schema(), ENGINES[engine], 0)
        assert isinstance(refused, Outcome)
        yield from ((name_of(kind), refused) for kind in CHANGES)
        return
    rows = [{"id": number, "value": value} for number, value in enumerate([first, second, None])]
    for row in rows:
        row["value"] = to_scalar(row["value"], arrow).as_py()
    full, keyed = (_made(engine, folder / name, column, part) for name, part in (("full", rows), ("keyed", rows[:2])))
    for kind in CHANGES:
        # Keys hold no null; everything else must do right by one.
        base = keyed if kind in (SetPrimaryKey, DropPrimaryKey) else full
        yield name_of(kind), _outcome(_copied(base, folder / name_of(kind)), kind, column, first)


def all_outcomes(engine: str) -> dict[str, dict[str, Outcome]]:
    """By type and by change, in the order of the page."""
    found = dict[str, dict[str, Outcome]]()
    for data_type in KINDS:
        with TemporaryDirectory(prefix="schemaledger-matrix-") as folder:
            found[data_type] = dict(outcomes(engine, data_type, Path(folder)))
    return found


def name_of(kind: type[Change]) -> str:
    return str(kind.__struct_config__.tag)


def _outcome(driver: Driver, kind: type[Change], column: Column, value: Any) -> Outcome:
    schema, recoveries = _schema(column), dict[tuple[int, str], Recovery]()
    if (first := NEEDED.get(kind)) is not None:
        done = _carried_out(driver, first.trial(column, value), schema, {})
        if isinstance(done, Outcome):
            return done
        schema, version = done
        if kind is RestoreColumn:
            recoveries[1, column.name] = recovery_of(driver, _schema(column), column.name, version)
    done = _carried_out(driver, kind.trial(column, value), schema, recoveries)
    return done if isinstance(done, Outcome) else Outcome(rows=tuple(driver.read().to_pylist()))


def _carried_out(
    driver: Driver, change: Change, schema: Schema, recoveries: Recoveries
) -> tuple[Schema, str] | Outcome:
    """The schema afterwards and the engine's version that shows it, or what refused."""
    rows = driver.engine.inspect(driver.location).statistics.rows
    plan = _planned(change, schema, driver.engine.profile, rows, recoveries)
    if isinstance(plan, Outcome):
        return plan
    job = job_of(driver, plan)
    try:
        version = driver.engine.publish(job, prepared(driver, job))
    except Refusal as refusal:
        return Outcome(refusal.code, str(refusal))
    assert shape(driver) == promised(plan.target)
    assert driver.read().num_rows == rows
    return plan.target, version


def _planned(
    change: Change, schema: Schema, profile: EngineProfile, rows: int, recoveries: Recoveries | None = None
) -> Plan | Outcome:
    setting = Setting(profile=profile, statistics=TableStatistics(rows=rows), recoveries=recoveries or {})
    plan = make_plan([change], schema, 1, setting)  # type: ignore[list-item]
    if plan.violations:
        return Outcome(plan.violations[0].code, plan.violations[0].message, planned=True)
    return plan


def _schema(*more: Column) -> Schema:
    return schema_of((Column(id=1, name="id", data_type="int64", nullable=False), *more))


def _made(engine: str, folder: Path, column: Column, rows: list[dict[str, Any]]) -> Driver:
    """A table ``id``, ``value`` with those rows."""
    driver: Driver = LanceDriver(folder) if engine == "lance" else MemoryDriver()
    driver.engine.create(driver.location, _schema(column))
    driver.append(rows)
    return driver


def _copied(driver: Driver, folder: Path) -> Driver:
    if isinstance(driver, LanceDriver):
        shutil.copytree(Path(driver.location).parent, folder)
        return LanceDriver(folder)
    copy = MemoryDriver()
    copy.engine.create(copy.location, driver.engine.inspect(driver.location).schema)
    copy.engine.write(copy.location, driver.read())
    return copy
