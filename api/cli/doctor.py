"""``doctor``: what is wrong with the installation, and what to do. Looks for itself, also while the service is down."""

import shutil
import stat
import sys
from collections.abc import Iterator
from typing import Any

import click
import msgspec

from api.cli.output import DONE, FAILED, say, show_json
from api.cli.running import setting_options, settings_from
from api.settings import Settings
from domain.errors import DatabaseNotPrepared, DatabaseNotUsable, LogUnavailable
from domain.examination import Finding, Verdict

LITTLE_SPACE = 1_000_000_000
"""Bytes below which a disk is nearly full: a rewrite needs room for new columns beside the old ones."""
SIGNS = {Verdict.WELL: "well", Verdict.ATTENTION: "attention", Verdict.PROBLEM: "PROBLEM"}


@click.command("doctor")
@setting_options
@click.option("--mend", is_flag=True, help="Make leases anew from the log, and remove files that nothing needs")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="How to answer")
def doctor_command(mend: bool, output: str, **flags: Any) -> None:
    """Look at log, views, workers, leases, tables and folders; exit code 3 when there is a problem."""
    settings = settings_from(flags)
    found = [*_of_folders(settings), *_of_service(settings, mend=mend)]
    if output == "json":
        show_json(msgspec.to_builtins(found))
    else:
        for finding in found:
            say(f"{SIGNS[finding.verdict]:<9} {finding.subject}: {finding.message}")
            if finding.advice:
                say(f"{'':<9} {finding.advice}")
    sys.exit(FAILED if any(finding.verdict is Verdict.PROBLEM for finding in found) else DONE)


def _of_folders(settings: Settings) -> Iterator[Finding]:
    for root in settings.table_roots:
        if not root.is_dir():
            advice = "Create or mount it, or set SCHEMALEDGER_TABLE_ROOTS to where the tables are."
            message = f"{root} is not there."
            yield Finding(subject="table root", verdict=Verdict.PROBLEM, message=message, advice=advice)
            continue
        free = shutil.disk_usage(root).free
        message = f"{free:,} bytes are free at {root}."
        if free > LITTLE_SPACE:
            yield Finding(subject="disk", verdict=Verdict.WELL, message=message)
        else:
            advice = "Make room: a migration writes new columns beside the old ones."
            yield Finding(subject="disk", verdict=Verdict.PROBLEM, message=message, advice=advice)
    if settings.token_file.exists() and stat.S_IMODE(settings.token_file.stat().st_mode) & 0o077:
        message = f"Others can read {settings.token_file}."
        advice = f"chmod 600 {settings.token_file}"
        yield Finding(subject="token", verdict=Verdict.PROBLEM, message=message, advice=advice)


def _of_service(settings: Settings, *, mend: bool) -> list[Finding]:
    from api.own_postgres import database
    from api.workshop import examination

    try:
        with database(settings) as url:
            return examination(settings, url, mend=mend)
    except LogUnavailable as refusal:
        message = f"It does not answer: {refusal.reason}."
        advice = "Start it, or see what DATABASE_URL says; without one it is the PostgreSQL of the data folder."
        return [Finding(subject="database", verdict=Verdict.PROBLEM, message=message, advice=advice)]
    except (DatabaseNotPrepared, DatabaseNotUsable) as refusal:
        return [Finding(subject="database", verdict=Verdict.PROBLEM, message=str(refusal))]
