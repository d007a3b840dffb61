"""``audit events`` and ``audit report``: reading the audit trail, and what is made of it."""

import sys
from pathlib import Path
from typing import Any

import click

from api.cli.calling import calls_service
from api.cli.output import say, show_json, show_table
from api.client.calls import Client, ServiceError

COLUMNS = ["position", "when", "who", "type", "table", "result", "why"]


@click.command()
@click.option("--table", help="Only about this table, by its id or as dataset.name")
@click.option("--actor", help="Only what this subject did")
@click.option("--type", "kind", help="Only events of this type, such as migration.succeeded")
@click.option("--from", "start", help="A moment (RFC 3339): recorded from then on")
@click.option("--to", "end", help="A moment: recorded before it")
@click.option("--after", type=click.IntRange(min=0), help="Only what stands in the log after this position")
@click.option("--format", "wanted", type=click.Choice(["ndjson", "csv", "parquet"]), help="Export all of it like this")
@click.option("-f", "--file", type=click.Path(path_type=Path, dir_okay=False), help="Where an export is written")
@calls_service
def events(
    client: Client,
    as_json: bool,
    table: str | None,
    actor: str | None,
    kind: str | None,
    start: str | None,
    end: str | None,
    after: int | None,
    wanted: str | None,
    file: Path | None,
) -> None:
    """Show the audit trail, oldest first, or export it with --format. Either is recorded in it."""
    table_id = client.table_id(table) if table else None
    asked = {"tableId": table_id, "actor": actor, "type": kind, "from": start, "to": end, "afterPosition": after}
    if wanted is not None:
        _export(client, file, {**asked, "format": wanted})
    elif file is not None:
        raise click.UsageError("Say with --format how the file is to be written.")
    elif as_json:
        show_json(list(client.all("/audit/events", "events", **asked)))
    else:
        show_table(COLUMNS, (_row(event) for event in client.all("/audit/events", "events", **asked)))


@click.command()
@click.option("--table", help="A table, by its id or as dataset.name")
@click.option("--from", "start", help="A moment (RFC 3339): what happened from then on")
@click.option("--to", "end", help="A moment: what happened before it")
@click.option("--format", "wanted", type=click.Choice(["html", "markdown"]), default="markdown", show_default=True)
@click.option("-f", "--file", type=click.Path(path_type=Path, dir_okay=False), help="Where to write it")
@calls_service
def report(
    client: Client,
    as_json: bool,
    table: str | None,
    start: str | None,
    end: str | None,
    wanted: str,
    file: Path | None,
) -> None:
    """The changes of a table or of a period, for somebody who has to answer for them."""
    if table is None and start is None:
        raise click.UsageError("Give --table, or --from with or without --to.")
    asked = {"tableId": client.table_id(table) if table else None, "from": start, "to": end, "format": wanted}
    if file is None:
        client.copy("/audit/report", sys.stdout.buffer, **asked)
        return
    written = client.download("/audit/report", file, **asked)
    if as_json:
        show_json({"file": str(written)})
    else:
        say(f"{written} is written.")


def _export(client: Client, file: Path | None, asked: dict[str, Any]) -> None:
    if file is not None:
        say(f"{client.download('/audit/events', file, **asked)} is written.")
    elif asked["format"] == "parquet" and sys.stdout.isatty():
        raise ServiceError("Parquet is nothing to look at: name a file with --file.")
    else:
        client.copy("/audit/events", sys.stdout.buffer, **asked)


def _row(event: dict[str, Any]) -> list[Any]:
    who = event.get("actorName") or event["actor"]
    whom = event.get("onBehalfOfName") or event.get("onBehalfOf")
    return [
        event["position"],
        event["recordedAt"],
        f"{who} for {whom}" if whom else who,
        event["type"],
        event.get("tableId"),
        event["result"],
        event.get("reason"),
    ]
