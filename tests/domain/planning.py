"""Words for planning tests: a small table, and changes as they stand on the wire."""

from typing import Any

import msgspec

from domain.changes.catalogue import AnyChange
from domain.changes.change import Recovery, Setting
from domain.engine import EngineProfile, TableStatistics
from domain.plan import Plan, make_plan
from domain.schema import Column, Index, Schema, schema_of

PROFILE = EngineProfile(
    name="test",
    unsupported_types=frozenset({"map", "fixed_size_list<utf8>"}),
    scalar_indexes={"btree": frozenset({"int32", "int64", "utf8", "float64"}), "ngram": frozenset({"utf8"})},
    vector_indexes={"ivf_flat": 1, "ivf_pq": 256},
    vector_metrics=("l2", "cosine"),
)


def people() -> Schema:
    """id int64 not null (key), name utf8, age int32 not null with the index age_idx, score float64."""
    columns = (
        Column(id=0, name="id", data_type="int64", nullable=False),
        Column(id=0, name="name", data_type="utf8"),
        Column(id=0, name="age", data_type="int32", nullable=False),
        Column(id=0, name="score", data_type="float64"),
    )
    schema = schema_of(columns, ("id",))
    indexes = (Index(name="age_idx", column_ids=(3,), index_type="btree"),)
    return msgspec.structs.replace(schema, indexes=indexes)


def changes_of(*operations: dict[str, Any]) -> list[AnyChange]:
    return msgspec.convert(list(operations), list[AnyChange])


def planned(
    *operations: dict[str, Any],
    schema: Schema | None = None,
    rows: int = 10,
    profile: EngineProfile = PROFILE,
    recoveries: dict[tuple[int, str], Recovery] | None = None,
) -> Plan:
    setting = Setting(profile=profile, statistics=TableStatistics(rows=rows), recoveries=recoveries or {})
    return make_plan(changes_of(*operations), schema or people(), 3, setting)


def add(name: str, data_type: str = "utf8", *, nullable: bool = True, **more: Any) -> dict[str, Any]:
    return {"type": "add_column", "params": {"name": name, "dataType": data_type, "nullable": nullable, **more}}


def drop(name: str) -> dict[str, Any]:
    return {"type": "drop_column", "params": {"name": name}}


def rename(old: str, new: str) -> dict[str, Any]:
    return {"type": "rename_column", "params": {"oldName": old, "newName": new}}


def retype(name: str, old: str, new: str, **more: Any) -> dict[str, Any]:
    return {"type": "change_column_type", "params": {"name": name, "oldType": old, "newType": new, **more}}


def nullability(name: str, nullable: bool, **more: Any) -> dict[str, Any]:
    return {"type": "alter_column_nullability", "params": {"name": name, "nullable": nullable, **more}}


def change(type_: str, **params: Any) -> dict[str, Any]:
    """Any change, its params in the wire's own names."""
    return {"type": type_, "params": params}


def index(column: str, index_type: str = "btree", **more: Any) -> dict[str, Any]:
    return change("add_scalar_index", column=column, indexType=index_type, **more)


def vector_index(column: str, index_type: str = "ivf_flat", metric: str = "l2", **more: Any) -> dict[str, Any]:
    return change("add_vector_index", column=column, indexType=index_type, metric=metric, **more)


def key(*columns: str) -> dict[str, Any]:
    return change("set_primary_key", columns=list(columns))


def refused(plan: Plan) -> list[tuple[str, str]]:
    """The (pointer, code) of every violation."""
    return [(violation.pointer, violation.code) for violation in plan.violations]
