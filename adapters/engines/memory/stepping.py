"""A job carried out step by step, as the steps read: the plainest reading of a plan, for the others to be held against.

Structs are taken apart into Python's own dictionaries and put together again, where the other engines work on arrays.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, assert_never

import pyarrow as pa
import pyarrow.compute as pc

from adapters.arrow.casts import cast_array
from adapters.arrow.types import to_arrow, to_arrow_field
from adapters.arrow.values import to_scalar
from domain.column_types import StructOf
from domain.engine import Job
from domain.errors import CastFailed, DuplicateKeys, NullsPresent, TableNotEmpty
from domain.steps import (
    AddField,
    BuildIndex,
    CastField,
    CastPolicy,
    CheckNoNulls,
    CheckUnique,
    Compact,
    DeclareField,
    DeclareKey,
    DropField,
    DropIndex,
    FieldStep,
    FillNulls,
    InStruct,
    MoveField,
    RenameField,
    RenameManifests,
    RestoreField,
    RewriteStorage,
    SetNullability,
    Step,
)
from domain.type_text import parse_type

Array: TypeAlias = pa.Array
Columns: TypeAlias = dict[int, Array]
"""Values by column id."""


def migrated(rows: pa.Table, job: Job, restored: Mapping[int, Array]) -> pa.Table:
    """The rows after every step of the job, in the target's order. ``restored``: values of columns that live again."""
    columns = {column.id: rows.column(column.name).combine_chunks() for column in job.source.columns}
    for step in job.steps:
        _apply(step, columns, rows.num_rows, restored)
    for column in job.target.columns:
        if not column.nullable and columns[column.id].null_count:
            raise TableNotEmpty(column.name, rows.num_rows)
    fields = [to_arrow_field(column) for column in job.target.columns]
    return pa.table([columns[column.id] for column in job.target.columns], schema=pa.schema(fields))


def _apply(step: Step, columns: Columns, rows: int, restored: Mapping[int, Array]) -> None:
    match step:
        case RestoreField():
            columns[step.column.id] = restored[step.column.id]
        case CheckUnique():
            _refuse_duplicates(step, columns, rows)
        case (
            DeclareField()
            | DeclareKey()
            | BuildIndex()
            | DropIndex()
            | Compact()
            | RenameManifests()
            | RewriteStorage()
        ):
            pass
        case _:
            _apply_field(step, columns, rows, "")


def _apply_field(step: FieldStep, columns: Columns, rows: int, inside: str) -> None:
    match step:
        case AddField():
            scalar = to_scalar(step.column.initial_default, step.column.type)
            columns[step.column.id] = pa.repeat(scalar, rows) if scalar.is_valid else pa.nulls(rows, scalar.type)
        case DropField():
            del columns[step.column_id]
        case CastField():
            columns[step.column_id] = _cast(step, columns[step.column_id], inside)
        case FillNulls():
            filling = to_scalar(step.value, parse_type(step.data_type))
            columns[step.column_id] = pc.fill_null(columns[step.column_id], filling)
        case CheckNoNulls():
            if count := columns[step.column_id].null_count:
                raise NullsPresent(inside + step.name, count, rows)
        case InStruct():
            columns[step.column_id] = _reshape(step, columns[step.column_id], inside)
        case RenameField() | MoveField() | SetNullability():
            pass
        case _:
            assert_never(step)


def _reshape(step: InStruct, values: Array, inside: str) -> Array:
    """The rows whose struct is null take no part in what happens to its fields."""
    before, after = parse_type(step.from_type), parse_type(step.to_type)
    assert isinstance(before, StructOf)
    assert isinstance(after, StructOf)
    rows = values.to_pylist()
    there = [row for row in rows if row is not None]
    fields: Columns = {
        field_id: pa.array([row[field.name] for row in there], to_arrow(field.type))
        for field_id, field in zip(step.from_ids, before.fields, strict=True)
    }
    for inner in step.steps:
        _apply_field(inner, fields, len(there), f"{inside}{step.name}.")
    names = [field.name for field in after.fields]
    lists = [fields[field_id].to_pylist() for field_id in step.to_ids]
    made = iter([dict(zip(names, one, strict=True)) for one in zip(*lists, strict=True)])
    return pa.array([None if row is None else next(made) for row in rows], to_arrow(after))


def _refuse_duplicates(step: CheckUnique, columns: Columns, rows: int) -> None:
    seen = dict[Any, int]()
    doubled = set[int]()
    examples = list[str]()
    for row, key in enumerate(zip(*(columns[column_id].to_pylist() for column_id in step.column_ids), strict=True)):
        if key in seen:
            doubled.update((seen[key], row))
            examples.append(f"rows {seen[key]} and {row} hold {', '.join(map(repr, key))}")
        seen.setdefault(key, row)
    if doubled:
        raise DuplicateKeys(", ".join(step.names), len(doubled), rows, "; ".join(examples[:5]))


def _cast(step: CastField, values: Array, inside: str) -> Array:
    outcome = cast_array(values, parse_type(step.from_type), parse_type(step.to_type))
    failed = 0 if outcome.failed is None else pc.sum(outcome.failed).as_py() or 0
    if failed and step.on_failure is CastPolicy.FAIL:
        first = pc.index(outcome.failed, True).as_py()
        examples = f"row {first} holds {values[first].as_py()!r}"
        raise CastFailed(inside + step.name, step.to_type, failed, len(values), examples)
    return outcome.array


def padded(values: Sequence[Array], data_type: pa.DataType, rows: int) -> Array:
    """The values of the first rows, and null for those after."""
    old = pa.concat_arrays(values) if values else pa.nulls(0, data_type)
    return pa.concat_arrays([old.slice(0, rows), pa.nulls(max(0, rows - len(old)), data_type)])
