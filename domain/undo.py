"""How a migration could be undone, said before it runs: without loss, with what would be lost, or not at all."""

from collections.abc import Iterator, Sequence
from enum import StrEnum

from msgspec import Struct

from domain.casts import CastClass, classify
from domain.diff import ColumnAdded, ColumnDropped, ColumnRetyped, Difference, IndexDropped
from domain.steps import CastField, CastPolicy, DropField, FillNulls, InStruct, Step
from domain.type_text import parse_type


class UndoKind(StrEnum):
    LOSSLESS = "lossless"
    LOSSY = "lossy"
    IMPOSSIBLE = "impossible"


class Undo(Struct, frozen=True, kw_only=True):
    """``losses`` says what would not come back, ``conditions`` what has to stay as it is until then."""

    kind: UndoKind
    losses: tuple[str, ...]
    conditions: tuple[str, ...]


def undo_of(differences: Sequence[Difference], steps: Sequence[Step]) -> Undo:
    """For a plan that makes these differences by these steps."""
    barriers = tuple(_barriers(differences))
    losses = (*(loss for step in steps for loss in _losses(step, "")), *_detours(steps))
    kind = UndoKind.IMPOSSIBLE if barriers else UndoKind.LOSSY if losses else UndoKind.LOSSLESS
    return Undo(kind=kind, losses=(*barriers, *losses), conditions=tuple(_conditions(differences)))


def _barriers(differences: Sequence[Difference]) -> Iterator[str]:
    for difference in differences:
        if isinstance(difference, ColumnRetyped):
            back = classify(parse_type(difference.after), parse_type(difference.before))
            if back.cast_class is CastClass.REFUSED:
                yield f"Column '{difference.name}' cannot go back to {difference.before}: {back.reason}."


def _losses(step: Step, inside: str) -> Iterator[str]:
    match step:
        case CastField() if step.checked and step.on_failure is CastPolicy.NULL:
            yield f"Values of '{inside}{step.name}' that fail the cast stay null."
        case FillNulls():
            yield f"Which values of '{inside}{step.name}' were null is not known afterwards."
        case InStruct():
            for inner in step.steps:
                yield from _losses(inner, f"{inside}{step.name}.")
        case DropField() if inside:
            yield f"The values of '{inside}{step.name}' do not come back: it lies inside a column that is written anew."
        case _:
            pass


def _detours(steps: Sequence[Step]) -> Iterator[str]:
    """Casts by way of another type: the straight way back may not read what the last one wrote."""
    first = dict[int, tuple[str, str]]()
    said = set[int]()
    for column_id, name, from_type in _casts(steps, ""):
        if column_id in first and column_id not in said:
            said.add(column_id)
            path, original = first[column_id]
            yield f"Values of '{path}' are cast by way of {from_type}, and may not read as {original} again."
        first.setdefault(column_id, (name, from_type))


def _casts(steps: Sequence[Step], inside: str) -> Iterator[tuple[int, str, str]]:
    """The id and the path of each column or field that is cast, and the type it is cast from, in order."""
    for step in steps:
        match step:
            case CastField():
                yield step.column_id, f"{inside}{step.name}", step.from_type
            case InStruct():
                yield from _casts(step.steps, f"{inside}{step.name}.")
            case _:
                pass


def _conditions(differences: Sequence[Difference]) -> Iterator[str]:
    dropped = set[int]()
    for difference in differences:
        if isinstance(difference, ColumnDropped):
            dropped |= {difference.column.id, *difference.column.field_ids.values()}
    for difference in differences:
        match difference:
            case ColumnAdded():
                yield f"What is written to '{difference.column.name}' until then goes with it."
            case ColumnDropped():
                name = difference.column.name
                yield f"'{name}' comes back while the table's earlier version exists; rows written since read null."
            case ColumnRetyped():
                back = classify(parse_type(difference.after), parse_type(difference.before))
                if back.cast_class is CastClass.CHECKED:
                    yield f"Every value of '{difference.name}' must fit {difference.before} then."
            case IndexDropped() if dropped.intersection(difference.index.column_ids):
                yield f"Index '{difference.index.name}' is to be built again afterwards."
            case _:
                pass
