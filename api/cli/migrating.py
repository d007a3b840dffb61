"""``migrate`` and ``revert``: doing a migration, and undoing it."""

import sys
from typing import Any, TextIO

import click
import msgspec

from api.cli.calling import calls_service
from api.cli.output import DONE, ERROR, show_json
from api.cli.plans import show_plan
from api.cli.submitting import submit, submit_options, submitted
from api.client.calls import Client, ServiceError

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


@click.command(help=f"Execute the operations in FILE (JSON, '-' for standard input) and follow them. {TABLE_HELP}")
@click.argument("table")
@click.argument("file", type=click.File(encoding="utf-8"), default="-")
@click.option("--description", help="Why")
@click.option("--if-match", help="The schema version the migration is meant for")
@click.option("--emergency", help="Why it cannot wait for approval; it is to be approved afterwards")
@submit_options
@calls_service
def migrate(
    client: Client,
    as_json: bool,
    table: str,
    file: TextIO,
    description: str | None,
    if_match: str | None,
    idempotency_key: str | None,
    emergency: str | None,
    **following: Any,
) -> None:
    body = read_migration(file)
    if description is not None:
        body["description"] = description
    if emergency is not None:
        body |= {"emergency": True, "emergencyReason": emergency}
    path = f"/dataset-tables/{client.table_id(table)}/migrations"
    operation = submit(client, "POST", path, body, idempotency_key=idempotency_key, if_match=if_match)
    sys.exit(submitted(client, operation, as_json=as_json, **following))


@click.command(help=f"Undo MIGRATION_ID by another migration, dropped columns with their data. {TABLE_HELP}")
@click.argument("table")
@click.argument("migration_id")
@click.option("--plan", "only_plan", is_flag=True, help="Say what it would do, and what would not come back")
@click.option("--plan-hash", help="Do only what the plan with this hash said")
@click.option("--description", help="Why")
@submit_options
@calls_service
def revert(
    client: Client,
    as_json: bool,
    table: str,
    migration_id: str,
    only_plan: bool,
    plan_hash: str | None,
    description: str | None,
    idempotency_key: str | None,
    **following: Any,
) -> None:
    path = f"/dataset-tables/{client.table_id(table)}/migrations/{migration_id}/revert"
    if only_plan:
        sys.exit(shown(client.call("POST", f"{path}/plan"), as_json=as_json))
    asked = {"description": description, "planHash": plan_hash}
    body = {member: value for member, value in asked.items() if value is not None}
    operation = submit(client, "POST", path, body, idempotency_key=idempotency_key)
    sys.exit(submitted(client, operation, as_json=as_json, **following))


def shown(plan: dict[str, Any], *, as_json: bool) -> int:
    """Shows a plan; the exit code that says whether it holds."""
    if as_json:
        show_json(plan)
    else:
        show_plan(plan)
    return DONE if plan["isValid"] else ERROR
