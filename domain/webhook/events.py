"""What can become true of a webhook. Written for ever: a tag never changes its meaning.

No secret is here. ``secret_id`` says which secret signs; the secret itself is kept beside the log.
"""

from datetime import datetime
from uuid import UUID

from domain.facts import Fact, FreeText


class WebhookCreated(Fact, frozen=True, kw_only=True, tag="webhook.created"):
    """Somebody wants to be told at ``url`` of events of some types; of these datasets and tables, where any is named.

    Nothing is sent there before it is verified.
    """

    url: str
    event_types: tuple[str, ...]
    secret_id: UUID
    created_by: str
    datasets: tuple[str, ...] = ()
    tables: tuple[UUID, ...] = ()
    description: FreeText | None = None


class WebhookChanged(Fact, frozen=True, kw_only=True, tag="webhook.changed"):
    """The whole of what is wanted from now on. Another ``url`` has to be verified."""

    url: str
    event_types: tuple[str, ...]
    datasets: tuple[str, ...] = ()
    tables: tuple[UUID, ...] = ()
    description: FreeText | None = None


class WebhookVerificationRequested(Fact, frozen=True, kw_only=True, tag="webhook.verification_requested"):
    """A message with a challenge goes to the url."""

    delivery_id: UUID


class WebhookVerified(Fact, frozen=True, kw_only=True, tag="webhook.verified"):
    """Whoever answers at ``url`` has sent the challenge back: it wants the messages."""

    url: str


class WebhookDisabled(Fact, frozen=True, kw_only=True, tag="webhook.disabled"):
    """Nothing is sent any more. ``reason`` is ``asked``, ``gone`` (it answered 410) or ``failing`` (for days)."""

    reason: str


class WebhookEnabled(Fact, frozen=True, kw_only=True, tag="webhook.enabled"):
    """What happens from now on is sent again."""


class WebhookSecretRotated(Fact, frozen=True, kw_only=True, tag="webhook.secret_rotated"):
    """Another secret signs; until ``previous_until`` the one before signs as well."""

    secret_id: UUID
    previous_until: datetime


class WebhookDeliveryResent(Fact, frozen=True, kw_only=True, tag="webhook.delivery_resent"):
    """A message is to be sent once more, whatever became of it."""

    delivery_id: UUID


class WebhookDeleted(Fact, frozen=True, kw_only=True, tag="webhook.deleted"):
    """It is gone, with its secrets and what was not sent."""


WebhookFact = (
    WebhookCreated
    | WebhookChanged
    | WebhookVerificationRequested
    | WebhookVerified
    | WebhookDisabled
    | WebhookEnabled
    | WebhookSecretRotated
    | WebhookDeliveryResent
    | WebhookDeleted
)
