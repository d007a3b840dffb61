"""All steps of a job folded into one recipe per column: where its values start, and what is done to them in order.

So an engine reads each stored column once and writes each new one once, whatever the number of changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, assert_never

import pyarrow as pa
import pyarrow.compute as pc

from adapters.arrow.casts import cast_array
from adapters.arrow.types import to_arrow, to_arrow_field
from adapters.arrow.values import to_scalar
from domain.column_types import DataType
from domain.engine import Job
from domain.errors import CastFailed, NullsPresent, TableNotEmpty
from domain.schema import Column
from domain.steps import (
    AddField,
    CastField,
    CastPolicy,
    CheckNoNulls,
    DropField,
    FillNulls,
    RenameField,
    SetNullability,
    Step,
)
from domain.type_text import parse_type

Array: TypeAlias = pa.Array
Act = CastField | FillNulls | CheckNoNulls

MOST_EXAMPLES = 5


@dataclass(frozen=True)
class Recipe:
    """How one column of the target gets its values.

    ``stored`` is the source column it starts from, or None: then it starts as ``constant`` in every row.
    """

    column: Column
    stored: Column | None
    constant: Any
    start_type: DataType
    acts: tuple[Act, ...]
    copies: bool = False
    """Whether stored values are written again though they stay as they are."""

    @property
    def changes_nullability(self) -> bool:
        return self.stored is not None and self.stored.nullable != self.column.nullable

    def copied(self) -> "Recipe":
        return replace(self, copies=True)

    @property
    def writes(self) -> bool:
        """Whether values must be written; else the stored ones, or null, are right as they are."""
        changes_values = any(not isinstance(act, CheckNoNulls) for act in self.acts)
        if self.stored is None:
            return self.copies or self.constant is not None or any(isinstance(act, FillNulls) for act in self.acts)
        return changes_values or self.copies

    @property
    def looks(self) -> bool:
        """Whether values must be read."""
        return self.stored is not None and (bool(self.acts) or self.copies)

    @property
    def arrow_field(self) -> pa.Field:
        return to_arrow_field(self.column)


def fold_recipes(job: Job) -> tuple[Recipe, ...]:
    """One recipe for each column of the target, in the target's order."""
    return tuple(_recipe(column, job) for column in job.target.columns)


def _recipe(column: Column, job: Job) -> Recipe:
    own = [step for step in job.steps if _about(step) == column.id]
    acts = tuple(step for step in own if isinstance(step, Act))
    stored = job.source.by_id(column.id)
    if stored is not None:
        return Recipe(column, stored, None, stored.type, acts)
    added = next(step.column for step in own if isinstance(step, AddField))
    return Recipe(column, None, added.initial_default, added.type, acts)


def _about(step: Step) -> int:
    match step:
        case AddField():
            return step.column.id
        case DropField() | RenameField() | CastField() | FillNulls() | CheckNoNulls() | SetNullability():
            return step.column_id
        case _:
            assert_never(step)


@dataclass
class Cook:
    """Follows one recipe batch by batch, and remembers what it found wrong."""

    recipe: Recipe
    first_row: int = 0
    """The table's row that the first batch begins with; examples name rows of the table."""
    looked_at: int = 0
    failed: dict[int, int] = field(default_factory=dict)
    """How many values each act refused, by the act's place in the recipe."""
    examples: list[str] = field(default_factory=list)

    def batch(self, values: Array | None, rows: int) -> Array:
        """The column's values for the next ``rows`` rows; ``values`` are the stored ones, if the recipe has any."""
        if values is None:
            scalar = to_scalar(self.recipe.constant, self.recipe.start_type)
            values = pa.repeat(scalar, rows) if scalar.is_valid else pa.nulls(rows, to_arrow(self.recipe.start_type))
        for number, act in enumerate(self.recipe.acts):
            values = self._act(number, act, values)
        self.looked_at += rows
        return values

    def _act(self, number: int, act: Act, values: Array) -> Array:
        match act:
            case CastField():
                outcome = cast_array(values, parse_type(act.from_type), parse_type(act.to_type))
                if outcome.failed is not None and act.on_failure is CastPolicy.FAIL:
                    self._note(number, values, outcome.failed)
                return outcome.array
            case FillNulls():
                return pc.fill_null(values, to_scalar(act.value, parse_type(act.data_type)))
            case CheckNoNulls():
                self._note(number, values, pc.is_null(values))
                return values
            case _:
                assert_never(act)

    def _note(self, number: int, values: Array, failed: Array) -> None:
        count = pc.sum(failed).as_py() or 0
        if not count:
            return
        self.failed[number] = self.failed.get(number, 0) + count
        places = pc.indices_nonzero(failed)[: MOST_EXAMPLES - len(self.examples)]
        for place in places.to_pylist():
            self.examples.append(f"row {self.first_row + self.looked_at + place} holds {_shown(values[place])}")

    def refuse(self) -> None:
        """Raises the refusal for the first act that found something."""
        if not self.failed:
            return
        number = min(self.failed)
        act, count = self.recipe.acts[number], self.failed[number]
        if isinstance(act, CastField):
            examples = "; ".join(self.examples)
            raise CastFailed(act.name, act.to_type, count, self.looked_at, examples)
        assert isinstance(act, CheckNoNulls)
        raise NullsPresent(act.name, count, self.looked_at)


def refuse_missing_values(recipes: Sequence[Recipe], rows: int) -> None:
    """Raises TableNotEmpty for a new column that would hold null where null is not allowed."""
    for recipe in recipes:
        if recipe.stored is None and not recipe.writes and not recipe.column.nullable and rows:
            raise TableNotEmpty(recipe.column.name, rows)


def _shown(value: pa.Scalar) -> str:
    text = repr(value.as_py()) if value.is_valid else "null"
    return text if len(text) <= 60 else f"{text[:57]}..."
