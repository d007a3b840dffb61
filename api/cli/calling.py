"""Options that every command which calls the service has."""

import os
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from api.cli.output import show_json
from api.client.calls import Client, ServiceError, read_token
from api.settings import read_settings


def calls_service(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command its ``client`` and ``as_json`` from ``--url``, ``--token`` and ``-o``."""

    @click.option("--url", envvar="SCHEMALEDGER_URL", help="SCHEMALEDGER_URL, default: where serve listens here")
    @click.option("--token", envvar="SCHEMALEDGER_TOKEN", help="SCHEMALEDGER_TOKEN, default: the data folder's token")
    @click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="How to answer")
    @wraps(command)
    def with_client(url: str | None, token: str | None, output: str, **rest: Any) -> Any:
        settings = read_settings(os.environ)
        client = Client(url or settings.url, token or read_token(settings.token_file))
        try:
            return command(client=client, as_json=output == "json", **rest)
        except ServiceError as error:
            if output == "json" and error.body is not None:
                show_json(error.body)
            raise
        finally:
            client.close()

    return with_client
