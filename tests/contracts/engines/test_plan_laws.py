"""What a plan says is what happens, over random schemas and changes; and what it says can be undone, can be.

Changes are drawn for the schema as it is at each point, so that most make sense; those that do not are refused alike.
"""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, event, given, note, settings
from hypothesis import strategies as st

from domain.changes.catalogue import AnyChange
from domain.changes.change import Setting
from domain.engine import TableStatistics
from domain.errors import Refusal
from domain.plan import Plan, make_plan
from domain.revert import reversal
from domain.schema import Column, Schema, schema_of
from domain.undo import UndoKind
from tests.contracts.engines.drivers import (
    Driver,
    LanceDriver,
    MemoryDriver,
    Recoveries,
    job_for,
    job_of,
    prepared,
    promised,
    recovery_of,
    shape,
)
from tests.domain.planning import add, change, changes_of, drop, index, nullability, rename, retype

VALUES: dict[str, list[Any]] = {
    "int8": [1, -3, None, 0],
    "int64": [5, None, 2**40, -1],
    "float64": [0.5, 2.0, None, -1.0],
    "utf8": ["1", "x", None, "2024-02-29"],
    "bool": [True, None, False],
    "decimal128(10, 2)": [Decimal("1.50"), None, Decimal("2.00")],
    "date32": [date(2024, 2, 29), None],
    "timestamp[us]": [datetime(2024, 2, 29, 1, 2, 3), None],
    "list<int32>": [[1, 2], [], None],
    "struct<a: int32, b: utf8>": [{"a": 1, "b": "x"}, None, {"a": None, "b": None}],
}
ROWS = 12
names = st.sampled_from(["a", "b", "c", "d", "e"])
types = st.sampled_from(list(VALUES))
fills = {"int8": 7, "int64": 7, "float64": 0.25, "utf8": "?", "bool": True, "date32": "2024-01-01"}


@st.composite
def tables(draw: st.DrawFn) -> tuple[Schema, list[dict[str, Any]]]:
    chosen = draw(st.lists(st.tuples(names, types), min_size=1, max_size=4, unique_by=lambda one: one[0]))
    columns = (Column(id=0, name="id", data_type="int64", nullable=False), *(_column(*one) for one in chosen))
    rows = [
        {"id": row, **{name: VALUES[data_type][row % len(VALUES[data_type])] for name, data_type in chosen}}
        for row in range(ROWS)
    ]
    return schema_of(columns), rows


def _column(name: str, data_type: str) -> Column:
    return Column(id=0, name=name, data_type=data_type)


def operation(draw: st.DrawFn, schema: Schema) -> dict[str, Any]:
    """Something to do to one of the columns there are."""
    column = draw(st.sampled_from(schema.columns))
    name, fill = column.name, fills.get(column.data_type)
    return draw(
        st.one_of(
            st.builds(lambda n, t, p: add(n, t, position=p), names, types, st.none() | st.integers(0, 3)),
            st.builds(lambda n: add(n, "int8", nullable=False, defaultValue=3), names),
            st.just(drop(name)),
            st.builds(lambda n: rename(name, n), names),
            st.builds(lambda t, f: retype(name, column.data_type, t, onCastFailure=f), types, st.sampled_from(FAILURE)),
            st.just(nullability(name, not column.nullable)),
            st.just(nullability(name, False, fillNullsWith=fill)),
            st.builds(lambda p: change("reorder_column", name=name, position=p), st.integers(0, 4)),
            st.just(change("set_column_default", name=name, defaultValue=fill)),
            st.just(change("set_column_comment", name=name, comment="said")),
            st.just(change("set_primary_key", columns=[name])),
            st.just(index(name, name=f"{name}_i")),
            st.just(add(f"{name}.z", "int8", defaultValue=1)),
            st.just(drop(f"{name}.a")),
            st.just(rename(f"{name}.a", f"{name}.y")),
            st.just(retype(f"{name}.a", "int32", "utf8")),
        )
    )


FAILURE = ["fail", "fail", "null"]


@st.composite
def cases(draw: st.DrawFn) -> tuple[Schema, list[dict[str, Any]], list[dict[str, Any]]]:
    schema, rows = draw(tables())
    setting = Setting(profile=LanceDriver(Path()).engine.profile, statistics=TableStatistics(rows=ROWS))
    operations, current = list[dict[str, Any]](), schema
    for _ in range(draw(st.integers(1, 5))):
        one = operation(draw, current)
        after = make_plan(changes_of(one), current, 1, setting)
        if after.is_valid:
            current = after.target
            operations.append(one)
    return schema, rows, operations


def plan_of(driver: Driver, schema: Schema, changes: list[AnyChange], recoveries: Recoveries | None = None) -> Plan:
    statistics = driver.engine.inspect(driver.location).statistics
    setting = Setting(profile=driver.engine.profile, statistics=statistics, recoveries=recoveries or {})
    return make_plan(changes, schema, 1, setting)


@pytest.mark.parametrize("engine", ["lance", "memory"])
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=cases())
def test_what_the_plan_says_is_what_happens_and_can_be_undone(engine: str, case: Any) -> None:
    schema, rows, operations = case
    with TemporaryDirectory() as folder:
        driver: Driver = LanceDriver(Path(folder)) if engine == "lance" else MemoryDriver()
        driver.engine.create(driver.location, schema)
        driver.append(rows, 3)
        before = driver.read()
        plan = plan_of(driver, schema, changes_of(*operations))
        note(str(plan.violations))
        if not operations or plan.violations:
            return
        job = job_for(driver, schema, *operations)
        try:
            driver.engine.publish(job, prepared(driver, job))
        except Refusal:
            event("refused by the data")
            assert driver.read() == before
            assert shape(driver) == promised(schema)
            return
        event(f"done, {plan.undo.kind}")
        assert shape(driver) == promised(plan.target)
        assert driver.read().num_rows == ROWS
        undo(driver, plan, str(driver.engine.published(job)))
        if plan.undo.kind is UndoKind.LOSSLESS:
            assert driver.read().to_pylist() == before.to_pylist()


def undo(driver: Driver, plan: Plan, gone_as: str) -> None:
    back = reversal(plan.source, plan.target, plan.target, 1)
    assert back.superseded == ()
    restored = [one.params.name for one in back.changes if one.recalls() is not None]
    recoveries = {(1, name): recovery_of(driver, plan.source, name, gone_as) for name in restored}
    note(str(msgspec.to_builtins(back.changes)))
    backwards = plan_of(driver, plan.target, list(back.changes), recoveries)
    if plan.undo.kind is UndoKind.IMPOSSIBLE:
        assert not backwards.is_valid
        return
    assert backwards.violations == ()
    if not back.changes:
        return
    job = job_of(driver, backwards)
    try:
        driver.engine.publish(job, prepared(driver, job))
    except Refusal:
        assert plan.undo.kind is UndoKind.LOSSY
        return
    assert shape(driver) == promised(backwards.target)
    if plan.undo.kind is UndoKind.LOSSLESS:
        assert promised(backwards.target) == promised(plan.source)
