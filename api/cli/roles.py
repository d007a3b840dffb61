"""``roles``: what the people and groups of the identity provider may do."""

from typing import Any

import click

from api.cli.calling import calls_service
from api.cli.output import say, show_json, show_table
from api.cli.tokens import GRANT_HELP, expiry, read_grant
from api.client.calls import Client


@click.group()
def roles() -> None:
    """Bind roles to subjects and groups of the identity provider."""


@roles.command("bind")
@click.argument("holder")
@click.option("--grant", "grants", multiple=True, required=True, help=GRANT_HELP)
@click.option("--expires-in", help="Like 12h, 30d or 8w; for ever by default")
@calls_service
def bind_role(client: Client, as_json: bool, holder: str, grants: tuple[str, ...], expires_in: str | None) -> None:
    """Let HOLDER do something: a subject like oidc:4711, or else a group as the provider's tokens name it."""
    whom = {"subject": holder} if holder.startswith("oidc:") else {"group": holder}
    ends = {} if expires_in is None else {"expiresAt": expiry(expires_in)}
    bodies = [{**whom, **ends, **read_grant(client, grant)} for grant in grants]
    made = [client.call("POST", "/role-bindings", body) for body in bodies]
    _show(made, as_json)


@roles.command("list")
@click.option("--holder", help="Only what this subject or group holds")
@calls_service
def list_roles(client: Client, as_json: bool, holder: str | None) -> None:
    """The bindings, newest first."""
    _show(list(client.all("/role-bindings", "roleBindings", holder=holder)), as_json)


@roles.command("unbind")
@click.argument("binding_id")
@calls_service
def unbind_role(client: Client, as_json: bool, binding_id: str) -> None:
    """End what a binding gave."""
    client.call("DELETE", f"/role-bindings/{binding_id}")
    if not as_json:
        say(f"{binding_id}\tended")


def _show(bindings: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        show_json(bindings)
        return
    rows = ([b["bindingId"], _holder(b), _may(b), _places(b), b.get("expiresAt")] for b in bindings)
    show_table(["binding", "holder", "may", "where", "until"], rows)


def _holder(binding: dict[str, Any]) -> str:
    return f"group {binding['group']}" if "group" in binding else str(binding["subject"])


def _may(binding: dict[str, Any]) -> str:
    return ", ".join(binding["roles"] or binding["scopes"])


def _places(binding: dict[str, Any]) -> str:
    places = [*(f"dataset {name}" for name in binding.get("datasets", ())), *binding.get("tables", ())]
    return ", ".join(places) or "everywhere"
