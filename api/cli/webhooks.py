"""``webhooks``: who is told of what happens, and what became of each message."""

import sys
import time
from typing import Any

import click

from api.cli.calling import calls_service
from api.cli.output import DONE, ERROR, STILL_RUNNING, say, show_json, show_table
from api.client.calls import Client
from domain.webhook.messages import EVENT_TYPES

PLACE_HELP = "A dataset, or dataset.table, to be told of; several with several. Of everything by default."
EVENT_HELP = f"What to be told of, several with several: {', '.join(EVENT_TYPES)}."
WHAT_TO_DO = {
    "challenge_not_echoed": "It answered, and not with the challenge: it has to send back data.challenge.",
    "address_not_allowed": "Its name leads into a network of our own: SCHEMALEDGER_WEBHOOK_ALLOW names what may be.",
    "name_not_resolved": "There is no such host, as far as the workers can see.",
    "connection_failed": "Nobody takes connections there, as far as the workers can see.",
    "tls_failed": "Its certificate is not one of its name that we trust (SSL_CERT_FILE adds authorities).",
    "timeout": "It did not answer within 15 seconds.",
    "redirected": "It answered with a redirect, which is not followed: name where it leads to.",
    "gone": "It answered 410: it wants nothing.",
    "answered": "It answered with something else than 2xx; 401 most often means that it has another secret.",
    "no_http_answer": "What it answered is no HTTP.",
}
SECONDS_BETWEEN_LOOKS = 0.3

Body = dict[str, Any]


@click.group()
def webhooks() -> None:
    """Have somebody told of what happens, and see what became of it."""


@webhooks.command("create")
@click.argument("receiver", metavar="URL")
@click.option("--event", "events", type=click.Choice(EVENT_TYPES), multiple=True, required=True, help=EVENT_HELP)
@click.option("--on", "places", multiple=True, help=PLACE_HELP)
@click.option("--description", help="What it is for")
@calls_service
def create_webhook(
    client: Client,
    as_json: bool,
    receiver: str,
    events: tuple[str, ...],
    places: tuple[str, ...],
    description: str | None,
) -> None:
    """Have URL told of events. Its secret is shown this once, and it is told nothing before it is verified."""
    body: Body = {"url": receiver, "eventTypes": list(events), **read_places(client, places)}
    if description is not None:
        body["description"] = description
    made = client.call("POST", "/webhooks", body)
    _show_secret(made, as_json)
    if not as_json:
        click.echo(f"Give it the secret, then: schemaledger webhooks verify {made['webhookId']}", err=True)


@webhooks.command("list")
@calls_service
def list_webhooks(client: Client, as_json: bool) -> None:
    """The webhooks, newest first, without their secrets."""
    found = list(client.all("/webhooks", "webhooks"))
    if as_json:
        show_json(found)
        return
    rows = ([w["webhookId"], _status(w), w["url"], ", ".join(w["eventTypes"]), _places(w)] for w in found)
    show_table(["webhook", "status", "url", "told of", "where"], rows)


@webhooks.command("show")
@click.argument("webhook_id")
@calls_service
def show_webhook(client: Client, as_json: bool, webhook_id: str) -> None:
    """One webhook, without its secret."""
    _show(client.call("GET", f"/webhooks/{webhook_id}"), as_json)


@webhooks.command("verify")
@click.argument("webhook_id")
@click.option("--no-wait", is_flag=True, help="Only ask")
@click.option("--timeout", type=click.FloatRange(min=0), default=60.0, help="Seconds to wait for the first try")
@calls_service
def verify_webhook(client: Client, as_json: bool, webhook_id: str, no_wait: bool, timeout: float) -> None:
    """Send a challenge, and say whether it came back; exit code 1 when it did not, 5 when nobody knows yet."""
    delivery = client.call("POST", f"/webhooks/{webhook_id}/verify")
    if not no_wait:
        delivery = _tried(client, delivery, timeout)
    _show_delivery(delivery, as_json)
    sys.exit(_outcome(delivery))


@webhooks.command("change")
@click.argument("webhook_id")
@click.option("--to", "receiver", metavar="URL", help="Where to; it has to be verified then")
@click.option("--event", "events", type=click.Choice(EVENT_TYPES), multiple=True, help=EVENT_HELP)
@click.option("--on", "places", multiple=True, help=PLACE_HELP)
@click.option("--everywhere", is_flag=True, help="Of everything, instead of some datasets and tables")
@click.option("--description", help="What it is for")
@calls_service
def change_webhook(
    client: Client,
    as_json: bool,
    webhook_id: str,
    receiver: str | None,
    events: tuple[str, ...],
    places: tuple[str, ...],
    everywhere: bool,
    description: str | None,
) -> None:
    """Change what is named; the rest stays as it is."""
    named = {"url": receiver, "eventTypes": list(events) or None, "description": description}
    body: Body = {member: value for member, value in named.items() if value is not None}
    if places or everywhere:
        body |= {"datasets": [], "tables": []} | read_places(client, places)
    _show(client.call("PATCH", f"/webhooks/{webhook_id}", body), as_json)


@webhooks.command("enable")
@click.argument("webhook_id")
@calls_service
def enable_webhook(client: Client, as_json: bool, webhook_id: str) -> None:
    """Send it what happens from now on; what happened meanwhile is not sent."""
    _show(client.call("PATCH", f"/webhooks/{webhook_id}", {"enabled": True}), as_json)


