"""How wide a row is for those who read or write it whole, by its types alone: nothing has to be opened to know it."""

from collections.abc import Iterable, Iterator
from typing import assert_never

from domain.column_types import fixed_width
from domain.engine import Job
from domain.errors import RowTooWide
from domain.schema import Column
from domain.steps import (
    AddField,
    BuildIndex,
    CastField,
    CheckNoNulls,
    CheckUnique,
    Compact,
    DeclareField,
    DeclareKey,
    DropField,
    DropIndex,
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

MAX_ROW_WIDTH = 1 << 26
"""Bytes of a row of a new table in columns whose values have a fixed size: every reader holds some rows at once."""
COPIES = 3
"""How often a row is in memory at least while it is written anew: read, made, and gathered for the file."""


def refuse_wide_rows(columns: Iterable[Column], most: int, because: str) -> None:
    """Raises RowTooWide."""
    widths = {column.name: fixed_width(column.type) for column in columns}
    if (width := sum(widths.values())) > most:
        raise RowTooWide(max(widths, key=lambda name: widths[name]), width, most, because)


def refuse_what_does_not_fit(job: Job, memory: int | None) -> None:
    """Raises RowTooWide where so many bytes do not hold a single row of what the job reads or writes."""
    if memory is not None:
        because = f"a worker with {memory:,} bytes holds it {COPIES} times (SCHEMALEDGER_WORKER_MEMORY)"
        refuse_wide_rows(_touched(job), memory // COPIES, because)


def _touched(job: Job) -> list[Column]:
    """The columns whose values are read or written, as they are before."""
    ids = {column_id for step in job.steps for column_id in _columns_of(step, job)}
    return [column for column in job.source.columns if ids & {column.id, *column.field_ids.values()}]


def _columns_of(step: Step, job: Job) -> Iterator[int]:
    match step:
        case Compact() | RewriteStorage():
            yield from (column.id for column in job.source.columns)
        case CastField() | FillNulls() | CheckNoNulls() | InStruct():
            yield step.column_id
        case CheckUnique():
            yield from step.column_ids
        case BuildIndex():
            yield from step.index.column_ids
        case AddField() | RestoreField() | DropField() | RenameField() | SetNullability() | MoveField():
            # What is new is limited when it is asked for, and what is only said of a column reads none of it.
            pass
        case DeclareField() | DeclareKey() | DropIndex() | RenameManifests():
            pass
        case _:
            assert_never(step)
