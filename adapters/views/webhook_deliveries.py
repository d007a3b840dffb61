"""``webhook_deliveries``: what is to be sent. Who sends it: adapters/webhooks/queue.py.

It follows the log, so that whatever is written there is told, and nothing else. What somebody asks for by itself (a
verification, a message once more) is there with the append. It is never built anew: what was sent is not in the log.
"""

from collections.abc import Iterable
from uuid import UUID

import msgspec

from adapters.postgres.statements import Statement
from adapters.views.placing import MOMENT, POSITION
from domain.access import Whereabouts
from domain.facts import Fact, Recorded
from domain.operation.events import OperationFact, OperationRequested
from domain.ports import EventStore
from domain.webhook.events import WebhookDeleted, WebhookDeliveryResent, WebhookVerificationRequested
from domain.webhook.messages import VERIFICATION, content_of, is_told

DELIVERIES = "webhook_deliveries"

# Whoever was not told of such things when this one happened is not told of it later.
QUEUE = """
INSERT INTO webhook_deliveries (webhook_id, position, type, occurred_at, data)
SELECT webhook_id, %(position)s, %(type)s, %(occurred_at)s, %(data)s FROM webhooks_v1
WHERE since < %(position)s AND %(type)s = ANY(event_types) AND (
    (cardinality(datasets) = 0 AND cardinality(tables) = 0)
    OR %(dataset_id)s::text = ANY(datasets) OR %(table_id)s::uuid = ANY(tables))
ON CONFLICT (webhook_id, position) DO NOTHING
"""
VERIFY = f"""
INSERT INTO webhook_deliveries (delivery_id, webhook_id, position, type, occurred_at, data, challenge)
VALUES (%(delivery_id)s, %(stream)s, {POSITION}, '{VERIFICATION}', {MOMENT}, '{{}}', gen_random_uuid()::text)
"""  # noqa: S608  # only our own SQL is put together
AGAIN = """
UPDATE webhook_deliveries SET status = 'pending', tries = 0, next_try_at = clock_timestamp(), ended_at = NULL
WHERE delivery_id = %(delivery_id)s AND webhook_id = %(stream)s
"""
FORGET = "DELETE FROM webhook_deliveries WHERE webhook_id = %(stream)s"
FORGET_SECRETS = "DELETE FROM webhook_secrets WHERE webhook_id = %(stream)s"
FORGET_TURN = "DELETE FROM webhook_turns WHERE webhook_id = %(stream)s"


def asked_deliveries(stream: UUID, version: int, fact: Fact) -> Iterable[Statement]:
    """Inline."""
    match fact:
        case WebhookVerificationRequested():
            yield Statement(VERIFY, {"stream": stream, "version": version, "delivery_id": fact.delivery_id})
        case WebhookDeliveryResent():
            yield Statement(AGAIN, {"stream": stream, "delivery_id": fact.delivery_id})
        case WebhookDeleted():
            for statement in (FORGET, FORGET_SECRETS, FORGET_TURN):
                yield Statement(statement, {"stream": stream})
        case _:
            pass


class Announcing:
    """What one event of the log brings to whom."""

    def __init__(self, store: EventStore, whereabouts: Whereabouts) -> None:
        self._store, self._whereabouts = store, whereabouts

    def statements(self, event: Recorded) -> Iterable[Statement]:
        if not is_told(event.fact):
            return
        request = self._request(event)
        dataset = self._whereabouts.dataset_of(request.table_id) if request else None
        content = content_of(event, request, dataset)
        told = {"position": event.position, "type": event.fact.topic, "occurred_at": event.recorded_at}
        place = {"dataset_id": content.dataset_id, "table_id": content.table_id}
        yield Statement(QUEUE, {**told, **place, "data": msgspec.json.encode(content.data).decode()})

    def _request(self, event: Recorded) -> OperationRequested | None:
        if not isinstance(event.fact, OperationFact):
            return None
        first = self._store.facts(event.stream)[0]
        return first if isinstance(first, OperationRequested) else None
