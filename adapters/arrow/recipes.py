"""Steps folded by column: for every column of the target, where it starts and what happens to it in order.

So an engine reads each stored column once and writes each new one once, whatever the number of changes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from domain.column_types import DataType
from domain.engine import Job
from domain.errors import NullsPresent, TableNotEmpty
from domain.schema import Column
from domain.steps import (
    AddField,
    CastField,
    CheckNoNulls,
    CheckUnique,
    FillNulls,
    InStruct,
    RestoreField,
    Step,
)

Act = CastField | FillNulls | CheckNoNulls | InStruct
"""A step that reads or writes a column's values."""


@dataclass(frozen=True)
class Recipe:
    """How one column gets its values.

    ``stored`` is the source column it starts from; else it is ``restored`` from an earlier version of the table, or
    starts as ``constant`` in every row.
    """

    column: Column
    stored: Column | None
    constant: Any
    start_type: DataType
    acts: tuple[Act, ...]
    copies: bool = False
    """Whether stored values are written again though they stay as they are."""
    restored: RestoreField | None = None
    source_field: pa.Field | None = None
    """The column it starts from as the engine has it, with what the column's type has no word for."""

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
    def keeps_values(self) -> bool:
        """Whether stored values stay what they are, even where they are written again."""
        return self.stored is not None and all(isinstance(act, CheckNoNulls) for act in self.acts)


def fold_recipes(job: Job) -> tuple[Recipe, ...]:
    """One recipe for each column of the target, in the target's order."""
    return tuple(_recipe(column, job, job.steps) for column in job.target.columns)


def key_checks(job: Job) -> Iterator[tuple[CheckUnique, tuple[Recipe, ...]]]:
    """Each check of a key, with the recipes of its columns up to there."""
    for place, step in enumerate(job.steps):
        if isinstance(step, CheckUnique):
            before = job.steps[:place]
            yield step, tuple(_recipe(_column(column_id, job, before), job, before) for column_id in step.column_ids)


def refuse_missing_values(recipes: Sequence[Recipe], rows: int) -> None:
    """Raises TableNotEmpty, or NullsPresent, for a new column that would hold null where null is not allowed."""
    for recipe in recipes:
        is_new = recipe.stored is None and recipe.restored is None
        if is_new and not recipe.writes and not recipe.column.nullable and rows:
            for act in recipe.acts:
                if isinstance(act, CheckNoNulls):
                    raise NullsPresent(act.name, rows, rows)
            raise TableNotEmpty(recipe.column.name, rows)


def _recipe(column: Column, job: Job, steps: Sequence[Step]) -> Recipe:
    own = [step for step in steps if _about(step) == column.id]
    acts = tuple(step for step in own if isinstance(step, Act))
    stored = job.source.by_id(column.id)
    if stored is not None:
        return Recipe(column, stored, None, stored.type, acts)
    made = next(step for step in own if isinstance(step, AddField | RestoreField))
    if isinstance(made, RestoreField):
        return Recipe(column, None, None, made.column.type, acts, restored=made)
    return Recipe(column, None, made.column.initial_default, made.column.type, acts)


def _column(column_id: int, job: Job, steps: Sequence[Step]) -> Column:
    """A column as the source has it, or as it was added."""
    added = (step.column for step in steps if isinstance(step, AddField) and step.column.id == column_id)
    return job.source.by_id(column_id) or next(added)


def _about(step: Step) -> int | None:
    """The id of the column whose values the step makes, reads or writes."""
    match step:
        case AddField() | RestoreField():
            return step.column.id
        case CastField() | FillNulls() | CheckNoNulls() | InStruct():
            return step.column_id
        case _:
            return None
