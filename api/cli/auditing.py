"""``audit``: checkpoints, evidence, and verification."""

import sys
from pathlib import Path
from typing import Any

import click

from api.cli.calling import calls_service
from api.cli.output import DONE, ERROR, say, show_json
from api.cli.running import setting_options, settings_from
from api.cli.trails import events, report
from api.cli.verifier import verify_bundle
from api.client.calls import Client, ServiceError

MOST_PROBLEMS = 20


@click.group()
def audit() -> None:
    """Prove the schema history, and verify the proof."""


audit.add_command(events)
audit.add_command(report)


@audit.command()
@calls_service
def checkpoint(client: Client, as_json: bool) -> None:
    """Show the last checkpoint, as it was signed."""
    if as_json:
        show_json(client.call("GET", "/audit/checkpoints", pageSize=1)["checkpoints"])
    else:
        say(client.text("/audit/checkpoint").rstrip("\n"))


@audit.command()
@click.option("--table", help="A table, by its id or as dataset.name: everything of it")
@click.option("--migration", help="A migration, by its id")
@click.option("--operation", help="An operation, by its id")
@click.option("--from", "start", help="A moment (RFC 3339): all events recorded from then on")
@click.option("--to", "end", help="With --from: before this moment; default: now")
@click.option("-f", "--file", type=click.Path(path_type=Path, dir_okay=False), help="Where to write it")
@calls_service
def evidence(
    client: Client,
    as_json: bool,
    table: str | None,
    migration: str | None,
    operation: str | None,
    start: str | None,
    end: str | None,
    file: Path | None,
) -> None:
    """Fetch evidence of a table, a migration, an operation or a period, which verifies offline."""
    table_id = client.table_id(table) if table else None
    asked = {"tableId": table_id, "migrationId": migration, "operationId": operation, "from": start, "to": end}
    written = client.download("/audit/evidence", file, **asked)
    if as_json:
        show_json({"file": str(written)})
        return
    say(f"{written} is written. Anybody can verify it: schemaledger audit verify {written} --key KEY")


@audit.command()
@setting_options
@click.argument("bundle", type=click.Path(path_type=Path), required=False)
@click.option("--key", multiple=True, help="A verifier key you trust, or a file of such keys")
@click.option("--full", is_flag=True, help="Look through the whole log of the service here instead")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="How to answer")
def verify(bundle: Path | None, key: tuple[str, ...], full: bool, output: str, **flags: Any) -> None:
    """Verify a file of evidence (needs no service), or with --full the log itself. Exit code 1: it does not hold."""
    if full == (bundle is not None):
        raise click.UsageError("Give a file of evidence, or --full.")
    if bundle is not None:
        if not key:
            raise click.UsageError("Give the verifier key you trust with --key.")
        sys.exit(verify_bundle(bundle, key, as_json=output == "json"))
    sys.exit(_verify_log(flags, as_json=output == "json"))


def _verify_log(flags: dict[str, Any], *, as_json: bool) -> int:
    from api.own_postgres import database
    from api.workshop import inspection

    settings = settings_from(flags)
    problems = list[str]()
    with database(settings) as url, inspection(settings, url) as looking:
        for problem in looking.problems(_tell):
            problems.append(problem)
            if not as_json:
                say(f"DOES NOT HOLD: {problem}.")
            if len(problems) == MOST_PROBLEMS:
                break
    found = {"events": looking.events, "sealed": looking.sealed, "checkpoints": looking.checkpoints}
    if as_json:
        show_json({"holds": not problems, **found, "problems": problems})
    elif not problems:
        sealed = f"{looking.sealed:,} of them sealed, {looking.checkpoints:,} checkpoints"
        say(f"It holds: {looking.events:,} events, {sealed}.")
    return ERROR if problems else DONE


@audit.command("restore-copy")
@setting_options
def restore_copy(**flags: Any) -> None:
    """Write the outside copy of the checkpoints anew, from the database. The file before, if any, is kept beside it.

    After the copy was lost, or for a place it is to lie at from now on: the folder has to be there.
    """
    from api.own_postgres import database
    from api.workshop import write_copy_anew

    settings = settings_from(flags)
    place = settings.seal_copy_file
    try:
        with database(settings) as url:
            before = write_copy_anew(settings, url)
    except OSError as error:
        raise ServiceError(f"{place} cannot be written: {error.strerror}. Make or mount its folder first.") from None
    say(f"{place} has every checkpoint that the database has. What was known only outside is not in it.")
    if before is not None:
        say(f"The file before is {before}: keep it as evidence.")


def _tell(done: int, total: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{done:,} of {total:,} events", nl=done >= total, err=True)
