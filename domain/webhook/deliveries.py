"""Webhooks and deliveries as readers see them, and the ports that keep, send and settle what is to be delivered."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from domain.access import Reach


class WebhookView(Struct, frozen=True, kw_only=True):
    """Where somebody wants to be told of what. ``disabled_reason`` is None while it is not disabled."""

    webhook_id: UUID
    url: str
    description: str | None
    event_types: tuple[str, ...]
    datasets: tuple[str, ...]
    tables: tuple[UUID, ...]
    created_by: str
    created_at: datetime
    verified_at: datetime | None
    disabled_at: datetime | None
    disabled_reason: str | None
    previous_until: datetime | None

    @property
    def status(self) -> str:
        if self.disabled_reason is not None:
            return "disabled"
        return "unverified" if self.verified_at is None else "enabled"


class DeliveryView(Struct, frozen=True, kw_only=True):
    """One message to one webhook. ``delivery_id`` is the id of the message, the same in every try.

    ``position`` is that of the event it tells of. ``status``: pending, delivered or failed. ``tries`` counts since it
    was queued, or was asked to be sent again; ``last_error`` is a code, None after a try that was taken.
    """

    delivery_id: UUID
    webhook_id: UUID
    position: int
    type: str
    status: str
    tries: int
    last_status: int | None
    last_error: str | None
    last_tried_at: datetime | None
    next_try_at: datetime | None
    created_at: datetime
    ended_at: datetime | None


class Claimed(Struct, frozen=True, kw_only=True):
    """A message to send now, by nobody else until the claim runs out. ``tries`` counts this one.

    ``challenge`` is what a verification asks to be sent back; None for every other message. Each of ``secrets`` signs.
    """

    claim: UUID
    delivery_id: UUID
    webhook_id: UUID
    type: str
    url: str
    body: bytes
    tries: int
    challenge: str | None
    secrets: tuple[bytes, ...]
    created_at: datetime


class Answered(Struct, frozen=True):
    """The receiver's status, and the beginning of what it said where that was asked for."""

    status: int
    beginning: bytes = b""


class NotSent(Struct, frozen=True):
    """Why there was no answer, as a code: see ``domain/handlers/delivering.py``."""

    error: str


class Webhooks(Protocol):
    """What is known of webhooks, with their secrets beside it. Each may raise LogUnavailable."""

    def webhook(self, webhook_id: UUID) -> WebhookView | None: ...

    def webhooks(self, within: Reach | None, limit: int, after: UUID | None = None) -> Sequence[WebhookView]:
        """Newest first, those whose every place lies within the reach (None: all), after the one given."""

    def count(self) -> int:
        """How many there are."""

    def delivery(self, webhook_id: UUID, delivery_id: UUID) -> DeliveryView | None: ...

    def deliveries(
        self, webhook_id: UUID, status: str | None, limit: int, after: UUID | None = None
    ) -> Sequence[DeliveryView]:
        """Of the webhook, newest first, after the one given."""

    def new_secret(self, webhook_id: UUID) -> tuple[UUID, bytes]:
        """A secret that nobody can guess, kept from now on, and its id. It signs once an event says so."""

    def forget_secrets(self) -> int:
        """Lets go of secrets that sign nothing any more."""

    def forget_deliveries(self, older_than: timedelta) -> int:
        """Lets go of deliveries that were queued so long ago, whatever became of them."""


class Deliveries(Protocol):
    """What is to be sent: by one of all processes each, and never more than a few to one webhook at a time.

    Each may raise LogUnavailable. What is said of a claim that has run out and was taken by another is ignored.
    """

    def claim(self, term: timedelta) -> Claimed | None:
        """The next message that is due, webhooks taking turns; None: none is."""

    def delivered(self, claimed: Claimed, status: int) -> None: ...

    def failed(self, claimed: Claimed, status: int | None, error: str) -> None:
        """It is not tried again by itself."""

    def again(self, claimed: Claimed, status: int | None, error: str, after: timedelta) -> None: ...

    def took_any_since(self, webhook_id: UUID, moment: datetime) -> bool:
        """Whether the webhook took any message since."""


class Messenger(Protocol):
    def send(self, url: str, headers: Mapping[str, str], body: bytes, *, listen: bool) -> Answered | NotSent:
        """Posts the body and returns the answer; with ``listen``, with its beginning.

        Takes seconds at most, follows no redirect, and connects to no address that is not allowed.
        """
