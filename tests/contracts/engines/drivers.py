"""Each engine with what a test needs beside it: writing as another writer would, reading, counting versions."""

from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import lance
import pyarrow as pa

from adapters.engines.lance_tables.engine import LanceEngine
from adapters.engines.memory.engine import MemoryEngine
from domain.changes.change import Recovery, Setting
from domain.drift import difference
from domain.engine import Job, TableEngine
from domain.plan import Plan, make_plan
from domain.schema import Column, Schema, schema_of
from tests.domain.planning import changes_of


class Driver(Protocol):
    engine: TableEngine
    location: str

    def append(self, rows: list[dict[str, Any]], fragments: int = 1) -> None: ...

    def read(self) -> pa.Table: ...

    def version_count(self) -> int: ...

    def restarted(self) -> "Driver":
        """The same table seen by a process that knows nothing of what was done before."""


class LanceDriver:
    def __init__(self, folder: Path) -> None:
        self._folder, self.location, self.engine = folder, str(folder / "table.lance"), LanceEngine()

    def append(self, rows: list[dict[str, Any]], fragments: int = 1) -> None:
        table = lance.dataset(self.location)
        size = -(-len(rows) // fragments)
        for start in range(0, len(rows), size):
            part = pa.Table.from_pylist(rows[start : start + size], schema=table.schema)
            table = lance.write_dataset(part, self.location, mode="append")

    def read(self) -> pa.Table:
        return lance.dataset(self.location).to_table()

    def version_count(self) -> int:
        return int(lance.dataset(self.location).version)

    def restarted(self) -> "LanceDriver":
        return LanceDriver(self._folder)


class MemoryDriver:
    def __init__(self) -> None:
        self.location, self.engine = "memory", MemoryEngine()

    def append(self, rows: list[dict[str, Any]], fragments: int = 1) -> None:
        schema = self.engine.read(self.location).schema
        self.engine.write(self.location, pa.Table.from_pylist(rows, schema=schema))

    def read(self) -> pa.Table:
        return self.engine.read(self.location)

    def version_count(self) -> int:
        return self.engine.version_count(self.location)

    def restarted(self) -> "MemoryDriver":
        return self


def people() -> Schema:
    """id int64 not null, name utf8, age int32, score float64."""
    return schema_of(
        (
            Column(id=0, name="id", data_type="int64", nullable=False),
            Column(id=0, name="name", data_type="utf8"),
            Column(id=0, name="age", data_type="int32"),
            Column(id=0, name="score", data_type="float64"),
        )
    )


def person(number: int) -> dict[str, Any]:
    name = None if number % 5 == 4 else f"n{number}"
    return {"id": number, "name": name, "age": number % 90, "score": number / 2}


Recoveries = dict[tuple[int, str], Recovery]


def job_for(driver: Driver, schema: Schema, *operations: dict[str, Any], recoveries: Recoveries | None = None) -> Job:
    """A job for operations that are valid on the schema and the table as it is."""
    statistics = driver.engine.inspect(driver.location).statistics
    setting = Setting(profile=driver.engine.profile, statistics=statistics, recoveries=recoveries or {})
    plan = make_plan(changes_of(*operations), schema, 1, setting)
    assert plan.violations == ()
    return job_of(driver, plan)


def job_of(driver: Driver, plan: Plan) -> Job:
    return Job(
        migration_id=uuid4(),
        table_id=uuid4(),
        location=driver.location,
        source=plan.source,
        target=plan.target,
        steps=plan.steps,
    )


def prepared(driver: Driver, job: Job) -> dict[str, bytes]:
    """Everything that the engine wants prepared, also what follows only once the rest is."""
    done: dict[str, bytes] = {}
    while todo := [unit for unit in driver.engine.units(job, done) if unit.name not in done]:
        done.update({unit.name: driver.engine.prepare(job, unit, done) for unit in todo})
    return done


def recovery_of(driver: Driver, schema: Schema, name: str, gone_as: str) -> Recovery:
    """What could be restored of a column of that schema, which the version ``gone_as`` first lacked."""
    column = schema.column(name)
    rows = driver.engine.recoverable(driver.location, column, gone_as)
    return Recovery(column=column, position=schema.names.index(name), gone_as=gone_as, rows=rows)


def migrate(driver: Driver, schema: Schema, *operations: dict[str, Any], recoveries: Recoveries | None = None) -> Job:
    """Carries the operations out, and holds that the table is then what a log would say it is."""
    job = job_for(driver, schema, *operations, recoveries=recoveries)
    driver.engine.publish(job, prepared(driver, job))
    assert difference(driver.engine.inspect(driver.location).schema, job.target) is None
    return job


def columns(driver: Driver) -> dict[str, list[Any]]:
    return dict(driver.read().to_pydict())


def shape(driver: Driver) -> list[tuple[str, str, bool]]:
    found = driver.engine.inspect(driver.location).schema
    return [(column.name, column.data_type, column.nullable) for column in found.columns]


def promised(schema: Schema) -> list[tuple[str, str, bool]]:
    return [(column.name, column.data_type, column.nullable) for column in schema.columns]
