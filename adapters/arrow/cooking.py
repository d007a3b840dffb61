"""Following a recipe batch by batch, and remembering what was found wrong on the way."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

import pyarrow as pa
import pyarrow.compute as pc

from adapters.arrow.casts import cast_array
from adapters.arrow.nested_fields import followed
from adapters.arrow.recipes import Act, Recipe
from adapters.arrow.types import to_arrow, to_arrow_field
from adapters.arrow.values import to_scalar
from domain.column_types import DataType, Field, StructOf
from domain.errors import CastFailed, NullsPresent
from domain.steps import (
    AddField,
    CastField,
    CastPolicy,
    CheckNoNulls,
    DropField,
    FillNulls,
    InStruct,
    MoveField,
    RenameField,
    SetNullability,
)
from domain.type_text import parse_type

Array: TypeAlias = pa.Array

MOST_EXAMPLES = 5


@dataclass
class Finding:
    """What one act refused: how many values, and some of them with their rows."""

    act: CastField | CheckNoNulls
    name: str
    count: int = 0
    examples: list[str] = field(default_factory=list)

    def refusal(self, looked_at: int) -> CastFailed | NullsPresent:
        if isinstance(self.act, CastField):
            return CastFailed(self.name, self.act.to_type, self.count, looked_at, "; ".join(self.examples))
        return NullsPresent(self.name, self.count, looked_at)


@dataclass
class Cook:
    """Follows one recipe."""

    recipe: Recipe
    first_row: int = 0
    """The table's row that the first batch begins with; examples name rows of the table."""
    looked_at: int = 0
    findings: dict[tuple[int, ...], Finding] = field(default_factory=dict)
    """By the act's place in the recipe, and inside a struct by its place there."""

    def batch(self, values: Array | None, rows: int) -> Array:
        """The column's values for the next ``rows`` rows; ``values`` are the stored ones, if the recipe has any."""
        if values is None:
            values = constant(self.recipe.constant, self.recipe.start_type, rows)
        for number, act in enumerate(self.recipe.acts):
            values = self._act((number,), "", act, values, None)
        self.looked_at += rows
        return values

    def refuse(self) -> None:
        """Raises the refusal for the first act that found something."""
        if self.findings:
            raise self.findings[min(self.findings)].refusal(self.looked_at)

    def _act(self, place: tuple[int, ...], inside: str, act: Act, values: Array, present: Array | None) -> Array:
        """``present`` is where the struct around the values is not null; None where there is no struct around."""
        match act:
            case CastField():
                outcome = cast_array(values, parse_type(act.from_type), parse_type(act.to_type))
                if outcome.failed is not None and act.on_failure is CastPolicy.FAIL:
                    self._note(place, Finding(act, inside + act.name), values, outcome.failed)
                return outcome.array
            case FillNulls():
                filling = to_scalar(act.value, parse_type(act.data_type), values.type)
                return pc.fill_null(values, filling)
            case CheckNoNulls():
                missing = pc.is_null(values) if present is None else pc.and_(pc.is_null(values), present)
                self._note(place, Finding(act, inside + act.name), values, missing)
                return values
            case InStruct():
                return reshape(
                    act,
                    values,
                    lambda number, step, field, around: self._act(
                        (*place, number), f"{inside}{act.name}.", step, field, around
                    ),
                )
            case _:
                assert_never(act)

    def _note(self, place: tuple[int, ...], new: Finding, values: Array, failed: Array) -> None:
        count = pc.sum(failed).as_py() or 0
        if not count:
            return
        finding = self.findings.setdefault(place, new)
        finding.count += count
        rows = pc.indices_nonzero(failed)[: MOST_EXAMPLES - len(finding.examples)]
        for row in rows.to_pylist():
            finding.examples.append(f"row {self.first_row + self.looked_at + row} holds {shown(values[row])}")


FieldAct = Callable[[int, Act, Array, Array], Array]
"""Does an act, the so-manieth inside a struct, on a field's values, given where the struct is not null."""


def reshape(step: InStruct, values: Array, act_on: FieldAct) -> Array:
    """A struct column after the steps inside it."""
    around = pc.is_valid(values)
    fields = dict(zip(step.from_ids, values.flatten(), strict=True))
    for number, inner in enumerate(step.steps):
        match inner:
            case AddField():
                fields[inner.column.id] = constant(inner.column.initial_default, inner.column.type, len(values))
            case DropField():
                del fields[inner.column_id]
            case CastField() | FillNulls() | CheckNoNulls() | InStruct():
                fields[inner.column_id] = act_on(number, inner, fields[inner.column_id], around)
            case RenameField() | MoveField() | SetNullability():
                pass
            case _:
                assert_never(inner)
    target = parse_type(step.to_type)
    assert isinstance(target, StructOf)
    before = dict(zip(step.from_ids, values.type, strict=True))
    made = [fields[field_id] for field_id in step.to_ids]
    named = [
        _inner_field(field, array.type, before.get(field_id))
        for field_id, field, array in zip(step.to_ids, target.fields, made, strict=True)
    ]
    return pa.StructArray.from_arrays(made, fields=named, mask=pc.invert(around))


def _inner_field(field: Field, data_type: pa.DataType, before: pa.Field | None) -> pa.Field:
    """The field of a struct by its new name; what else was said of it stays."""
    if before is None:
        return pa.field(field.name, data_type, field.nullable)
    return followed(before, data_type, nullable=field.nullable).with_name(field.name)


def written_field(recipe: Recipe) -> pa.Field:
    """The column as it will be written: at every depth with the names and the metadata that the stored one has."""
    column = recipe.column
    if recipe.stored is None:
        return recipe.source_field or to_arrow_field(column)
    before = recipe.source_field or to_arrow_field(recipe.stored)
    # What the acts make of no value at all has the type of what they make of any.
    after = Cook(recipe).batch(pa.nulls(0, before.type), 0).type
    return followed(before, after, nullable=column.nullable).with_name(column.name)


def constant(value: object, data_type: DataType, rows: int) -> Array:
    scalar = to_scalar(value, data_type)
    return pa.repeat(scalar, rows) if scalar.is_valid else pa.nulls(rows, to_arrow(data_type))


def shown(value: pa.Scalar) -> str:
    """The value as text of at most 60 characters, also one that Python has no object for."""
    text = _text(value) if value.is_valid else "null"
    return text if len(text) <= 60 else f"{text[:57]}..."


def _text(value: pa.Scalar) -> str:
    try:
        return repr(value.as_py())
    except (ValueError, OverflowError, ArithmeticError, pa.ArrowException):
        pass
    try:
        return str(value.cast(pa.utf8()))
    except pa.ArrowException:
        # Durations and moments beyond Python's have no text in Arrow either: their count and unit say the same.
        count = getattr(value, "value", None)
        return f"a value of {value.type}" if count is None else f"{count} as {value.type}"
