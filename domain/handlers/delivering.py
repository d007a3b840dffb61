"""Sending what is due, and what follows from the answer: taken, to be tried again, given up, or the end of the webhook.

A message is sent at least once: whoever is killed between sending and saying so is followed by another, with the same
id. What is said is said to the log first where the webhook itself changes by it.
"""

import logging
from http import HTTPStatus
from typing import Literal

import msgspec
from msgspec import Struct

from domain.errors import WebhookNotFound
from domain.facts import Origin
from domain.handlers.house import House
from domain.handlers.webhooks import commit_webhook
from domain.webhook.decider import ConfirmVerification, DisableWebhook
from domain.webhook.deliveries import Answered, Claimed, Deliveries, Messenger, NotSent
from domain.webhook.schedule import TRIES, VERIFYING_TRIES, pause
from domain.webhook.signing import headers

Result = Literal["delivered", "again", "failed"]

ANSWERED = "answered"
"""It answered with another status than 2xx."""
REDIRECTED = "redirected"
GONE = "gone"
NOT_ECHOED = "challenge_not_echoed"
"""It took the challenge and did not send it back."""

log = logging.getLogger("schemaledger.webhooks")


class _Echo(Struct):
    challenge: str


def deliver(
    house: House, deliveries: Deliveries, messenger: Messenger, claimed: Claimed, chance: float, origin: Origin
) -> Result:
    """Sends a message that was claimed, and settles what became of it. ``chance`` is from 0 to below 1."""
    timestamp = int(house.clock.now().timestamp())
    signed = headers(claimed.secrets, str(claimed.delivery_id), timestamp, claimed.body)
    answer = messenger.send(claimed.url, signed, claimed.body, listen=claimed.challenge is not None)
    if isinstance(answer, NotSent):
        return _not_taken(house, deliveries, claimed, None, answer.error, chance, origin)
    error = error_of(claimed, answer)
    if error is None:
        return _taken(house, deliveries, claimed, answer.status, origin)
    return _not_taken(house, deliveries, claimed, answer.status, error, chance, origin)


def error_of(claimed: Claimed, answer: Answered) -> str | None:
    """Why an answer does not mean that the message was taken; None: it does."""
    if answer.status == HTTPStatus.GONE:
        return GONE
    if 300 <= answer.status < 400:
        return REDIRECTED
    if not 200 <= answer.status < 300:
        return ANSWERED
    if claimed.challenge is not None and not _echoes(answer.beginning, claimed.challenge):
        return NOT_ECHOED
    return None


def _echoes(said: bytes, challenge: str) -> bool:
    """Whether the answer is the challenge, as text or as ``{"challenge": ...}``."""
    if said.strip() == challenge.encode():
        return True
    try:
        return msgspec.json.decode(said, type=_Echo).challenge == challenge
    except msgspec.DecodeError:
        return False


def _taken(house: House, deliveries: Deliveries, claimed: Claimed, status: int, origin: Origin) -> Result:
    if claimed.challenge is not None:
        _commit(house, claimed, ConfirmVerification(url=claimed.url), origin)
    deliveries.delivered(claimed, status)
    return "delivered"


def _not_taken(
    house: House,
    deliveries: Deliveries,
    claimed: Claimed,
    status: int | None,
    error: str,
    chance: float,
    origin: Origin,
) -> Result:
    verifies = claimed.challenge is not None
    after = pause(claimed.tries, chance, VERIFYING_TRIES if verifies else TRIES)
    if error == GONE:
        if not verifies:
            _commit(house, claimed, DisableWebhook(reason="gone"), origin)
        after = None
    elif after is None and not verifies and not deliveries.took_any_since(claimed.webhook_id, claimed.created_at):
        _commit(house, claimed, DisableWebhook(reason="failing"), origin)
    if after is None:
        deliveries.failed(claimed, status, error)
        return "failed"
    deliveries.again(claimed, status, error, after)
    return "again"


def _commit(house: House, claimed: Claimed, command: ConfirmVerification | DisableWebhook, origin: Origin) -> None:
    try:
        if commit_webhook(house, claimed.webhook_id, command, origin) and isinstance(command, DisableWebhook):
            log.warning("webhook %s is disabled: %s", claimed.webhook_id, command.reason)
    except WebhookNotFound:
        # Deleted while the message was under way.
        log.info("webhook %s is gone", claimed.webhook_id)
