"""``plan`` and ``apply``: what a pipeline asks, shows in a pull request, and then does, and nothing else."""

import sys
from pathlib import Path
from typing import Any, TextIO

import click
import msgspec
from msgspec import Struct

from api.cli.calling import calls_service
from api.cli.migrating import TABLE_HELP, read_migration
from api.cli.output import CHANGES, DONE, ERROR, HAZARDS, say, show_json
from api.cli.plans import as_markdown, show_differences, show_plan
from api.cli.submitting import follow_options, submit, submitted
from api.client.calls import Client, ServiceError

STALE = ("plan_mismatch", "schema_version_mismatch")


class PlanFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """What ``plan --out`` writes and ``apply`` carries out: the migration, and the plan that was looked at."""

    schemaledger_plan: int = 1
    table_id: str
    migration: dict[str, Any]
    base_version: int
    plan_hash: str


@click.command(help=f"Say what the operations in FILE (JSON, '-' for standard input) would do. {TABLE_HELP}")
@click.argument("table")
@click.argument("file", type=click.File(encoding="utf-8"), default="-")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write a plan for `apply --plan`")
@click.option("--markdown", type=click.Path(path_type=Path), help="Write a summary for a pull request")
@click.option("--detailed-exitcode", is_flag=True, help="0: changes nothing; 6: changes; 7: changes with hazards")
@calls_service
def plan(
    client: Client,
    as_json: bool,
    table: str,
    file: TextIO,
    out: Path | None,
    markdown: Path | None,
    detailed_exitcode: bool,
) -> None:
    migration, table_id = read_migration(file), client.table_id(table)
    found = client.call("POST", f"/dataset-tables/{table_id}/migrations/plan", migration)
    if as_json:
        show_json(found)
    else:
        show_plan(found)
    if markdown is not None:
        markdown.write_text(as_markdown(table, found))
    if out is not None and found["isValid"]:
        hashed = PlanFile(
            table_id=table_id, migration=migration, base_version=found["baseVersion"], plan_hash=found["planHash"]
        )
        out.write_bytes(msgspec.json.format(msgspec.json.encode(hashed), indent=2) + b"\n")
    sys.exit(exit_code(found, detailed=detailed_exitcode))


def exit_code(found: dict[str, Any], *, detailed: bool) -> int:
    if not found["isValid"]:
        return ERROR
    if not detailed or not found["diff"]:
        return DONE
    return HAZARDS if found["hazards"] else CHANGES


@click.command()
@click.option("--plan", "file", type=click.File("rb"), required=True, help="What `plan --out` wrote")
@follow_options
@calls_service
def apply(client: Client, as_json: bool, file: Any, **following: Any) -> None:
    """Carry out a plan, and nothing else: refused when the table or the plan is not what it was.

    Carrying out the same file again follows the same operation: a pipeline that is repeated does nothing twice.
    """
    planned = read_plan(file)
    body = {**planned.migration, "planHash": planned.plan_hash}
    path, key = f"/dataset-tables/{planned.table_id}/migrations", f"{planned.plan_hash}@{planned.base_version}"
    try:
        operation = submit(
            client,
            "POST",
            path,
            body,
            idempotency_key=key,
            if_match=f'"v{planned.base_version}"',
            again="The same command follows it, if it was.",
        )
    except ServiceError as error:
        if error.code in STALE:
            _show_what_changed(client, planned)
        raise
    sys.exit(submitted(client, operation, as_json=as_json, **following))


def read_plan(file: Any) -> PlanFile:
    try:
        return msgspec.json.decode(file.read(), type=PlanFile)
    except msgspec.DecodeError as error:
        raise ServiceError(f"{file.name} is no plan: {error}. `schemaledger plan --out` writes one.") from error


def _show_what_changed(client: Client, planned: PlanFile) -> None:
    """Since the plan was made: by whom, and what."""
    path = f"/dataset-tables/{planned.table_id}"
    current = client.call("GET", path)["versionNumber"]
    if current == planned.base_version:
        return
    say(f"Since the plan the table went from schema version {planned.base_version} to {current}:")
    since = client.call("GET", f"{path}/schema/diff", None, None, **{"from": planned.base_version, "to": current})
    show_differences(since["differences"])
    for version in client.all(f"{path}/schema/versions", "versions"):
        if version["versionNumber"] > planned.base_version and "migrationId" in version:
            done = client.call("GET", f"{path}/migrations/{version['migrationId']}")
            why = f": {done['description']}" if done.get("description") else ""
            say(f"  version {version['versionNumber']} by {done['createdBy']}, migration {done['migrationId']}{why}")
