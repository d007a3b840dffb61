"""Who sends what, and when: decided by the database and its clock. Webhooks take turns."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from msgspec import Raw
from psycopg.rows import DictRow

from adapters.postgres.database import Database
from adapters.postgres.statements import Statement, run
from domain.webhook.deliveries import Claimed
from domain.webhook.messages import VERIFICATION, body_of, verification_body

AT_ONCE = 2
"""Messages that are under way to one webhook, so that one that is slow leaves room for the others."""
CANDIDATES = 20
"""Of how many webhooks that are due the next is taken: others that look at the same time take those after it."""

CLAIM = f"""
WITH turns AS MATERIALIZED (
    SELECT next.delivery_id, webhook.webhook_id, had_at FROM webhooks_v1 AS webhook
    LEFT JOIN webhook_turns USING (webhook_id)
    CROSS JOIN LATERAL (
        SELECT delivery_id FROM webhook_deliveries AS due
        WHERE due.webhook_id = webhook.webhook_id AND due.status = 'pending' AND next_try_at <= clock_timestamp()
            AND (claimed_until IS NULL OR claimed_until < clock_timestamp())
            AND (webhook.since IS NOT NULL OR due.type = '{VERIFICATION}')
        ORDER BY next_try_at LIMIT {AT_ONCE}
    ) AS next
    WHERE webhook.disabled_at IS NULL AND (
        SELECT count(*) FROM webhook_deliveries AS under_way
        WHERE under_way.webhook_id = webhook.webhook_id AND status = 'pending' AND claimed_until >= clock_timestamp()
    ) < {AT_ONCE}
    ORDER BY had_at NULLS FIRST LIMIT {CANDIDATES}
), next AS (
    SELECT delivery.delivery_id, delivery.webhook_id FROM webhook_deliveries AS delivery JOIN turns USING (delivery_id)
    WHERE status = 'pending' AND (claimed_until IS NULL OR claimed_until < clock_timestamp())
    ORDER BY had_at NULLS FIRST LIMIT 1
    FOR UPDATE OF delivery SKIP LOCKED
), had AS (
    INSERT INTO webhook_turns (webhook_id, had_at) SELECT webhook_id, clock_timestamp() FROM next
    ON CONFLICT (webhook_id) DO UPDATE SET had_at = excluded.had_at
)
UPDATE webhook_deliveries AS delivery
SET claim = %(claim)s, claimed_until = clock_timestamp() + %(term)s, tries = tries + 1,
    last_tried_at = clock_timestamp()
FROM next JOIN webhooks_v1 AS webhook USING (webhook_id) WHERE delivery.delivery_id = next.delivery_id
RETURNING delivery.delivery_id, delivery.webhook_id, type, url, tries, challenge, occurred_at, data,
    delivery.created_at, delivery.claim
"""  # noqa: S608  # only our own SQL is put together
SECRETS = """
SELECT secret FROM webhook_secrets JOIN webhooks_v1 AS webhook USING (webhook_id)
WHERE webhook.webhook_id = %(webhook_id)s AND (webhook_secrets.secret_id = webhook.secret_id
    OR webhook_secrets.secret_id = previous_secret_id AND previous_until > clock_timestamp())
ORDER BY webhook_secrets.secret_id <> webhook.secret_id
"""
SETTLED = "claim = NULL, claimed_until = NULL, last_status = %(status)s, last_error = %(error)s"
OURS = "WHERE delivery_id = %(delivery_id)s AND claim = %(claim)s"
ENDED = f"""
UPDATE webhook_deliveries SET status = %(became)s, ended_at = clock_timestamp(), next_try_at = NULL, {SETTLED} {OURS}
"""  # noqa: S608
AGAIN = f"""
UPDATE webhook_deliveries SET next_try_at = clock_timestamp() + %(after)s, {SETTLED} {OURS}
"""  # noqa: S608
TOOK = """
SELECT EXISTS (
    SELECT FROM webhook_deliveries
    WHERE webhook_id = %(webhook_id)s AND status = 'delivered' AND ended_at >= %(moment)s) AS took
"""


class PostgresDeliveries:
    """Implements ``Deliveries``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, term: timedelta) -> Claimed | None:
        statement = Statement(CLAIM, {"claim": uuid4(), "term": term})
        row = self._database.write(lambda connection: run(connection, statement).first)
        if row is None:
            return None
        secrets = self._database.rows(SECRETS, {"webhook_id": row["webhook_id"]})
        return Claimed(
            claim=row["claim"],
            delivery_id=row["delivery_id"],
            webhook_id=row["webhook_id"],
            type=row["type"],
            url=row["url"],
            body=_body(row),
            tries=row["tries"],
            challenge=row["challenge"],
            secrets=tuple(bytes(one["secret"]) for one in secrets),
            created_at=row["created_at"],
        )

    def delivered(self, claimed: Claimed, status: int) -> None:
        self._settle(ENDED, claimed, became="delivered", status=status, error=None)

    def failed(self, claimed: Claimed, status: int | None, error: str) -> None:
        self._settle(ENDED, claimed, became="failed", status=status, error=error)

    def again(self, claimed: Claimed, status: int | None, error: str, after: timedelta) -> None:
        self._settle(AGAIN, claimed, status=status, error=error, after=after)

    def took_any_since(self, webhook_id: UUID, moment: datetime) -> bool:
        row = self._database.row(TOOK, {"webhook_id": webhook_id, "moment": moment})
        return bool(row and row["took"])

    def _settle(self, sql: str, claimed: Claimed, **given: Any) -> None:
        statement = Statement(sql, {"delivery_id": claimed.delivery_id, "claim": claimed.claim, **given})
        self._database.write(lambda connection: run(connection, statement))


def _body(row: DictRow) -> bytes:
    """The same bytes in every try."""
    if row["challenge"] is not None:
        return verification_body(row["webhook_id"], row["challenge"], row["occurred_at"])
    return body_of(row["type"], row["occurred_at"], Raw(row["data"]))
