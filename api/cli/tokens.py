"""``tokens`` and ``whoami``: giving access, and taking it back."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from api.cli.calling import calls_service
from api.cli.output import say, show_json, show_table
from api.client.calls import Client, ServiceError

GRANT_HELP = (
    "ROLE or SCOPE, several with commas, and where: 'editor@shop' (a dataset), 'tables:read@shop.orders' (a table), "
    "'reader' (everywhere). May be given several times."
)
UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


@click.group()
def tokens() -> None:
    """Make, list, rotate and revoke bearer tokens."""


@tokens.command("create")
@click.argument("subject")
@click.option("--grant", "grants", multiple=True, required=True, help=GRANT_HELP)
@click.option("--expires-in", help="Like 12h, 30d or 8w; for ever by default")
@click.option("--description", help="What it is for")
@calls_service
def create_token(
    client: Client,
    as_json: bool,
    subject: str,
    grants: tuple[str, ...],
    expires_in: str | None,
    description: str | None,
) -> None:
    """Make a token for SUBJECT, an opaque id. Its secret is shown this once."""
    body: dict[str, Any] = {"subject": subject, "grants": [read_grant(client, grant) for grant in grants]}
    if description is not None:
        body["description"] = description
    if expires_in is not None:
        body["expiresAt"] = expiry(expires_in)
    _show_secret(client.call("POST", "/tokens", body), as_json)


@tokens.command("list")
@calls_service
def list_tokens(client: Client, as_json: bool) -> None:
    """The tokens, newest first, without their secrets."""
    found = list(client.all("/tokens", "tokens"))
    if as_json:
        show_json(found)
        return
    rows = (
        [t["tokenId"], t["subject"], t["status"], "; ".join(map(_said, t["grants"])), t.get("lastUsedAt")]
        for t in found
    )
    show_table(["token", "subject", "status", "may", "last used"], rows)


@tokens.command("rotate")
@click.argument("token_id")
@calls_service
def rotate_token(client: Client, as_json: bool, token_id: str) -> None:
    """Give a token another secret, shown this once. The one before ends."""
    _show_secret(client.call("POST", f"/tokens/{token_id}/rotate"), as_json)


@tokens.command("revoke")
@click.argument("token_id")
@calls_service
def revoke_token(client: Client, as_json: bool, token_id: str) -> None:
    """End a token."""
    client.call("DELETE", f"/tokens/{token_id}")
    if not as_json:
        say(f"{token_id}\trevoked")


@click.command()
@calls_service
def whoami(client: Client, as_json: bool) -> None:
    """Say who the token speaks for, and what it may do."""
    found = client.call("GET", "/whoami")
    if as_json:
        show_json(found)
        return
    say(found["subject"])
    for grant in found["grants"]:
        say(_said(grant))


def read_grant(client: Client, text: str) -> dict[str, Any]:
    """``WHAT[,WHAT...][@dataset[.table]]``."""
    names, _, place = text.partition("@")
    what = [name.strip() for name in names.split(",") if name.strip()]
    grant: dict[str, Any] = {
        "scopes": [name for name in what if ":" in name],
        "roles": [name for name in what if ":" not in name],
    }
    if place:
        member, value = ("tables", client.table_id(place)) if "." in place else ("datasets", place)
        grant[member] = [value]
    return grant


def expiry(expires_in: str) -> str:
    """The moment that is so far ahead, as it goes over the wire."""
    return (datetime.now(UTC) + read_duration(expires_in)).isoformat()


def read_duration(text: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,6})([hdw])", text.strip())
    if found is None:
        raise ServiceError(f"'{text}' is no duration; 12h, 30d or 8w are.")
    return int(found[1]) * UNITS[found[2]]


def _show_secret(token: dict[str, Any], as_json: bool) -> None:
    if as_json:
        show_json(token)
    else:
        say(f"{token['tokenId']}\t{token['subject']}\n{token['secret']}")


def _said(grant: dict[str, Any]) -> str:
    places = [*(f"dataset {name}" for name in grant.get("datasets", ())), *grant.get("tables", ())]
    return f"{', '.join(grant['scopes'])} ({', '.join(places) or 'everywhere'})"
