"""``keys``: those the seal signs with. They lie in files on this machine, outside the database."""

from typing import Any

import click

from api.cli.output import say
from api.cli.running import setting_options, settings_from
from api.client.calls import ServiceError
from api.settings import Settings


@click.group()
def keys() -> None:
    """Make, rotate and show the keys that checkpoints are signed with."""


@keys.command()
@setting_options
@click.option("--name", help="The log's name, such as example.com/schemaledger; default: one that nobody has")
def make(name: str | None, **flags: Any) -> None:
    """Make the first key. `serve` does so by itself when there is none."""
    settings = settings_from(flags)
    try:
        vkey = _files(settings).make(name).vkey
    except FileExistsError:
        raise ServiceError(
            f"{settings.seal_key_file} or its '.pub' is there already. `schemaledger keys rotate` replaces a key; one "
            "that is lost comes back from a copy, or another log begins with all its files put aside."
        ) from None
    say(f"{settings.seal_key_file} signs from now on. Who verifies needs this key:")
    say(str(vkey))


@keys.command()
@setting_options
def rotate(**flags: Any) -> None:
    """Replace the key by a new one; both sign that it follows. Running processes take it up."""
    settings = settings_from(flags)
    try:
        vkey = _files(settings).rotate().vkey
    except FileNotFoundError:
        raise ServiceError(f"{settings.seal_key_file} is not there. `schemaledger keys make` makes a key.") from None
    say("The old key is gone; what it signed still verifies. The new one:")
    say(str(vkey))


@keys.command()
@setting_options
def show(**flags: Any) -> None:
    """Show the verifier keys, oldest first: those to give to auditors."""
    settings = settings_from(flags)
    known = _files(settings).known()
    if not known:
        raise ServiceError(f"{settings.seal_key_file} is not there. `schemaledger keys make` makes a key.")
    for key in known:
        say(str(key))


def _files(settings: Settings) -> Any:
    from api.workshop import seal_keys

    return seal_keys(settings)
