"""``operations``, ``tables`` and ``schema``: looking at what is there."""

import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from api.cli.calling import calls_service
from api.cli.migrating import TABLE_HELP
from api.cli.output import say, show_json, show_table
from api.cli.submitting import follow_options, follow_to_the_end, submitted
from api.client.calls import Client, ServiceError
from api.client.service import Service

FIELD_HELP = "name:type, with ' not null' after the type if so. May be given several times."


@click.group()
def operations() -> None:
    """Look at operations, follow them, cancel them, and ask for them again."""


@operations.command("list")
@click.option("--status", type=click.Choice(["pending", "running", "completed", "failed", "cancelled"]))
@calls_service
def list_operations(client: Client, as_json: bool, status: str | None) -> None:
    """All operations, newest first."""
    found = list(client.all("/operations", "operations", status=status))
    if as_json:
        show_json(found)
    else:
        rows = ([o["operationId"], o["status"], f"{o['progressPercent']:.1f}%", o["description"]] for o in found)
        show_table(["operation", "status", "progress", "description"], rows)


@operations.command("follow")
@click.argument("operation_id")
@click.option("--timeout", type=click.FloatRange(min=0), help="Seconds to follow; exit code 5 when it still runs")
@calls_service
def follow_operation(client: Client, as_json: bool, operation_id: str, timeout: float | None) -> None:
    """Follow an operation to its end; the exit code says how it ended."""
    followed = Service.over(client).operation(operation_id)
    sys.exit(follow_to_the_end(followed, timeout, as_json=as_json))


@operations.command("cancel")
@click.argument("operation_id")
@click.option("--reason", default="asked on the command line", show_default=True)
@calls_service
def cancel_operation(client: Client, as_json: bool, operation_id: str, reason: str) -> None:
    """Ask for an operation to stop. It may still be completed, when that came first."""
    found = client.call("POST", f"/operations/{operation_id}/cancel", {"reason": reason})
    if as_json:
        show_json(found)
    else:
        say(f"{found['operationId']}\t{found['status']}\tcancellation requested")


@operations.command("retry")
@click.argument("operation_id")
@follow_options
@calls_service
def retry_operation(client: Client, as_json: bool, operation_id: str, **following: Any) -> None:
    """Ask again for the work of an operation that failed or was cancelled, and follow it."""
    again = client.call("POST", f"/operations/{operation_id}/retry")
    sys.exit(submitted(client, again, as_json=as_json, **following))


@click.group()
def tables() -> None:
    """Look at tables and bring them under management."""


@tables.command("list")
@click.option("--dataset", help="Only this dataset's")
@calls_service
def list_tables(client: Client, as_json: bool, dataset: str | None) -> None:
    """All tables, newest first."""
    found = list(client.all("/dataset-tables", "tables", datasetId=dataset))
    if as_json:
        show_json(found)
    else:
        rows = ([f"{t['datasetId']}.{t['tableName']}", t["tableId"], t["engine"], t["versionNumber"]] for t in found)
        show_table(["table", "id", "engine", "version"], rows)


@tables.command("create")
@click.argument("dataset")
@click.argument("name")
@click.option("--field", "fields", multiple=True, required=True, help=FIELD_HELP)
@click.option("--engine", default="lance", show_default=True)
@calls_service
def create_table(client: Client, as_json: bool, dataset: str, name: str, fields: tuple[str, ...], engine: str) -> None:
    """Make an empty table."""
    described = [read_field(field) for field in fields]
    _add(client, as_json, {"datasetId": dataset, "tableName": name, "engine": engine, "fields": described})


@tables.command("register")
@click.argument("dataset")
@click.argument("name")
@click.argument("location")
@click.option("--engine", default="lance", show_default=True)
@calls_service
def register_table(client: Client, as_json: bool, dataset: str, name: str, location: str, engine: str) -> None:
    """Bring the table at LOCATION under management as it is."""
    place = str(Path(location).absolute()) if Path(location).exists() else location
    _add(client, as_json, {"datasetId": dataset, "tableName": name, "engine": engine, "location": place})


def _add(client: Client, as_json: bool, body: dict[str, Any]) -> None:
    found = client.call("POST", "/dataset-tables", body)
    if as_json:
        show_json(found)
    else:
        say(f"{found['datasetId']}.{found['tableName']}\t{found['tableId']}\t{found['location']}")


def read_field(text: str) -> dict[str, Any]:
    """``name:type`` or ``name:type not null``."""
    name, colon, data_type = text.partition(":")
    if not colon:
        raise ServiceError(f"'{text}' is no field; name:type is expected, for example id:int64.")
    bare = data_type.strip()
    nullable = not bare.lower().endswith(" not null")
    return {"name": name, "arrowType": bare if nullable else bare[: -len(" not null")], "nullable": nullable}


@click.command(help=f"The columns of a table, now or in an earlier version. {TABLE_HELP}")
@click.argument("table")
@click.option("--version", type=click.IntRange(min=1), help="The schema version to show")
@click.option("--versions", is_flag=True, help="List the versions instead")
@click.option("--at", help="As it was at this moment (RFC 3339)")
@click.option("--known-at", help="As it was known at this moment (RFC 3339)")
@click.option("--position", type=click.IntRange(min=1), help="As of this position of the log")
@calls_service
def schema(
    client: Client,
    as_json: bool,
    table: str,
    version: int | None,
    versions: bool,
    at: str | None,
    known_at: str | None,
    position: int | None,
) -> None:
    path = f"/dataset-tables/{client.table_id(table)}/schema"
    if versions:
        _show_versions(list(client.all(f"{path}/versions", "versions")), as_json)
        return
    found = client.call("GET", path, version=version, at=at, knownAt=known_at, position=position)
    if as_json:
        show_json(found)
        return
    rows = (
        [field["name"], field["dataType"], "" if field["nullable"] else "not null", _default(field)]
        for field in found["fields"]
    )
    show_table(["column", "type", "null", "default"], rows)


def _show_versions(found: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        show_json(found)
    else:
        rows = ([v["versionNumber"], v["appliedAt"], v.get("migrationId")] for v in found)
        show_table(["version", "applied", "migration"], rows)


def _default(field: dict[str, Any]) -> str:
    default = field.get("writeDefault")
    return "" if default is None else f"default {msgspec.json.encode(default).decode()}"
