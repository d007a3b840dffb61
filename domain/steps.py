"""The closed set of physical acts a plan comes to, and what each costs. Engines carry them out; nothing here does.

Steps stand in the order of the changes they came from and name columns by id, so an engine may fold all steps of one
column into a single pass: a column's recipe is its start (a stored column or a constant) and its steps in order.
"""

from enum import StrEnum
from typing import Any, TypeGuard, assert_never

from msgspec import Struct

from domain.schema import Column, Index


class Cost(StrEnum):
    """How the work of a step grows: not at all, with the rows read, with those read and written, or as indexes do."""

    METADATA = "metadata"
    SCAN = "scan"
    REWRITE = "rewrite"
    INDEX = "index"


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


class MoveField(Struct, frozen=True, kw_only=True, tag_field="type", tag="move_field"):
    """The column stands at ``position`` (0 is first) afterwards."""

    column_id: int
    name: str
    position: int
    cost = Cost.METADATA


class DeclareField(Struct, frozen=True, kw_only=True, tag_field="type", tag="declare_field"):
    """Something said of the column changes that no stored value depends on; ``what`` is the end of a sentence."""

    column_id: int
    name: str
    what: str
    cost = Cost.METADATA


class RestoreField(Struct, frozen=True, kw_only=True, tag_field="type", tag="restore_field"):
    """A dropped column lives again with the values it had in the table's version before ``gone_as``.

    ``gone_as`` is the engine's name of the version that first lacked it. Rows that are new since then read null.
    """

    column: Column
    position: int
    gone_as: str
    cost = Cost.METADATA


class CheckUnique(Struct, frozen=True, kw_only=True, tag_field="type", tag="check_unique"):
    """Refuses with DuplicateKeys while two rows agree in all these columns."""

    column_ids: tuple[int, ...]
    names: tuple[str, ...]
    cost = Cost.SCAN


class DeclareKey(Struct, frozen=True, kw_only=True, tag_field="type", tag="declare_key"):
    """The primary key is these columns; without any, there is none."""

    column_ids: tuple[int, ...]
    names: tuple[str, ...]
    cost = Cost.METADATA


class BuildIndex(Struct, frozen=True, kw_only=True, tag_field="type", tag="build_index"):
    """An index is made over the values as they are after all other steps; ``rebuild`` when it was there before."""

    index: Index
    names: tuple[str, ...]
    rebuild: bool = False
    cost = Cost.INDEX


class DropIndex(Struct, frozen=True, kw_only=True, tag_field="type", tag="drop_index"):
    name: str
    cost = Cost.METADATA


class Compact(Struct, frozen=True, kw_only=True, tag_field="type", tag="compact"):
    """Small and deleted-from pieces of the table become few whole ones; no value and no row changes."""

    cost = Cost.REWRITE


class RenameManifests(Struct, frozen=True, kw_only=True, tag_field="type", tag="rename_manifests"):
    """The table's own files of what it consists of get the names that its engine uses now; nothing in them changes."""

    cost = Cost.METADATA


class RewriteStorage(Struct, frozen=True, kw_only=True, tag_field="type", tag="rewrite_storage"):
    """Every value is written again in the newest way the engine knows; no value and no row changes."""

    cost = Cost.REWRITE


Maintenance = Compact | RenameManifests | RewriteStorage
"""Work on how a table is stored: its schema stays as it is."""


class InStruct(Struct, frozen=True, kw_only=True, tag_field="type", tag="in_struct"):
    """Steps inside a struct column, whose fields are its columns.

    ``from_ids`` and ``to_ids`` are the ids of the fields of ``from_type`` and ``to_type``, in their order.
    """

    column_id: int
    name: str
    from_type: str
    to_type: str
    from_ids: tuple[int, ...]
    to_ids: tuple[int, ...]
    steps: "tuple[FieldStep, ...]"
    cost = Cost.REWRITE


FieldStep = (
    AddField | DropField | RenameField | MoveField | CastField | FillNulls | CheckNoNulls | SetNullability | InStruct
)
"""What can be done to a field, whether it is a column or lies inside one."""

Step = FieldStep | DeclareField | RestoreField | CheckUnique | DeclareKey | BuildIndex | DropIndex | Maintenance


def writes_values(step: Step) -> TypeGuard[CastField | FillNulls | InStruct]:
    """Whether stored values of a column are written anew."""
    return isinstance(step, CastField | FillNulls | InStruct)


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
        case MoveField():
            return f"Move '{step.name}' to position {step.position}."
        case CastField():
            look = "looking at every value" if step.checked else "losing nothing"
            return f"Cast '{step.name}' from {step.from_type} to {step.to_type}, {look}."
        case FillNulls():
            return f"Fill the nulls of '{step.name}' with {step.value!r}."
        case CheckNoNulls():
            return f"Check that '{step.name}' holds no null."
        case SetNullability():
            return f"Make '{step.name}' {'nullable' if step.nullable else 'not nullable'}."
        case InStruct():
            return f"Inside '{step.name}': {' '.join(map(describe, step.steps))}"
        case _:
            return _describe_declaration(step)


def _describe_declaration(
    step: DeclareField | RestoreField | CheckUnique | DeclareKey | BuildIndex | DropIndex | Maintenance,
) -> str:
    match step:
        case DeclareField():
            return f"Declare that {step.what}."
        case RestoreField():
            return f"Restore '{step.column.name}' ({step.column.data_type}) with the values it had when it was dropped."
        case CheckUnique():
            return f"Check that no two rows agree in {', '.join(step.names)}."
        case DeclareKey():
            return f"Set the primary key to {', '.join(step.names)}." if step.names else "Drop the primary key."
        case BuildIndex():
            verb = "Rebuild" if step.rebuild else "Build"
            return f"{verb} the {step.index.index_type} index '{step.index.name}' on {', '.join(step.names)}."
        case DropIndex():
            return f"Drop the index '{step.name}'."
        case Compact():
            return "Compact the table's files."
        case RenameManifests():
            return "Rename the table's manifests."
        case RewriteStorage():
            return "Write every value again in the newest storage version."
        case _:
            assert_never(step)
