"""Changes inside struct columns: a dotted path leads to a field, and a struct's fields are changed as columns are.

The struct is looked at as a little schema of its own. A change of ``address.city`` is the same change of ``city`` in
the schema of ``address``; what it comes to there is told of the column: its new type, the ids of the fields inside it,
and one ``InStruct`` with the steps.
"""

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from domain.changes.change import Change, Effect, Found, Hazard, Setting
from domain.column_types import Field, StructOf
from domain.errors import ColumnInPrimaryKey, ColumnNotFound, NestedPathRefused
from domain.fields import FieldIds, around, inside, segment, split
from domain.naming import camel
from domain.schema import Column, Index, Schema
from domain.steps import FieldStep, InStruct


def refusals(change: Change, schema: Schema, setting: Setting) -> Iterator[Found]:
    """As ``change.refusals``, for a change whose names may be paths."""
    found = _entered(change, schema)
    if found is None:
        yield from _unquoted(change, schema).refusals(schema, setting)
        return
    parent, inner, pointer = found
    if isinstance(inner, NestedPathRefused):
        yield pointer, inner
        return
    column = schema.find(parent)
    if column is None:
        yield pointer, ColumnNotFound(parent)
    elif not isinstance(column.type, StructOf):
        reason = f"column '{parent}' is {column.data_type}, and only a struct has fields"
        yield pointer, NestedPathRefused(_paths(change)[0], reason)
    elif column.id in schema.primary_key:
        yield pointer, ColumnInPrimaryKey(parent, "be changed inside")
    else:
        yield from _inside(inner, schema, column, setting, pointer)


def effect(change: Change, schema: Schema, setting: Setting) -> Effect:
    """As ``change.effect``, for a change whose names may be paths."""
    found = _entered(change, schema)
    if found is None:
        return _unquoted(change, schema).effect(schema, setting)
    parent, inner, _ = found
    assert isinstance(inner, Change)
    # A column written before fields had ids gets them now.
    numbered = schema.replaced(schema.column(parent))
    column = numbered.column(parent)
    before = replace(fields_of(column, numbered.last_column_id), indexes=_indexes_inside(numbered, column))
    within = effect(inner, before, setting)
    after = replace(column, data_type=str(_struct(within.schema)), field_ids=_field_ids(within.schema))
    step = InStruct(
        column_id=column.id,
        name=column.name,
        from_type=column.data_type,
        to_type=after.data_type,
        from_ids=tuple(field.id for field in before.columns),
        to_ids=tuple(field.id for field in within.schema.columns),
        steps=tuple(step for step in within.steps if isinstance(step, FieldStep)),
    )
    hazards = tuple(Hazard(hazard.kind, f"Inside '{parent}': {hazard.message}") for hazard in within.hazards)
    # Every stored row is rewritten in the new type, so a first default of the old one has no reader left.
    changed = replace(numbered, last_column_id=within.schema.last_column_id).replaced(
        replace(after, initial_default=None)
    )
    lost = [index for index in before.indexes if index not in within.schema.indexes]
    kept = tuple(index for index in changed.indexes if index not in lost)
    return Effect(schema=replace(changed, indexes=kept), steps=(step,), hazards=hazards)


def fields_of(column: Column, last_id: int) -> Schema:
    """The fields inside a struct column as the columns of a schema. Ids new in it go on from ``last_id``."""
    struct = column.type
    assert isinstance(struct, StructOf)
    columns = (
        Column(
            id=column.field_ids[segment(field.name)],
            name=field.name,
            data_type=str(field.type),
            nullable=field.nullable,
            field_ids=inside(column.field_ids, field.name),
        )
        for field in struct.fields
    )
    return Schema(columns=tuple(columns), last_column_id=last_id)


def _indexes_inside(schema: Schema, column: Column) -> tuple[Index, ...]:
    """Those on fields of a struct column: inside it they are indexes on its columns."""
    return tuple(index for index in schema.indexes_on(column.id) if column.id not in index.column_ids)


def _inside(inner: Change, schema: Schema, column: Column, setting: Setting, pointer: str) -> Iterator[Found]:
    """What the change inside is refused for, and what of it a field cannot have."""
    # For what is asked here any ids will do.
    numbered = Schema(columns=(column,), last_column_id=column.id).replaced(column).columns[0]
    fields = replace(
        fields_of(numbered, max(numbered.field_ids.values(), default=column.id)),
        indexes=_indexes_inside(schema, column),
    )
    found = list(refusals(inner, fields, setting))
    yield from found
    if not found:
        within = effect(inner, fields, setting)
        for step in within.steps:
            if not isinstance(step, FieldStep):
                yield pointer, NestedPathRefused(column.name, "only columns have that, not the fields inside one")
        if any(field.comment or field.metadata for field in within.schema.columns):
            yield pointer, NestedPathRefused(column.name, "a field inside a column has no comment")
        if column.write_default is not None:
            yield pointer, NestedPathRefused(column.name, "the column has a default; drop that first")


def _entered(change: Change, schema: Schema) -> tuple[str, Any, str] | None:
    """The struct's name, the change inside it (or why it has no sense) and a pointer; None for no path at all."""
    ways = {path: (path, "") if schema.find(path) is not None else split(path) for path in _paths(change)}
    if not any(rest for _, rest in ways.values()):
        return None
    first, *_, last = (*ways, *ways)
    pointer = f"/params/{camel(change.paths[0])}"
    parents = {parent for parent, _ in ways.values()}
    if len(parents) > 1 or not all(rest for _, rest in ways.values()):
        reason = f"a field stays inside its struct: write both names from the column on, as in '{first}'"
        return "", NestedPathRefused(last, reason), pointer
    inner = {name: ways[getattr(change.params, name)][1] for name in change.paths}
    return parents.pop(), change.with_paths(inner), pointer


def _unquoted(change: Change, schema: Schema) -> Change:
    """The change by the names themselves, where a path ends in one that must be quoted there."""
    names = {name: _name(getattr(change.params, name), schema) for name in change.paths}
    return change.with_paths(names) if names else change


def _name(path: str, schema: Schema) -> str:
    name, rest = split(path)
    return name if schema.find(path) is None and not rest and segment(name) == path else path


def _paths(change: Change) -> list[str]:
    return [getattr(change.params, name) for name in change.paths]


def _struct(schema: Schema) -> StructOf:
    return StructOf(tuple(Field(column.name, column.type, column.nullable) for column in schema.columns))


def _field_ids(schema: Schema) -> FieldIds:
    ids = FieldIds()
    for column in schema.columns:
        ids |= around(column.name, column.id, column.field_ids)
    return ids
