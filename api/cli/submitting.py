"""Submitting long work, and what happens once it is accepted: following it to its end, or not.

Whoever interrupts it is told how to take it up again. Whatever is submitted has an idempotency key, so that the same
command with the same key follows the operation that there is.
"""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
import msgspec

from api.cli.output import EXIT_CODES, STILL_RUNNING, console, message_of, say, show_json, show_progress
from api.client.calls import IDEMPOTENCY_KEY, Client, NoAnswer, new_key
from api.client.service import Operation
from api.http.wire import OperationBody


def follow_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """How to go on once an operation is accepted."""
    timeout = click.option(
        "--timeout", type=click.FloatRange(min=0), help="Seconds to follow; exit code 5 when it still runs"
    )
    return click.option("--no-wait", is_flag=True, help="Only submit")(timeout(command))


def submit_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """How to submit an operation, and how to go on once it is accepted."""
    key = click.option("--idempotency-key", help="A repeat with the same key follows the same operation")
    return key(follow_options(command))


def submit(
    client: Client,
    method: str,
    path: str,
    body: object = None,
    *,
    idempotency_key: str | None = None,
    if_match: str | None = None,
    again: str = "The same command with --idempotency-key {key} follows it, if it was.",
) -> dict[str, Any]:
    """The operation that was accepted. Raises NoAnswer, with how to find out whether it was."""
    key = idempotency_key or new_key()
    headers = {IDEMPOTENCY_KEY: key} if if_match is None else {IDEMPOTENCY_KEY: key, "If-Match": if_match}
    again = f"Whether it was accepted is not known. {again.format(key=key)}"
    try:
        with interruptible():
            accepted: dict[str, Any] = client.call(method, path, body, headers)
    except KeyboardInterrupt:
        click.echo(f"\n{again}", err=True)
        sys.exit(STILL_RUNNING)
    except NoAnswer as error:
        raise NoAnswer(f"{error}\n{again}") from error
    return accepted


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM, with which pipelines end their jobs, is meanwhile what Ctrl-C is: KeyboardInterrupt."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def submitted(client: Client, operation: dict[str, Any], *, as_json: bool, no_wait: bool, timeout: float | None) -> int:
    """Follows an operation that was accepted, unless only that was wanted; the exit code."""
    if not no_wait:
        accepted = msgspec.convert(operation, OperationBody)
        return follow_to_the_end(Operation(client, accepted), timeout, as_json=as_json)
    if as_json:
        show_json(operation)
    else:
        say(operation["operationId"])
    return STILL_RUNNING


def follow_to_the_end(operation: Operation, timeout: float | None, *, as_json: bool) -> int:
    """Shows the operation until it ends; the exit code that says how."""
    if not as_json:
        say(f"operation {operation.id}")
    try:
        with interruptible():
            last = show_progress(operation.follow(timeout), quiet=as_json)
    except KeyboardInterrupt:
        click.echo(f"\nIt goes on without us. Follow it again: schemaledger operations follow {operation.id}", err=True)
        click.echo(f"Stop it: schemaledger operations cancel {operation.id}", err=True)
        return STILL_RUNNING
    if as_json:
        show_json(last)
    elif last.status != "completed" and console().is_terminal:
        say(message_of(last))
    return EXIT_CODES.get(last.status, STILL_RUNNING)
