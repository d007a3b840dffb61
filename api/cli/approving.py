"""``approvals``, ``approve``, ``reject`` and ``policy``: deciding about what others asked for."""

from typing import Any
from urllib.parse import quote

import click

from api.cli.calling import calls_service
from api.cli.migrating import TABLE_HELP
from api.cli.output import say, show_json, show_table
from api.client.calls import Client


@click.command()
@click.option("--all", "everything", is_flag=True, help="Also what is decided")
@calls_service
def approvals(client: Client, as_json: bool, everything: bool) -> None:
    """What waits for approval, and emergencies that were not reviewed; newest first."""
    found = list(client.all("/approvals", "approvals", state="all" if everything else "undecided"))
    if as_json:
        show_json(found)
        return
    rows = (
        [a["migrationId"], a["tableId"], a["kind"], a["status"], a["author"], ", ".join(a["hazards"]), a["planHash"]]
        for a in found
    )
    show_table(["migration", "table", "kind", "status", "asked by", "because of", "plan"], rows)


@click.command(help=f"Approve MIGRATION_ID, which somebody else asked for. {TABLE_HELP}")
@click.argument("table")
@click.argument("migration_id")
@click.option("--reason", help="Why")
@click.option("--plan-hash", help="Approve only the plan with this hash")
@calls_service
def approve(
    client: Client, as_json: bool, table: str, migration_id: str, reason: str | None, plan_hash: str | None
) -> None:
    asked = {"reason": reason, "planHash": plan_hash}
    body = {member: value for member, value in asked.items() if value is not None}
    _decide(client, as_json, table, migration_id, "approve", body)


@click.command(help=f"Reject MIGRATION_ID, which somebody else asked for. {TABLE_HELP}")
@click.argument("table")
@click.argument("migration_id")
@click.option("--reason", required=True, help="Why")
@calls_service
def reject(client: Client, as_json: bool, table: str, migration_id: str, reason: str) -> None:
    _decide(client, as_json, table, migration_id, "reject", {"reason": reason})


@click.group()
def policy() -> None:
    """See and set which migrations of a dataset need approval."""


@policy.command("show")
@click.argument("dataset")
@calls_service
def show_policy(client: Client, as_json: bool, dataset: str) -> None:
    """What needs approval in DATASET."""
    _show(client.call("GET", _path(dataset)), as_json)


@policy.command("set")
@click.argument("dataset")
@click.option("--hazard", "hazards", multiple=True, help="data_loss, irreversible, ...; by default data_loss")
@click.option("--nothing", is_flag=True, help="Nothing needs approval, whatever the installation's default says")
@click.option("--approver", "approvers", multiple=True, help="Who may decide; none given: whoever has the scope")
@calls_service
def set_policy(
    client: Client, as_json: bool, dataset: str, hazards: tuple[str, ...], nothing: bool, approvers: tuple[str, ...]
) -> None:
    """Migrations of DATASET with one of these hazards need approval from now on."""
    if nothing and hazards:
        raise click.UsageError("--nothing and --hazard do not go together.")
    named = {"hazards": hazards} if nothing or hazards else {}
    _show(client.call("PUT", _path(dataset), {**named, "approvers": approvers}), as_json)


@policy.command("remove")
@click.argument("dataset")
@calls_service
def remove_policy(client: Client, as_json: bool, dataset: str) -> None:
    """The installation's default holds in DATASET again."""
    client.call("DELETE", _path(dataset))
    if not as_json:
        say(f"{dataset}\tdefault")


def _decide(client: Client, as_json: bool, table: str, migration_id: str, act: str, body: dict[str, Any]) -> None:
    path = f"/dataset-tables/{client.table_id(table)}/migrations/{migration_id}/{act}"
    operation = client.call("POST", path, body)
    if as_json:
        show_json(operation)
    else:
        say(f"{operation['operationId']}\t{operation['status']}\t{operation.get('progressMessage', '')}")


def _path(dataset: str) -> str:
    return f"/datasets/{quote(dataset, safe='')}/approval-policy"


def _show(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        show_json(found)
        return
    by = ", ".join(found.get("approvers", ())) or "whoever has the scope"
    say(f"{found['datasetId']}\t{', '.join(found['hazards']) or 'nothing'}\t{by}\t({found['source']})")
