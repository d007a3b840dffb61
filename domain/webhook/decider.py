"""Webhooks: commands, situations, and what follows."""

from datetime import datetime
from functools import reduce
from typing import Any, Literal, assert_never
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from domain.errors import WebhookNotEnabled, WebhookNotFound
from domain.webhook.events import (
    WebhookChanged,
    WebhookCreated,
    WebhookDeleted,
    WebhookDeliveryResent,
    WebhookDisabled,
    WebhookEnabled,
    WebhookFact,
    WebhookSecretRotated,
    WebhookVerificationRequested,
    WebhookVerified,
)

DisabledReason = Literal["asked", "gone", "failing"]


class Unknown(Struct, frozen=True):
    """Nobody has made the webhook."""


class Standing(Struct, frozen=True, kw_only=True):
    """Messages are sent while it is ``verified`` and not ``disabled``, which says why."""

    url: str
    event_types: tuple[str, ...]
    datasets: tuple[str, ...]
    tables: tuple[UUID, ...]
    description: str | None
    verified: bool = False
    disabled: str | None = None


class Deleted(Struct, frozen=True):
    """It was there once."""


WebhookSituation = Unknown | Standing | Deleted


class CreateWebhook(Struct, frozen=True, kw_only=True):
    url: str
    event_types: tuple[str, ...]
    datasets: tuple[str, ...]
    tables: tuple[UUID, ...]
    secret_id: UUID
    created_by: str
    description: str | None


class ChangeWebhook(Struct, frozen=True, kw_only=True):
    """What is to be otherwise; whatever is left out stays as it is."""

    url: str | UnsetType = UNSET
    event_types: tuple[str, ...] | UnsetType = UNSET
    datasets: tuple[str, ...] | UnsetType = UNSET
    tables: tuple[UUID, ...] | UnsetType = UNSET
    description: str | UnsetType | None = UNSET


class AskForVerification(Struct, frozen=True, kw_only=True):
    delivery_id: UUID


class ConfirmVerification(Struct, frozen=True, kw_only=True):
    """The challenge came back from ``url``; of no use where that is no longer the webhook's."""

    url: str


class DisableWebhook(Struct, frozen=True, kw_only=True):
    reason: DisabledReason


class EnableWebhook(Struct, frozen=True, kw_only=True):
    pass


class RotateSecret(Struct, frozen=True, kw_only=True):
    secret_id: UUID
    previous_until: datetime


class ResendDelivery(Struct, frozen=True, kw_only=True):
    delivery_id: UUID


class DeleteWebhook(Struct, frozen=True, kw_only=True):
    """Deleting twice is deleting once."""


WebhookCommand = (
    CreateWebhook
    | ChangeWebhook
    | AskForVerification
    | ConfirmVerification
    | DisableWebhook
    | EnableWebhook
    | RotateSecret
    | ResendDelivery
    | DeleteWebhook
)


def evolve(state: WebhookSituation, fact: WebhookFact) -> WebhookSituation:
    """What a fact makes of a webhook. Facts are believed, never refused."""
    if isinstance(fact, WebhookCreated):
        return Standing(
            url=fact.url,
            event_types=fact.event_types,
            datasets=fact.datasets,
            tables=fact.tables,
            description=fact.description,
        )
    assert isinstance(state, Standing), f"the log holds {fact.topic} of a webhook that is not there"
    match fact:
        case WebhookChanged():
            return replace(state, **_wanted(fact), verified=state.verified and fact.url == state.url)
        case WebhookVerified():
            return replace(state, verified=True)
        case WebhookDisabled():
            return replace(state, disabled=fact.reason)
        case WebhookEnabled():
            return replace(state, disabled=None)
        case WebhookDeleted():
            return Deleted()
        case WebhookVerificationRequested() | WebhookSecretRotated() | WebhookDeliveryResent():
            return state
        case _:
            assert_never(fact)


def fold(facts: tuple[WebhookFact, ...]) -> WebhookSituation:
    start: WebhookSituation = Unknown()
    return reduce(evolve, facts, start)


def decide(command: WebhookCommand, state: WebhookSituation, webhook_id: str) -> tuple[WebhookFact, ...]:
    """The facts a command leads to. Raises WebhookNotFound, and WebhookNotEnabled for what only goes to one that is."""
    match command, state:
        case CreateWebhook(), Unknown():
            return (_created(command),)
        case DeleteWebhook(), Deleted():
            return ()
        case CreateWebhook(), _:
            raise AssertionError(f"the id {webhook_id} was given twice")
        case _, (Unknown() | Deleted()):
            raise WebhookNotFound(webhook_id)
        case _, Standing():
            return _decide(command, state, webhook_id)
        case _:
            assert_never(state)


def _decide(command: WebhookCommand, state: Standing, webhook_id: str) -> tuple[WebhookFact, ...]:
    match command:
        case ChangeWebhook():
            changed = WebhookChanged(**{**_wanted(state), **_wanted(command)})
            return () if evolve(state, changed) == state else (changed,)
        case AskForVerification():
            if state.disabled:
                raise WebhookNotEnabled(webhook_id, "disabled")
            return (WebhookVerificationRequested(delivery_id=command.delivery_id),)
        case ConfirmVerification():
            return () if state.verified or command.url != state.url else (WebhookVerified(url=state.url),)
        case DisableWebhook():
            return () if state.disabled else (WebhookDisabled(reason=command.reason),)
        case EnableWebhook():
            return (WebhookEnabled(),) if state.disabled else ()
        case RotateSecret():
            return (WebhookSecretRotated(secret_id=command.secret_id, previous_until=command.previous_until),)
        case ResendDelivery():
            if state.disabled or not state.verified:
                raise WebhookNotEnabled(webhook_id, "disabled" if state.disabled else "unverified")
            return (WebhookDeliveryResent(delivery_id=command.delivery_id),)
        case DeleteWebhook():
            return (WebhookDeleted(),)
        case CreateWebhook():
            raise AssertionError("decided above")
        case _:
            assert_never(command)


def _created(command: CreateWebhook) -> WebhookCreated:
    return WebhookCreated(**_wanted(command), secret_id=command.secret_id, created_by=command.created_by)


def _wanted(said: CreateWebhook | ChangeWebhook | WebhookChanged | Standing) -> dict[str, Any]:
    found = {name: getattr(said, name) for name in ("url", "event_types", "datasets", "tables", "description")}
    return {name: value for name, value in found.items() if value is not UNSET}
