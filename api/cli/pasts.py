"""``diff`` and ``column``: what became of a schema, and of one column."""

from urllib.parse import quote

import click

from api.cli.calling import calls_service
from api.cli.migrating import TABLE_HELP
from api.cli.output import say, show_json, show_table
from api.cli.plans import show_differences
from api.client.calls import Client


@click.command(help=f"What became of the schema, by default in the last version. {TABLE_HELP}")
@click.argument("table")
@click.option("--from", "first", type=click.IntRange(min=1), help="By default the version before --to")
@click.option("--to", "second", type=click.IntRange(min=1), help="By default the current version")
@calls_service
def diff(client: Client, as_json: bool, table: str, first: int | None, second: int | None) -> None:
    path = f"/dataset-tables/{client.table_id(table)}/schema/diff"
    found = client.call("GET", path, None, None, **{"from": first, "to": second})
    if as_json:
        show_json(found)
        return
    if not found["differences"]:
        say(f"Nothing differs between version {found['fromVersion']} and version {found['toVersion']}.")
    show_differences(found["differences"])


@click.command(help=f"The biography of the column that has NAME, or had it last. {TABLE_HELP}")
@click.argument("table")
@click.argument("name")
@calls_service
def column(client: Client, as_json: bool, table: str, name: str) -> None:
    found = client.call("GET", f"/dataset-tables/{client.table_id(table)}/columns/{quote(name, safe='')}/history")
    if as_json:
        show_json(found)
        return
    rows = (
        [
            told["versionNumber"],
            told["appliedAt"],
            told["event"],
            "; ".join(change["description"] for change in told["changes"]),
            told.get("adoptedBy") or told.get("createdBy"),
            told.get("description"),
        ]
        for told in found["history"]
    )
    show_table(["version", "when", "event", "what", "by", "why"], rows)
