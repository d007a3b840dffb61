"""``drift``, ``adopt``, ``compact`` and ``indexes``: keeping tables as the log says, small and fast."""

import sys
from typing import Any

import click

from api.cli.calling import calls_service
from api.cli.migrating import TABLE_HELP
from api.cli.output import DONE, FAILED, say, show_json, show_table
from api.cli.plans import show_differences
from api.cli.submitting import submit, submit_options, submitted
from api.client.calls import Client


@click.command(help=f"Compare the real table with the log; exit code 3 when they differ. {TABLE_HELP}")
@click.argument("table")
@calls_service
def drift(client: Client, as_json: bool, table: str) -> None:
    found = client.call("GET", f"/dataset-tables/{client.table_id(table)}/drift")
    if as_json:
        show_json(found)
    elif found["drifted"]:
        say(f"The table is not as schema version {found['versionNumber']} says, since {found['since']}:")
        show_differences(found["diff"])
    else:
        say(f"The table is as schema version {found['versionNumber']} says.")
    sys.exit(FAILED if found["drifted"] else DONE)


@click.command(help=f"Record what was changed outside as a migration of unknown author. {TABLE_HELP}")
@click.argument("table")
@click.option("--description", help="What is known of why")
@calls_service
def adopt(client: Client, as_json: bool, table: str, description: str | None) -> None:
    found = client.call("POST", f"/dataset-tables/{client.table_id(table)}/adopt", {"description": description})
    if as_json:
        show_json(found)
    else:
        say(f"{found['migrationId']}\tadopted")


@click.command(help=f"Make few whole files of many small or much deleted-from ones. {TABLE_HELP}")
@click.argument("table")
@submit_options
@calls_service
def compact(client: Client, as_json: bool, table: str, idempotency_key: str | None, **following: Any) -> None:
    _maintain(client, as_json, table, "compact", idempotency_key, **following)


@click.command("migrate-manifest-paths", help=f"Give a Lance table's manifests the names in use now. {TABLE_HELP}")
@click.argument("table")
@submit_options
@calls_service
def migrate_manifest_paths(
    client: Client, as_json: bool, table: str, idempotency_key: str | None, **following: Any
) -> None:
    _maintain(client, as_json, table, "migrate-manifest-paths", idempotency_key, **following)


@click.command("rewrite-storage", help=f"Write a Lance table again in the newest storage version. {TABLE_HELP}")
@click.argument("table")
@submit_options
@calls_service
def rewrite_storage(client: Client, as_json: bool, table: str, idempotency_key: str | None, **following: Any) -> None:
    _maintain(client, as_json, table, "rewrite-storage", idempotency_key, **following)


def _maintain(
    client: Client, as_json: bool, table: str, work: str, idempotency_key: str | None, **following: Any
) -> None:
    path = f"/dataset-tables/{client.table_id(table)}/{work}"
    operation = submit(client, "POST", path, idempotency_key=idempotency_key)
    sys.exit(submitted(client, operation, as_json=as_json, **following))


@click.group()
def indexes() -> None:
    """Look at, build and drop the indexes of a table."""


@indexes.command("list", help=f"The indexes of a table. {TABLE_HELP}")
@click.argument("table")
@calls_service
def list_indexes(client: Client, as_json: bool, table: str) -> None:
    found = client.call("GET", f"/dataset-tables/{client.table_id(table)}/indexes")["indexes"]
    if as_json:
        show_json(found)
    else:
        rows = ([i["name"], ", ".join(i["columns"]), i["indexType"], i.get("metric")] for i in found)
        show_table(["index", "columns", "type", "metric"], rows)


@indexes.command("build", help=f"Build an index on COLUMN; a vector index where --metric is given. {TABLE_HELP}")
@click.argument("table")
@click.argument("column")
@click.option("--type", "index_type", required=True, help="btree, bitmap, ivf_flat, ... as the engine offers")
@click.option("--name", help="By default <column>_idx")
@click.option("--metric", help="l2, cosine, ...: how near vectors are")
@submit_options
@calls_service
def build_index(
    client: Client,
    as_json: bool,
    table: str,
    column: str,
    index_type: str,
    name: str | None,
    metric: str | None,
    idempotency_key: str | None,
    **following: Any,
) -> None:
    asked = {"column": column, "indexType": index_type, "name": name, "metric": metric}
    body = {member: value for member, value in asked.items() if value is not None}
    path = f"/dataset-tables/{client.table_id(table)}/indexes"
    operation = submit(client, "POST", path, body, idempotency_key=idempotency_key)
    sys.exit(submitted(client, operation, as_json=as_json, **following))


@indexes.command("drop", help=f"Drop an index; the column stays. {TABLE_HELP}")
@click.argument("table")
@click.argument("name")
@submit_options
@calls_service
def drop_index(
    client: Client, as_json: bool, table: str, name: str, idempotency_key: str | None, **following: Any
) -> None:
    path = f"/dataset-tables/{client.table_id(table)}/indexes/{name}"
    operation = submit(client, "DELETE", path, idempotency_key=idempotency_key)
    sys.exit(submitted(client, operation, as_json=as_json, **following))
