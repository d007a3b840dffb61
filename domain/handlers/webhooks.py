"""Making, changing and looking after webhooks. Secrets pass through once, to whoever asked."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from msgspec import UNSET, Struct, structs

from domain.access import Grant, Principal, Reach, Resource, Scope, may, reach, refuse_more_than_own
from domain.errors import (
    DeliveryNotFound,
    GrantExceedsOwn,
    StreamMoved,
    TooManyWebhooks,
    WebhookExceedsOwn,
    WebhookInvalid,
    WebhookNotFound,
)
from domain.facts import Append, Origin
from domain.handlers.house import RACES, House
from domain.webhook.addresses import check_url
from domain.webhook.decider import (
    AskForVerification,
    ChangeWebhook,
    CreateWebhook,
    DeleteWebhook,
    DisableWebhook,
    EnableWebhook,
    ResendDelivery,
    RotateSecret,
    WebhookCommand,
    WebhookSituation,
    decide,
    fold,
)
from domain.webhook.deliveries import DeliveryView, WebhookView
from domain.webhook.events import WebhookFact
from domain.webhook.messages import OF_THE_SERVICE, SCOPES, VERIFICATION

MOST = 500
"""Webhooks of one installation: every event that is told is compared with each of them."""


class Wanted(Struct, frozen=True, kw_only=True):
    """Who wants to be told of what: of these datasets and tables, or of everything when neither is named."""

    url: str
    event_types: tuple[str, ...]
    datasets: tuple[str, ...] = ()
    tables: tuple[UUID, ...] = ()
    description: str | None = None


class Made(Struct, frozen=True, kw_only=True):
    """``secret`` is told once, now."""

    webhook_id: UUID
    secret: bytes


def create_webhook(house: House, wanted: Wanted, by: Principal, origin: Origin) -> Made:
    """Makes a webhook that is told no more than its maker may read. It is sent nothing before it is verified.

    Raises WebhookUrlRefused, WebhookInvalid, WebhookExceedsOwn, and TooManyWebhooks.
    """
    _check(house, wanted, by)
    if house.webhooks.count() >= MOST:
        raise TooManyWebhooks(MOST)
    webhook_id = house.ids.new()
    secret_id, secret = house.webhooks.new_secret(webhook_id)
    command = CreateWebhook(**structs.asdict(wanted), secret_id=secret_id, created_by=by.subject)
    commit_webhook(house, webhook_id, command, origin)
    return Made(webhook_id=webhook_id, secret=secret)


def change_webhook(house: House, webhook_id: UUID, change: ChangeWebhook, by: Principal, origin: Origin) -> None:
    """Changes what is named in it; another url has to be verified. Raises WebhookNotFound, and what making one does."""
    view = found_webhook(house, webhook_id, by)
    wanted = Wanted(
        url=change.url or view.url,
        event_types=change.event_types or view.event_types,
        datasets=view.datasets if change.datasets is UNSET else change.datasets,
        tables=view.tables if change.tables is UNSET else change.tables,
    )
    _check(house, wanted, by)
    commit_webhook(house, webhook_id, change, origin)


def switch_webhook(house: House, webhook_id: UUID, on: bool, by: Principal, origin: Origin) -> None:
    """Enables or disables it. What happened while it was disabled is not sent."""
    view = found_webhook(house, webhook_id, by)
    if on:
        _refuse_beyond(house, view.event_types, view.datasets, view.tables, by)
    commit_webhook(house, webhook_id, EnableWebhook() if on else DisableWebhook(reason="asked"), origin)


def ask_for_verification(house: House, webhook_id: UUID, by: Principal, origin: Origin) -> UUID:
    """Has a challenge sent to the webhook; the id of its delivery."""
    found_webhook(house, webhook_id, by)
    command = AskForVerification(delivery_id=house.ids.new())
    commit_webhook(house, webhook_id, command, origin)
    return command.delivery_id


def rotate_secret(house: House, webhook_id: UUID, overlap: timedelta, by: Principal, origin: Origin) -> bytes:
    """Gives the webhook another secret; the one before signs beside it until the overlap is over."""
    view = found_webhook(house, webhook_id, by)
    _refuse_beyond(house, view.event_types, view.datasets, view.tables, by)
    secret_id, secret = house.webhooks.new_secret(webhook_id)
    commit_webhook(
        house, webhook_id, RotateSecret(secret_id=secret_id, previous_until=house.clock.now() + overlap), origin
    )
    return secret


def resend_delivery(house: House, webhook_id: UUID, delivery_id: UUID, by: Principal, origin: Origin) -> None:
    """Sends a message once more. Raises DeliveryNotFound, also for a verification, and WebhookNotEnabled."""
    if found_delivery(house, webhook_id, delivery_id, by).type == VERIFICATION:
        raise DeliveryNotFound(str(delivery_id))
    commit_webhook(house, webhook_id, ResendDelivery(delivery_id=delivery_id), origin)


def delete_webhook(house: House, webhook_id: UUID, by: Principal, origin: Origin) -> None:
    """Nothing is sent any more, not even what is queued; its secrets are gone. Raises WebhookNotFound."""
    found_webhook(house, webhook_id, by)
    commit_webhook(house, webhook_id, DeleteWebhook(), origin)


def found_webhook(house: House, webhook_id: UUID, by: Principal) -> WebhookView:
    """A webhook all of whose places the principal may manage webhooks of. Raises WebhookNotFound."""
    view = house.webhooks.webhook(webhook_id)
    if view is None or not _may_manage(house, view, by):
        raise WebhookNotFound(str(webhook_id))
    return view


def found_delivery(house: House, webhook_id: UUID, delivery_id: UUID, by: Principal) -> DeliveryView:
    """Raises WebhookNotFound, DeliveryNotFound."""
    found_webhook(house, webhook_id, by)
    view = house.webhooks.delivery(webhook_id, delivery_id)
    if view is None:
        raise DeliveryNotFound(str(delivery_id))
    return view


def within_reach(by: Principal) -> Reach | None:
    """Where the principal sees webhooks; None: everywhere."""
    return reach(by, Scope.WEBHOOKS_MANAGE)


def _may_manage(house: House, view: WebhookView, by: Principal) -> bool:
    if not view.datasets and not view.tables:
        return may(by, Scope.WEBHOOKS_MANAGE)
    places = [Resource(dataset_id=dataset) for dataset in view.datasets]
    places += [Resource(table_id=table, dataset_id=house.whereabouts.dataset_of(table)) for table in view.tables]
    return all(may(by, Scope.WEBHOOKS_MANAGE, place) for place in places)


def _check(house: House, wanted: Wanted, by: Principal) -> None:
    check_url(wanted.url, house.webhook_allowance)
    if wanted.datasets or wanted.tables:
        for kind in wanted.event_types:
            if kind in OF_THE_SERVICE:
                raise WebhookInvalid(f"'{kind}' is about the whole service, and it is restricted to datasets or tables")
    _refuse_beyond(house, wanted.event_types, wanted.datasets, wanted.tables, by)


def _refuse_beyond(
    house: House, event_types: Sequence[str], datasets: tuple[str, ...], tables: tuple[UUID, ...], by: Principal
) -> None:
    """Raises WebhookExceedsOwn where the principal may not read what would be told."""
    scopes = {Scope.WEBHOOKS_MANAGE, *(SCOPES[kind] for kind in event_types)}
    grant = Grant(scopes=tuple(sorted(scopes)), datasets=datasets, tables=tables)
    try:
        refuse_more_than_own(by, (grant,), house.whereabouts)
    except GrantExceedsOwn as refusal:
        raise WebhookExceedsOwn(refusal.scope, refusal.place) from None


def commit_webhook(house: House, webhook_id: UUID, command: WebhookCommand, origin: Origin) -> bool:
    """Decides and appends. False: nothing was left to do. Raises what ``decide`` raises, and StreamMoved."""
    for _ in range(RACES):
        state, version = _load(house, webhook_id)
        facts = decide(command, state, str(webhook_id))
        if not facts:
            return False
        try:
            house.store.append([Append(stream=webhook_id, expected_version=version, facts=facts)], origin)
        except StreamMoved:
            continue
        return True
    raise StreamMoved(f"webhook {webhook_id}")


def _load(house: House, webhook_id: UUID) -> tuple[WebhookSituation, int]:
    events = house.store.load(webhook_id)
    return fold(tuple(event.fact for event in events if isinstance(event.fact, WebhookFact))), len(events)
