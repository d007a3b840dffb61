"""``serve`` and ``worker``: running the service."""

import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from api.cli.output import say
from api.client.errors import ServiceError
from api.logs import FORMATS, LEVELS, set_up_logs
from api.settings import Settings, read_settings


def setting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The settings as flags; each overrides its environment variable."""
    options = (
        click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="SCHEMALEDGER_DATA_DIR"),
        click.option("--host", help="SCHEMALEDGER_HOST, default 127.0.0.1"),
        click.option("--port", type=click.IntRange(0, 65_535), help="SCHEMALEDGER_PORT, default 8080; 0: a free one"),
        click.option("--database-url", help="DATABASE_URL, default: a PostgreSQL of its own in the data folder"),
        click.option("--api-processes", type=click.IntRange(1, 64), help="SCHEMALEDGER_API_PROCESSES, default 1"),
        click.option("--log-format", type=click.Choice(FORMATS), help="SCHEMALEDGER_LOG_FORMAT, default auto"),
        click.option("--log-level", type=click.Choice(LEVELS), help="SCHEMALEDGER_LOG_LEVEL, default info"),
        click.option("--worker-processes", type=click.IntRange(0, 64), help="SCHEMALEDGER_WORKER_PROCESSES, default 1"),
    )
    for option in reversed(options):
        command = option(command)
    return command


def settings_from(flags: dict[str, Any]) -> Settings:
    given = {name: value for name, value in flags.items() if value is not None}
    settings = read_settings()
    if "data_dir" in given:
        given["data_dir"] = given["data_dir"].expanduser().absolute()
        if settings.table_roots == (settings.data_dir / "tables",):
            given["table_roots"] = (given["data_dir"] / "tables",)
    return replace(settings, **given)


@click.command("serve")
@setting_options
def serve_command(**flags: Any) -> None:
    """Start the service: PostgreSQL (unless a URL is given), API and workers. Ctrl-C stops everything."""
    # What only serving needs is imported only then: the other commands start faster.
    from api.serving import CannotServe, serve

    settings = settings_from(flags)
    set_up_logs(settings.log_format, settings.log_level)
    try:
        serve(settings, announce)
    except CannotServe as error:
        raise ServiceError(str(error)) from error
    except OSError as error:
        raise ServiceError(of_folder(error, settings.data_dir)) from error


def of_folder(error: OSError, folder: Path) -> str:
    """A disk that is full, or a folder that cannot be written to, in a sentence."""
    where = error.filename or folder
    advice = f"Make room there, let this account write to {folder}, or choose another with SCHEMALEDGER_DATA_DIR."
    return f"{where}: {error.strerror or error}. {advice}"


def announce(settings: Settings, made_token: bool) -> None:
    """The token is shown when it was made just now, and never again: what is printed often ends in a log."""
    say(f"\nSchemaledger is ready at {settings.url}  (API reference: {settings.url}/docs)")
    if made_token:
        token = settings.token_file.read_text().strip()
        say(f"A token for everything was made. It is shown this once, and is in {settings.token_file}:\n\n  {token}\n")
    bearer = f'"Authorization: Bearer $(cat {shlex.quote(str(settings.token_file))})"'
    say(f"Try:\n\n  curl -s {settings.url}/dataset-tables -H {bearer}\n")
    say("Ctrl-C stops everything.\n")


@click.command("worker")
@setting_options
@click.option(
    "--worker-metrics-port",
    type=click.IntRange(1, 65_535),
    help="SCHEMALEDGER_WORKER_METRICS_PORT: where to answer with metrics, default nowhere",
)
def worker_command(**flags: Any) -> None:
    """Run one worker beside a service that is running elsewhere, over the same DATABASE_URL and tables."""
    from api.groundwork import prepare_worker
    from api.processes import run_worker

    settings = settings_from(flags)
    set_up_logs(settings.log_format, settings.log_level)
    if settings.database_url is None:
        raise ServiceError("A worker of its own needs DATABASE_URL: the database of the service it works for.")
    try:
        prepare_worker(settings, settings.database_url)
    except OSError as error:
        raise ServiceError(of_folder(error, settings.data_dir)) from error
    run_worker(settings, settings.database_url, settings.worker_metrics_port)


@click.command("prepare")
@click.option("--database-url", help="DATABASE_URL: as the owner of the database")
@click.option("--grant", "role", help="A role that the service is to connect as, which gets what it needs and no more")
def prepare_command(database_url: str | None, role: str | None) -> None:
    """Make a PostgreSQL of yours ready for this version. `serve` does so by itself where its role may."""
    from api.workshop import prepare_log

    url = database_url or read_settings().database_url
    if url is None:
        raise ServiceError("DATABASE_URL is not set. A PostgreSQL in the data folder is made ready by `serve`.")
    prepare_log(url, role)
    say("The database is ready." if role is None else f"The database is ready, and '{role}' has what it needs.")
