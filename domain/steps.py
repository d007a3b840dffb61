"""The closed set of physical acts a plan comes to, and what each costs. Engines carry them out; nothing here does.

Steps stand in the order of the changes they came from and name columns by id, so an engine may fold all steps of one
column into a single pass: a column's recipe is its start (a stored column or a constant) and its steps in order.
"""

from enum import StrEnum
from typing import Any, assert_never

from msgspec import Struct

from domain.schema import Column


class Cost(StrEnum):
    """How the work of a step grows: not at all, with the rows read, or with the rows read and written."""

    METADATA = "metadata"
    SCAN = "scan"
    REWRITE = "rewrite"


class CastPolicy(StrEnum):
    """What becomes of a value the new type cannot hold: the migration fails, or the value becomes null."""

    FAIL = "fail"
    NULL = "null"


class AddField(Struct, frozen=True, kw_only=True, tag_field="type", tag="add_field"):
    """A new column at ``position`` (0 is first); stored rows read ``column.initial_default``, or null."""

    column: Column
    position: int

    @property
    def cost(self) -> Cost:
        return Cost.METADATA if self.column.initial_default is None else Cost.REWRITE


class DropField(Struct, frozen=True, kw_only=True, tag_field="type", tag="drop_field"):
    column_id: int
    name: str
    cost = Cost.METADATA


class RenameField(Struct, frozen=True, kw_only=True, tag_field="type", tag="rename_field"):
    column_id: int
    old_name: str
    new_name: str
    cost = Cost.METADATA


class CastField(Struct, frozen=True, kw_only=True, tag_field="type", tag="cast_field"):
    """Every value goes from one type to the other; ``checked`` casts look at each value in the pass that writes."""

    column_id: int
    name: str
    from_type: str
    to_type: str
    checked: bool
    on_failure: CastPolicy = CastPolicy.FAIL
    cost = Cost.REWRITE


class FillNulls(Struct, frozen=True, kw_only=True, tag_field="type", tag="fill_nulls"):
    """Nulls become ``value``, a JSON value of ``data_type``."""

    column_id: int
    name: str
    value: Any
    data_type: str
    cost = Cost.REWRITE


class CheckNoNulls(Struct, frozen=True, kw_only=True, tag_field="type", tag="check_no_nulls"):
    """Refuses with NullsPresent while a row holds null."""

    column_id: int
    name: str
    cost = Cost.SCAN


class SetNullability(Struct, frozen=True, kw_only=True, tag_field="type", tag="set_nullability"):
    column_id: int
    name: str
    nullable: bool
    cost = Cost.METADATA


Step = AddField | DropField | RenameField | CastField | FillNulls | CheckNoNulls | SetNullability


def describe(step: Step) -> str:
    """One sentence for a person."""
    match step:
        case AddField():
            default = "null" if step.column.initial_default is None else repr(step.column.initial_default)
            return f"Add '{step.column.name}' ({step.column.data_type}) at position {step.position}, reading {default}."
        case DropField():
            return f"Drop '{step.name}'."
        case RenameField():
            return f"Rename '{step.old_name}' to '{step.new_name}'."
        case CastField():
            look = "looking at every value" if step.checked else "losing nothing"
            return f"Cast '{step.name}' from {step.from_type} to {step.to_type}, {look}."
        case FillNulls():
            return f"Fill the nulls of '{step.name}' with {step.value!r}."
        case CheckNoNulls():
            return f"Check that '{step.name}' holds no null."
        case SetNullability():
            return f"Make '{step.name}' {'nullable' if step.nullable else 'not nullable'}."
        case _:
            assert_never(step)
