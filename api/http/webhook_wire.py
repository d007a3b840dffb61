"""The shapes of webhooks and deliveries on the wire."""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from api.http.bodies import Name, RequestBody
from api.http.wire import Body, Moment
from domain.webhook.addresses import LONGEST_URL
from domain.webhook.messages import (
    ApprovalWanted,
    Challenge,
    EventType,
    OperationEnded,
    SealHalted,
    TableDrifted,
)

Url = Annotated[str, Meta(min_length=1, max_length=LONGEST_URL)]
EventTypes = Annotated[tuple[EventType, ...], Meta(min_length=1, max_length=100)]
Why = Annotated[str, Meta(max_length=4_000)]


class NewWebhookBody(RequestBody, frozen=True, kw_only=True):
    """Where to tell of events of which types: of these ``datasets`` and ``tables``, or of all when neither is named."""

    url: Url
    event_types: EventTypes
    datasets: Annotated[tuple[Name, ...], Meta(max_length=1_000)] = ()
    tables: Annotated[tuple[UUID, ...], Meta(max_length=1_000)] = ()
    description: Why | None = None


class ChangedWebhookBody(RequestBody, frozen=True, kw_only=True):
    """What is to be otherwise. Another ``url`` has to be verified; ``enabled`` switches it on or off."""

    url: Url | UnsetType = UNSET
    event_types: EventTypes | UnsetType = UNSET
    datasets: Annotated[tuple[Name, ...], Meta(max_length=1_000)] | UnsetType = UNSET
    tables: Annotated[tuple[UUID, ...], Meta(max_length=1_000)] | UnsetType = UNSET
    description: Why | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET


class RotatedSecretBody(RequestBody, frozen=True, kw_only=True):
    """For how long the secret before signs beside the new one."""

    overlap_hours: Annotated[int, Meta(ge=0, le=720)] = 24


class WebhookBody(Body, frozen=True, kw_only=True):
    """Where somebody is told of what, without its secret. Only an ``enabled`` one is sent anything but its challenge.

    ``disabledReason``: ``asked``, ``gone`` (it answered 410) or ``failing`` (it took nothing for days).
    ``previousSecretUntil`` is there while two secrets sign.
    """

    webhook_id: str
    url: str
    description: str | UnsetType = UNSET
    status: Literal["unverified", "enabled", "disabled"]
    event_types: tuple[str, ...]
    datasets: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    created_at: Moment
    created_by: str
    verified_at: Moment | UnsetType = UNSET
    disabled_at: Moment | UnsetType = UNSET
    disabled_reason: str | UnsetType = UNSET
    previous_secret_until: Moment | UnsetType = UNSET


class NewWebhookSecretBody(WebhookBody, frozen=True, kw_only=True):
    """A webhook with its ``secret``, which is told this once."""

    secret: str


class WebhookList(Body, frozen=True, kw_only=True):
    webhooks: tuple[WebhookBody, ...]
    next_page_token: str | UnsetType = UNSET


class DeliveryBody(Body, frozen=True, kw_only=True):
    """One message to one webhook. ``deliveryId`` is its ``webhook-id`` header, the same in every try.

    ``position`` is that of the event it tells of. ``tries`` counts since it was queued or asked to be sent again.
    ``lastError`` is a code, and is not there after a try that was taken.
    """

    delivery_id: str
    webhook_id: str
    event_type: str
    position: int
    status: Literal["pending", "delivered", "failed"]
    tries: int
    last_status_code: int | UnsetType = UNSET
    last_error: str | UnsetType = UNSET
    last_tried_at: Moment | UnsetType = UNSET
    next_try_at: Moment | UnsetType = UNSET
    created_at: Moment
    ended_at: Moment | UnsetType = UNSET


class OperationMessage(Struct, frozen=True, kw_only=True):
    """An operation has ended."""

    type: Literal["operation.completed", "operation.failed", "operation.cancelled"]
    timestamp: Moment
    data: OperationEnded


class ApprovalMessage(Struct, frozen=True, kw_only=True):
    """Somebody has to look at a migration: before it is done, or after an emergency."""

    type: Literal["migration.approval_requested", "migration.emergency_declared"]
    timestamp: Moment
    data: ApprovalWanted


class DriftMessage(Struct, frozen=True, kw_only=True):
    """A table was changed outside; once for each drift."""

    type: Literal["drift.found"]
    timestamp: Moment
    data: TableDrifted


class SealMessage(Struct, frozen=True, kw_only=True):
    """The seal has stopped. It goes to webhooks that are restricted to nothing."""

    type: Literal["seal.stopped"]
    timestamp: Moment
    data: SealHalted


class VerificationMessage(Struct, frozen=True, kw_only=True):
    """To be answered with the challenge, as text or as ``{"challenge": ...}``, by whoever wants the other messages."""

    type: Literal["webhook.verification"]
    timestamp: Moment
    data: Challenge


MESSAGES = (OperationMessage, ApprovalMessage, DriftMessage, SealMessage, VerificationMessage)
"""What is sent to webhooks, by shape; the values of ``type`` are the names."""


class DeliveryList(Body, frozen=True, kw_only=True):
    deliveries: tuple[DeliveryBody, ...]
    next_page_token: str | UnsetType = UNSET
