"""Webhooks and their deliveries as readers see them, and their secrets, which nobody sees again."""

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from psycopg.rows import DictRow

from adapters.postgres.connecting import WatchedConnection
from adapters.postgres.database import Database, unhurried
from adapters.postgres.statements import Statement, run
from domain.access import Reach
from domain.webhook.deliveries import DeliveryView, WebhookView
from domain.webhook.signing import SECRET_BYTES

WEBHOOK = """
SELECT webhook_id, url, description, event_types, datasets, tables, created_by, created_at, verified_at, disabled_at,
    disabled_reason, CASE WHEN previous_until > clock_timestamp() THEN previous_until END AS previous_until
FROM webhooks_v1 AS webhook
"""
ONE = f"{WEBHOOK} WHERE webhook_id = %(webhook_id)s"  # only our own SQL is put together
# Restricted to some places, and to none beyond the reach.
PAGE = f"""{WEBHOOK}
WHERE (%(everywhere)s OR (
    cardinality(datasets) + cardinality(tables) > 0 AND datasets <@ %(datasets)s::text[] AND NOT EXISTS (
        SELECT FROM unnest(tables) AS named (table_id) WHERE named.table_id <> ALL(%(tables)s::uuid[]) AND NOT EXISTS (
            SELECT FROM table_homes_v1 AS home
            WHERE home.table_id = named.table_id AND home.dataset_id = ANY(%(datasets)s::text[])))))
AND (%(after)s::uuid IS NULL OR position < (SELECT position FROM webhooks_v1 WHERE webhook_id = %(after)s))
ORDER BY position DESC LIMIT %(limit)s
"""  # noqa: S608
COUNT = "SELECT count(*) AS count FROM webhooks_v1"
DELIVERY = """
SELECT delivery_id, webhook_id, position, type, status, tries, last_status, last_error, last_tried_at, next_try_at,
    created_at, ended_at
FROM webhook_deliveries WHERE webhook_id = %(webhook_id)s
"""
ONE_DELIVERY = f"{DELIVERY} AND delivery_id = %(delivery_id)s"
DELIVERIES = f"""{DELIVERY} AND (%(status)s::text IS NULL OR status = %(status)s)
AND (%(after)s::uuid IS NULL OR position < (SELECT position FROM webhook_deliveries WHERE delivery_id = %(after)s))
ORDER BY position DESC LIMIT %(limit)s
"""  # noqa: S608
KEEP = "INSERT INTO webhook_secrets (secret_id, webhook_id, secret) VALUES (%(secret_id)s, %(webhook_id)s, %(secret)s)"
# One that was made a moment ago may be waiting for the event that says that it signs.
FORGET_SECRETS = """
DELETE FROM webhook_secrets AS kept WHERE made_at < clock_timestamp() - interval '1 hour' AND NOT EXISTS (
    SELECT FROM webhooks_v1 AS webhook WHERE webhook.secret_id = kept.secret_id
        OR webhook.previous_secret_id = kept.secret_id AND previous_until > clock_timestamp())
"""
FORGET_DELIVERIES = "DELETE FROM webhook_deliveries WHERE created_at < clock_timestamp() - %(older_than)s::interval"


class PostgresWebhooks:
    """Implements ``Webhooks``. ``database`` shows the texts in its rows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def webhook(self, webhook_id: UUID) -> WebhookView | None:
        row = self._database.row(ONE, {"webhook_id": webhook_id})
        return _webhook(row) if row else None

    def webhooks(self, within: Reach | None, limit: int, after: UUID | None = None) -> Sequence[WebhookView]:
        places = Reach(datasets=(), tables=()) if within is None else within
        given = {"everywhere": within is None, "datasets": list(places.datasets), "tables": list(places.tables)}
        return [_webhook(row) for row in self._database.rows(PAGE, {**given, "limit": limit, "after": after})]

    def count(self) -> int:
        row = self._database.row(COUNT, {})
        assert row is not None
        return int(row["count"])

    def delivery(self, webhook_id: UUID, delivery_id: UUID) -> DeliveryView | None:
        row = self._database.row(ONE_DELIVERY, {"webhook_id": webhook_id, "delivery_id": delivery_id})
        return DeliveryView(**row) if row else None

    def deliveries(
        self, webhook_id: UUID, status: str | None, limit: int, after: UUID | None = None
    ) -> Sequence[DeliveryView]:
        given = {"webhook_id": webhook_id, "status": status, "limit": limit, "after": after}
        return [DeliveryView(**row) for row in self._database.rows(DELIVERIES, given)]

    def new_secret(self, webhook_id: UUID) -> tuple[UUID, bytes]:
        secret_id, secret = uuid4(), secrets.token_bytes(SECRET_BYTES)
        self._written(KEEP, secret_id=secret_id, webhook_id=webhook_id, secret=secret)
        return secret_id, secret

    def forget_secrets(self) -> int:
        return self._written(FORGET_SECRETS)

    def forget_deliveries(self, older_than: timedelta) -> int:
        def forget(connection: WatchedConnection) -> int:
            with unhurried(connection):
                return run(connection, Statement(FORGET_DELIVERIES, {"older_than": older_than})).changed

        return self._database.write(forget)

    def _written(self, sql: str, **given: Any) -> int:
        return self._database.write(lambda connection: run(connection, Statement(sql, given)).changed)


def _webhook(row: DictRow) -> WebhookView:
    lists = {name: tuple(row[name]) for name in ("event_types", "datasets", "tables")}
    return WebhookView(**{**row, **lists})
