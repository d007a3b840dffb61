"""What a table cannot have done to it, whatever the change: by what its columns are and by how it is stored."""

from collections.abc import Iterator, Sequence

from domain.column_types import Opaque, opaque_beginning, opaque_types
from domain.engine import EngineProfile
from domain.errors import ColumnNotCopied, ColumnOpaque, ColumnUnreadable, Refusal, StorageTooOld
from domain.extension import as_shown
from domain.schema import Column, Schema
from domain.steps import (
    AddField,
    BuildIndex,
    CastField,
    CheckNoNulls,
    CheckUnique,
    FillNulls,
    InStruct,
    RestoreField,
    SetNullability,
    Step,
    writes_values,
)


def step_refusals(step: Step, schema: Schema, source: Schema, profile: EngineProfile) -> Iterator[Refusal]:
    """Why the step cannot be done. ``schema`` is the one it meets, ``source`` the one the table has."""
    if profile.writes_refused and (writes_values(step) or isinstance(step, AddField | RestoreField)):
        yield StorageTooOld(profile.writes_refused)
    for column_id in schema.owners(looked_at(step) or _declared(step)):
        if (column := schema.by_id(column_id)) is not None and (opaque := _in_the_way(step, column, schema, profile)):
            yield ColumnOpaque(column.name, opaque.text)
    for column_id in source.owners(looked_at(step)):
        stored = source.by_id(column_id)
        if stored is not None and _is_unreadable(stored.name, profile):
            yield ColumnUnreadable(stored.name, profile.name)


def index_refusals(steps: Sequence[Step], profile: EngineProfile) -> Iterator[Refusal]:
    """Why an index of the migration cannot be built beside the rest of it."""
    built = any(isinstance(step, BuildIndex) for step in steps)
    written = any(writes_values(step) or isinstance(step, AddField | RestoreField) for step in steps)
    if profile.indexes_refused and built and written:
        yield StorageTooOld(profile.indexes_refused)


def copy_refusals(source: Schema, target: Schema, steps: Sequence[Step], profile: EngineProfile) -> Iterator[Refusal]:
    """Why a column cannot be called what another was: beside new values that takes a copy of its own."""
    if not any(writes_values(step) or isinstance(step, AddField | RestoreField) for step in steps):
        return
    own_names, taken = {column.id: column.name for column in source.columns}, set(source.names)
    for column in target.columns:
        # Most keep their name: it is looked at first, because a table may have thousands.
        takes_over = own_names.get(column.id, column.name) != column.name and column.name in taken
        if takes_over and (opaque := opaque_beginning(column.type, profile.uncopied_types)) is not None:
            yield ColumnNotCopied(column.name, opaque.text)


def looked_at(step: Step) -> tuple[int, ...]:
    """The ids of the columns and fields whose values the step reads."""
    match step:
        case CastField() | FillNulls() | CheckNoNulls() | InStruct():
            return (step.column_id,)
        case CheckUnique():
            return step.column_ids
        case BuildIndex():
            return step.index.column_ids
        case _:
            return ()


def _declared(step: Step) -> tuple[int, ...]:
    """The column of which the step says what would take another pass over its values to keep."""
    return (step.column_id,) if isinstance(step, SetNullability) else ()


def _in_the_way(step: Step, column: Column, schema: Schema, profile: EngineProfile) -> Opaque | None:
    """The opaque type that the step would have to understand, or to copy where it cannot be copied."""
    if isinstance(shown := as_shown(column).type, Opaque):
        return shown
    indexed = schema.type_under(step.index) if isinstance(step, BuildIndex) else None
    if isinstance(step, InStruct):
        return opaque_beginning(column.type, profile.uncopied_types)
    return (
        next(opaque_types(indexed or column.type), None)
        if isinstance(step, FillNulls | BuildIndex | CheckUnique)
        else None
    )


def _is_unreadable(name: str, profile: EngineProfile) -> bool:
    return bool(profile.unreadable_characters) and (not name or not set(profile.unreadable_characters).isdisjoint(name))
