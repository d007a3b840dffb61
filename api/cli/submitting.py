"""What happens once an operation is accepted: following it to its end, or not."""

from collections.abc import Callable
from typing import Any

import click

from api.cli.output import EXIT_CODES, STILL_RUNNING, console, message_of, say, show_json, show_progress
from api.client.calls import Client
from api.client.following import follow


def follow_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """How to go on once an operation is accepted."""
    timeout = click.option(
        "--timeout", type=click.FloatRange(min=0), help="Seconds to follow; exit code 5 when it still runs"
    )
    return click.option("--no-wait", is_flag=True, help="Only submit")(timeout(command))


def submitted(client: Client, operation: dict[str, Any], *, as_json: bool, no_wait: bool, timeout: float | None) -> int:
    """Follows an operation that was accepted, unless only that was wanted; the exit code."""
    if not no_wait:
        return follow_to_the_end(client, operation["operationId"], timeout, as_json=as_json)
    if as_json:
        show_json(operation)
    else:
        say(operation["operationId"])
    return STILL_RUNNING


def follow_to_the_end(client: Client, operation_id: str, timeout: float | None, *, as_json: bool) -> int:
    """Shows the operation until it ends; the exit code that says how."""
    if not as_json:
        say(f"operation {operation_id}")
    try:
        last = show_progress(follow(client, operation_id, timeout), quiet=as_json)
    except KeyboardInterrupt:
        click.echo(f"\nIt goes on without us. Follow it again: schemaledger operations follow {operation_id}", err=True)
        click.echo(f"Stop it: schemaledger operations cancel {operation_id}", err=True)
        return STILL_RUNNING
    if as_json:
        show_json(last)
    elif last.status != "completed" and console.is_terminal:
        say(message_of(last))
    return EXIT_CODES.get(last.status, STILL_RUNNING)