@webhooks.command("disable")
@click.argument("webhook_id")
@calls_service
def disable_webhook(client: Client, as_json: bool, webhook_id: str) -> None:
    """Send it nothing until it is enabled."""
    _show(client.call("PATCH", f"/webhooks/{webhook_id}", {"enabled": False}), as_json)


@webhooks.command("rotate")
@click.argument("webhook_id")
@click.option("--overlap", type=click.IntRange(0, 720), default=24, help="Hours in which the old secret signs as well")
@calls_service
def rotate_webhook(client: Client, as_json: bool, webhook_id: str, overlap: int) -> None:
    """Give it another secret, shown this once."""
    _show_secret(client.call("POST", f"/webhooks/{webhook_id}/rotate", {"overlapHours": overlap}), as_json)


@webhooks.command("delete")
@click.argument("webhook_id")
@calls_service
def delete_webhook(client: Client, as_json: bool, webhook_id: str) -> None:
    """End it, with what is queued for it."""
    client.call("DELETE", f"/webhooks/{webhook_id}")
    if not as_json:
        say(f"{webhook_id}\tdeleted")


@webhooks.command("deliveries")
@click.argument("webhook_id")
@click.option("--status", type=click.Choice(["pending", "delivered", "failed"]), help="Only these")
@click.option("--limit", type=click.IntRange(1, 200), default=50, help="How many at most")
@calls_service
def list_deliveries(client: Client, as_json: bool, webhook_id: str, status: str | None, limit: int) -> None:
    """What it was sent or is to be sent, newest first."""
    path = f"/webhooks/{webhook_id}/deliveries"
    found = client.call("GET", path, None, None, status=status, pageSize=limit)["deliveries"]
    if as_json:
        show_json(found)
        return
    rows = ([d["deliveryId"], d["eventType"], d["status"], d["tries"], _last(d), d.get("nextTryAt")] for d in found)
    show_table(["message", "event", "status", "tries", "last", "next try"], rows)


@webhooks.command("resend")
@click.argument("webhook_id")
@click.argument("delivery_id")
@click.option("--no-wait", is_flag=True, help="Only ask")
@click.option("--timeout", type=click.FloatRange(min=0), default=60.0, help="Seconds to wait for the first try")
@calls_service
def resend_delivery(
    client: Client, as_json: bool, webhook_id: str, delivery_id: str, no_wait: bool, timeout: float
) -> None:
    """Send a message once more, and say whether it was taken; exit code 1 when it was not."""
    delivery = client.call("POST", f"/webhooks/{webhook_id}/deliveries/{delivery_id}/resend")
    if not no_wait:
        delivery = _tried(client, delivery, timeout)
    _show_delivery(delivery, as_json)
    sys.exit(_outcome(delivery))


def read_places(client: Client, places: tuple[str, ...]) -> Body:
    """Datasets, and tables as ``dataset.table`` or by their ids."""
    tables = [client.table_id(place) for place in places if "." in place]
    datasets = [place for place in places if "." not in place]
    return {member: named for member, named in (("datasets", datasets), ("tables", tables)) if named}


def _tried(client: Client, delivery: Body, timeout: float) -> Body:
    """The delivery once it was tried, or the seconds are over."""
    deadline = time.monotonic() + timeout
    path = f"/webhooks/{delivery['webhookId']}/deliveries/{delivery['deliveryId']}"
    while delivery["status"] == "pending" and "nextTryAt" in delivery and not _has_failed(delivery):
        if time.monotonic() >= deadline:
            break
        time.sleep(SECONDS_BETWEEN_LOOKS)
        delivery = client.call("GET", path)
    return delivery


def _has_failed(delivery: Body) -> bool:
    return delivery["tries"] > 0 and "lastError" in delivery


def _outcome(delivery: Body) -> int:
    if delivery["status"] == "delivered":
        return DONE
    return ERROR if delivery["status"] == "failed" or _has_failed(delivery) else STILL_RUNNING


def _show_delivery(delivery: Body, as_json: bool) -> None:
    if as_json:
        show_json(delivery)
        return
    say(f"{delivery['deliveryId']}\t{delivery['status']}\t{_last(delivery)}")
    if _outcome(delivery) == ERROR and delivery["lastError"] in WHAT_TO_DO:
        click.echo(WHAT_TO_DO[delivery["lastError"]], err=True)


def _show(webhook: Body, as_json: bool) -> None:
    if as_json:
        show_json(webhook)
        return
    say(f"{webhook['webhookId']}\t{_status(webhook)}\t{webhook['url']}\t{', '.join(webhook['eventTypes'])}")


def _show_secret(webhook: Body, as_json: bool) -> None:
    if as_json:
        show_json(webhook)
    else:
        say(f"{webhook['webhookId']}\t{webhook['url']}\n{webhook['secret']}")


def _status(webhook: Body) -> str:
    reason = webhook.get("disabledReason")
    return f"{webhook['status']} ({reason})" if reason else str(webhook["status"])


def _places(webhook: Body) -> str:
    places = [*webhook.get("datasets", ()), *webhook.get("tables", ())]
    return ", ".join(places) or "everywhere"


def _last(delivery: Body) -> str:
    """The code of the last try, with its status where there was one."""
    said = [str(delivery[name]) for name in ("lastError", "lastStatusCode") if name in delivery]
    return " ".join(said)
