"""What the command line shows: rich on a terminal, plain lines elsewhere, JSON when asked for."""

import sys
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import click
import msgspec

from api.http.wire import OperationBody

if TYPE_CHECKING:
    from rich.console import Console

DONE, ERROR, FAILED, CANCELLED, STILL_RUNNING = 0, 1, 3, 4, 5
CHANGES, HAZARDS = 6, 7
"""Exit codes. 2 is a wrong call of the command line itself; 6 and 7 say that a plan would change something, the second
that there is something to know before."""

EXIT_CODES = {"completed": DONE, "failed": FAILED, "cancelled": CANCELLED}


@cache
def console() -> "Console":
    """Standard output. What draws on terminals is imported only for those who draw."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True)


def say(line: str) -> None:
    """A plain line, tabs and all."""
    click.echo(line)


def show_json(value: object) -> None:
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
    sys.stdout.buffer.flush()


def show_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table on a terminal, tab-separated lines elsewhere."""
    if not console().is_terminal:
        for row in rows:
            say("\t".join("" if cell is None else str(cell) for cell in row))
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*("" if cell is None else Text(str(cell)) for cell in row))
    console().print(table)


def show_error(message: str) -> None:
    from rich.console import Console
    from rich.text import Text

    Console(stderr=True, highlight=False, soft_wrap=True).print(Text(f"Error: {message}", style="red"))


def show_progress(operations: Iterable[OperationBody], *, quiet: bool = False) -> OperationBody:
    """Shows each change of an operation and returns its last state."""
    if quiet:
        return list(operations)[-1]
    return _bar(operations) if console().is_terminal else _lines(operations)


def _bar(operations: Iterable[OperationBody]) -> OperationBody:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.fields[status]:<9}"), BarColumn(30), TextColumn("{task.percentage:>5.1f}%"))
    with Progress(*columns, TimeElapsedColumn(), TextColumn("{task.description}"), console=console()) as progress:
        task = progress.add_task("", total=100, status="pending")
        for seen in operations:
            operation = seen
            progress.update(task, completed=seen.progress_percent, description=message_of(seen), status=seen.status)
    return operation


def _lines(operations: Iterable[OperationBody]) -> OperationBody:
    for seen in operations:
        operation = seen
        say(f"{seen.status}\t{seen.progress_percent:.1f}%\t{message_of(seen)}")
    return operation


def message_of(operation: OperationBody) -> str:
    """The failure's sentence, or what the operation is doing."""
    if operation.error:
        return f"{operation.error.message} ({operation.error.code})"
    return operation.progress_message or ""
