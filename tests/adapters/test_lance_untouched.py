"""Laws over Lance tables with everything that users have: what a migration does not name is the same afterwards."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import lance
import pyarrow as pa
from hypothesis import HealthCheck, event, given, note, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from adapters.arrow.types import to_arrow
from domain.changes.change import Setting
from domain.column_types import DataType, Field, Integer, ListOf, MapOf, Null, StructOf, Utf8
from domain.drift import difference
from domain.errors import Refusal
from domain.plan import Plan, make_plan
from domain.schema import Schema
from tests.contracts.engines.drivers import LanceDriver, job_of, prepared
from tests.domain.planning import add, change, changes_of, drop, index, nullability, rename, retype
from tests.domain.strategies import plain_types

ROWS, FRAGMENTS = 12, 3
UUIDS = pa.ExtensionArray.from_storage(
    pa.uuid(), pa.array([b"0" * 16 if row % 3 else None for row in range(ROWS)], pa.binary(16))
)
TEXTS = pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a":1}' if row % 2 else None for row in range(ROWS)]))
ODD = {"u": UUIDS, "j": TEXTS}
"""Columns of types that we have no word for."""


@dataclass(frozen=True)
class Case:
    """A table as somebody else made it, what is asked of it, and what others do meanwhile."""

    fields: tuple[pa.Field, ...]
    storage: str
    stable_ids: bool
    elsewhere: str
    deleted: tuple[int, ...]
    indexed: bool
    meanwhile: str
    asked: tuple[int, ...]


def _nested(inner: st.SearchStrategy[DataType]) -> st.SearchStrategy[DataType]:
    names, nullable = st.sampled_from(["x", "y", "a b", "a.b"]), st.booleans()
    fields = st.lists(st.builds(Field, names, inner, nullable), min_size=1, max_size=3, unique_by=lambda one: one.name)
    return st.one_of(
        st.builds(ListOf, inner, nullable, st.booleans()),
        st.builds(StructOf, fields.map(tuple)),
        st.builds(MapOf, st.sampled_from([Utf8(), Integer(64, True)]), inner, nullable),
    )


types = st.recursive(plain_types.filter(lambda one: one != Null()), _nested, max_leaves=5)


@st.composite
def fields(draw: st.DrawFn, name: str) -> pa.Field:
    """A column of any type, with names and metadata of its own at every depth."""
    arrow = _dressed(draw, to_arrow(draw(types)))
    metadata = draw(st.dictionaries(st.sampled_from(["unit", "owner", "comment"]), st.sampled_from(["a", "ü"])))
    return pa.field(name, arrow, metadata=metadata or None)


def _dressed(draw: st.DrawFn, arrow: pa.DataType) -> pa.DataType:
    if pa.types.is_struct(arrow):
        return pa.struct([_inner(draw, field, field.name) for field in arrow])
    if pa.types.is_list(arrow) or pa.types.is_large_list(arrow):
        make = pa.large_list if pa.types.is_large_list(arrow) else pa.list_
        return make(_inner(draw, arrow.value_field, draw(st.sampled_from(["item", "element"]))))
    return arrow


def _inner(draw: st.DrawFn, field: pa.Field, name: str) -> pa.Field:
    metadata = draw(st.none() | st.just({"of": name}))
    return pa.field(name, _dressed(draw, field.type), field.nullable, metadata=metadata)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    storage = draw(st.sampled_from(["2.1", "2.2", "2.2"]))
    columns = tuple(draw(fields(name)) for name in ("a", "b", "c"))
    if storage != "2.2":
        columns = tuple(field for field in columns if not _has_map(field.type))
    return Case(
        fields=columns,
        storage=storage,
        stable_ids=draw(st.booleans()),
        elsewhere=draw(st.sampled_from(["here", "here", "clone", "branch"])),
        deleted=tuple(draw(st.sets(st.integers(0, ROWS - 1), max_size=6))),
        indexed=draw(st.booleans()),
        meanwhile=draw(st.sampled_from(["nothing", "append", "delete", "tag"])),
        asked=tuple(draw(st.lists(st.integers(0, 11), min_size=1, max_size=4))),
    )


def _has_map(arrow: pa.DataType) -> bool:
    return "map<" in str(arrow)


def values_of(arrow: pa.DataType) -> pa.Array:
    """Rows of a type: zeros where null is not allowed inside, and nulls."""
    zero = _zero(arrow)
    return pa.array([None if row % 4 == 3 else zero for row in range(ROWS)], arrow)


def _zero(arrow: pa.DataType) -> Any:
    kinds = pa.types
    if kinds.is_struct(arrow):
        return {field.name: _zero(field.type) for field in arrow}
    if kinds.is_list(arrow) or kinds.is_large_list(arrow):
        return [_zero(arrow.value_type)]
    if kinds.is_map(arrow):
        return [(_zero(arrow.key_type), _zero(arrow.item_type))]
    if kinds.is_fixed_size_binary(arrow):
        return b"0" * arrow.byte_width
    for test, value in (
        (kinds.is_boolean, True),
        (kinds.is_decimal, 0),
        (kinds.is_floating, 0.5),
        (lambda one: kinds.is_string(one) or kinds.is_large_string(one), "x"),
        (lambda one: kinds.is_binary(one) or kinds.is_large_binary(one), b"x"),
    ):
        if test(arrow):
            return value
    return 0


def made(folder: Path, case: Case) -> LanceDriver:
    driver = LanceDriver(folder)
    named = {"id": pa.array(range(ROWS)), "n": pa.array([str(row) for row in range(ROWS)])}
    columns = {**named, **{field.name: values_of(field.type) for field in case.fields}, **ODD}
    schema = pa.schema(
        [
            pa.field("id", pa.int64()),
            pa.field("n", pa.utf8()),
            *case.fields,
            pa.field("u", pa.uuid()),
            pa.field("j", pa.json_()),
        ],
        metadata={"owner": "somebody"},
    )
    table = pa.table(list(columns.values()), schema=schema)
    lance.write_dataset(
        table,
        driver.location,
        max_rows_per_file=ROWS // FRAGMENTS,
        data_storage_version=case.storage,
        enable_stable_row_ids=case.stable_ids,
    )
    if case.indexed:
        lance.dataset(driver.location).create_scalar_index("id", "BTREE", name="ids")
    if case.deleted:
        lance.dataset(driver.location).delete(f"id in ({', '.join(map(str, case.deleted))})")
    lance.dataset(driver.location).update_config({"somebody.says": "so"})
    lance.dataset(driver.location).tags.create("before", 1)
    source = lance.dataset(driver.location)
    if case.elsewhere == "clone":
        driver.location = str(folder / "clone.lance")
        source.shallow_clone(driver.location, source.version)
    elif case.elsewhere == "branch":
        driver.location = str(source.create_branch("trial").uri)
    return driver


ASKED: tuple[dict[str, Any], ...] = (
    add("more", "int32", defaultValue=2),
    add("null", "utf8", position=0),
    retype("n", "utf8", "int64", onCastFailure="null"),
    retype("id", "int64", "int32"),
    rename("n", "m"),
    drop("n"),
    nullability("id", False),
    change("set_column_comment", name="id", comment="said"),
    change("reorder_column", name="u", position=0),
    index("n", name="theirs_not"),
    rename("u", "uuid"),
    drop("j"),
)


def planned_for(driver: LanceDriver, operations: list[dict[str, Any]], schema: Schema) -> Plan:
    found = driver.engine.inspect(driver.location)
    profile = found.profile or driver.engine.profile
    setting = Setting(profile=profile, statistics=found.statistics, index_doubts=found.index_doubts)
    return make_plan(changes_of(*operations), schema, 1, setting)


def sensible(driver: LanceDriver, case: Case) -> Plan:
    """The plan of those asked for that make sense one after the other."""
    schema, operations = driver.engine.inspect(driver.location).schema, list[dict[str, Any]]()
    for number in case.asked:
        if planned_for(driver, [*operations, ASKED[number]], schema).is_valid:
            operations.append(ASKED[number])
    note(str(operations))
    return planned_for(driver, operations, schema)


def act(driver: LanceDriver, meanwhile: str) -> None:
    table = lance.dataset(driver.location)
    match meanwhile:
        case "append":
            lance.write_dataset(table.to_table().slice(0, 1), driver.location, mode="append")
        case "delete":
            table.delete("id % 5 = 1")
        case "tag":
            table.tags.create("meanwhile", table.version)
        case _:
            pass


def named(plan: Plan) -> set[int]:
    """The ids of the columns of which more is changed than their name and their place."""
    by_id = {column.id: column for column in plan.target.columns}
    return {
        column.id
        for column in plan.source.columns
        if column.id in by_id and replace(by_id[column.id], name=column.name) != column
    }


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=cases())
def test_what_a_migration_does_not_name_is_the_same_afterwards(case: Case) -> None:
    with TemporaryDirectory(prefix="schemaledger-laws-") as folder:
        driver = made(Path(folder), case)
        source = LanceDriver(Path(folder)).read()
        plan = sensible(driver, case)
        if plan.source == plan.target:
            return
        job, opened = job_of(driver, plan), lance.dataset(driver.location)
        reader = opened.to_table()
        done = prepared(driver, job)
        act(driver, case.meanwhile)
        before = lance.dataset(driver.location)
        try:
            driver.engine.publish(job, done)
        except Refusal as refusal:
            event(f"not done: {refusal.code}")
            assert lance.dataset(driver.location).to_table().equals(before.to_table())
            return
        event("done")
        _same(plan, before, lance.dataset(driver.location))
        assert difference(driver.engine.inspect(driver.location).schema, plan.target) is None
        assert opened.to_table().equals(reader), "who had opened the table before reads what it read"
        if case.elsewhere != "here":
            assert LanceDriver(Path(folder)).read().equals(source)


def _same(plan: Plan, before: lance.LanceDataset, after: lance.LanceDataset) -> None:
    changed, was, is_now = named(plan), before.to_table(), after.to_table()
    for column in plan.source.columns:
        target = plan.target.by_id(column.id)
        if target is None or column.id in changed:
            continue
        assert is_now.column(target.name).to_pylist() == was.column(column.name).to_pylist()
        field = before.schema.field(column.name).with_name(target.name)
        assert after.schema.field(target.name).equals(field, check_metadata=True), column.name
    others = {key: value for key, value in after.schema.metadata.items() if not key.startswith(b"schemaledger")}
    assert others == before.schema.metadata
    assert after.config() == before.config()
    assert after.data_storage_version == before.data_storage_version
    assert {name: tag["version"] for name, tag in after.tags.list().items()} == {
        name: tag["version"] for name, tag in before.tags.list().items()
    }
    kept = {one.name for one in plan.source.indexes if one in plan.target.indexes}
    assert {one.name for one in after.describe_indices()} >= kept
    if "ids" in kept:
        name = plan.target.named([plan.source.column("id").id])[0]
        assert after.to_table(filter=f"{name} = 4").num_rows == was.column("id").to_pylist().count(4)
