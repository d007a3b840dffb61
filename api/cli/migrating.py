"""``plan`` and ``migrate``: asking what a migration would do, and doing it."""

import sys
from typing import Any, TextIO

import click
import msgspec

from api.cli.calling import calls_service
from api.cli.client import Client, ServiceError
from api.cli.following import follow
from api.cli.output import DONE, ERROR, EXIT_CODES, STILL_RUNNING, console, message_of, say, show_json, show_progress

TABLE_HELP = "TABLE is a table id or dataset.name."


def read_migration(file: TextIO) -> dict[str, Any]:
    """A migration: an object with ``operations``, or the bare list of them."""
    try:
        given = msgspec.json.decode(file.read())
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ServiceError(f"{file.name} is not JSON: {error}.") from error
    if isinstance(given, list):
        return {"operations": given}
    if not isinstance(given, dict):
        raise ServiceError(f"{file.name} holds neither a migration nor a list of operations.")
    return given


@click.command(help=f"Say what the operations in FILE (JSON, '-' for standard input) would do. {TABLE_HELP}")
@click.argument("table")
@click.argument("file", type=click.File(encoding="utf-8"), default="-")
@calls_service
def plan(client: Client, as_json: bool, table: str, file: TextIO) -> None:
    found = client.call("POST", f"/dataset-tables/{client.table_id(table)}/migrations/plan", read_migration(file))
    if as_json:
        show_json(found)
    else:
        show_plan(found)
    sys.exit(DONE if found["isValid"] else ERROR)


def show_plan(found: dict[str, Any]) -> None:
    for violation in found["violations"]:
        say(f"refused  {violation['pointer']}: {violation['message']}")
    for step in found["steps"]:
        say(f"{step['cost']:<8} {step['description']}")
    for impact in found["indexImpacts"]:
        say(f"index    {impact['indexName']}: {impact['impact']}. {impact['reason']}")
    for hazard in found["hazards"]:
        say(f"hazard   {hazard['kind']}: {hazard['message']}")
    if found["isValid"]:
        say(f"valid    from schema version {found['baseVersion']}, plan {found['planHash']}")


@click.command(help=f"Execute the operations in FILE (JSON, '-' for standard input) and follow them. {TABLE_HELP}")
@click.argument("table")
@click.argument("file", type=click.File(encoding="utf-8"), default="-")
@click.option("--description", help="Why")
@click.option("--if-match", help="The schema version the migration is meant for")
@click.option("--idempotency-key", help="A repeat with the same key follows the same operation")
@click.option("--no-wait", is_flag=True, help="Only submit")
@click.option("--timeout", type=click.FloatRange(min=0), help="Seconds to follow; exit code 5 when it still runs")
@calls_service
def migrate(
    client: Client,
    as_json: bool,
    table: str,
    file: TextIO,
    description: str | None,
    if_match: str | None,
    idempotency_key: str | None,
    no_wait: bool,
    timeout: float | None,
) -> None:
    body = read_migration(file)
    if description is not None:
        body["description"] = description
    conditions = {"If-Match": if_match, "Idempotency-Key": idempotency_key}
    headers = {name: value for name, value in conditions.items() if value is not None}
    submitted = client.call("POST", f"/dataset-tables/{client.table_id(table)}/migrations", body, headers)
    if no_wait:
        if as_json:
            show_json(submitted)
        else:
            say(submitted["operationId"])
        sys.exit(STILL_RUNNING)
    sys.exit(follow_to_the_end(client, submitted["operationId"], timeout, as_json=as_json))


def follow_to_the_end(client: Client, operation_id: str, timeout: float | None, *, as_json: bool) -> int:
    """Shows the operation until it ends; the exit code that says how."""
    if not as_json:
        say(f"operation {operation_id}")
    last = show_progress(follow(client, operation_id, timeout), quiet=as_json)
    if as_json:
        show_json(last)
    elif last.status != "completed" and console.is_terminal:
        say(message_of(last))
    return EXIT_CODES.get(last.status, STILL_RUNNING)
