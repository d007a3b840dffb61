"""``webhooks``, inline: where messages go, of what, and signed with which secret."""

from collections.abc import Iterable
from typing import get_args
from uuid import UUID

from adapters.postgres.statements import Statement
from adapters.views.placing import MOMENT, POSITION
from domain.facts import Fact
from domain.webhook.events import (
    WebhookChanged,
    WebhookCreated,
    WebhookDeleted,
    WebhookDisabled,
    WebhookEnabled,
    WebhookFact,
    WebhookSecretRotated,
    WebhookVerified,
)

FACTS: tuple[type[Fact], ...] = get_args(WebhookFact)

CREATED = f"""
INSERT INTO webhooks_v1 (
    webhook_id, position, url, description, event_types, datasets, tables, created_by, created_at, secret_id)
VALUES (
    %(stream)s, {POSITION}, %(url)s, %(description)s, %(event_types)s::text[], %(datasets)s::text[],
    %(tables)s::uuid[], %(created_by)s, {MOMENT}, %(secret_id)s)
"""  # noqa: S608  # only our own SQL is put together
CHANGED = """
UPDATE webhooks_v1 SET
    verified_at = CASE WHEN url = %(url)s THEN verified_at END, since = CASE WHEN url = %(url)s THEN since END,
    url = %(url)s, description = %(description)s, event_types = %(event_types)s::text[],
    datasets = %(datasets)s::text[], tables = %(tables)s::uuid[]
WHERE webhook_id = %(stream)s
"""
VERIFIED = f"""
UPDATE webhooks_v1 SET verified_at = {MOMENT}, since = CASE WHEN disabled_at IS NULL THEN {POSITION} END
WHERE webhook_id = %(stream)s
"""  # noqa: S608
DISABLED = f"""
UPDATE webhooks_v1 SET disabled_at = {MOMENT}, disabled_reason = %(reason)s, since = NULL WHERE webhook_id = %(stream)s
"""  # noqa: S608
ENABLED = f"""
UPDATE webhooks_v1 SET disabled_at = NULL, disabled_reason = NULL,
    since = CASE WHEN verified_at IS NOT NULL THEN {POSITION} END
WHERE webhook_id = %(stream)s
"""  # noqa: S608
ROTATED = """
UPDATE webhooks_v1 SET previous_secret_id = secret_id, previous_until = %(until)s, secret_id = %(secret_id)s
WHERE webhook_id = %(stream)s
"""
DELETED = "DELETE FROM webhooks_v1 WHERE webhook_id = %(stream)s"


def webhooks(stream: UUID, version: int, fact: Fact) -> Iterable[Statement]:
    place = {"stream": stream, "version": version}
    match fact:
        case WebhookCreated():
            made = {"created_by": fact.created_by, "secret_id": fact.secret_id}
            yield Statement(CREATED, {**place, **_wanted(fact), **made})
        case WebhookChanged():
            yield Statement(CHANGED, {**place, **_wanted(fact)})
        case WebhookVerified():
            yield Statement(VERIFIED, place)
        case WebhookDisabled():
            yield Statement(DISABLED, {**place, "reason": fact.reason})
        case WebhookEnabled():
            yield Statement(ENABLED, place)
        case WebhookSecretRotated():
            yield Statement(ROTATED, {**place, "secret_id": fact.secret_id, "until": fact.previous_until})
        case WebhookDeleted():
            yield Statement(DELETED, place)
        case _:
            pass


def _wanted(fact: WebhookCreated | WebhookChanged) -> dict[str, object]:
    return {
        "url": fact.url,
        "description": fact.description,
        "event_types": list(fact.event_types),
        "datasets": list(fact.datasets),
        "tables": list(fact.tables),
    }
