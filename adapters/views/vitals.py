"""Reading how the service is doing: of what is unfinished only, so the cost does not grow with the log."""

from collections.abc import Sequence

from adapters.postgres.database import Database
from domain.vitals import Lag, Stuck, Vitals

QUEUE = """
SELECT
    count(*) FILTER (WHERE status = 'pending' AND NOT held) AS pending,
    count(*) FILTER (WHERE status = 'running') AS running,
    count(*) FILTER (WHERE worker IS NULL AND NOT held) AS leases_free,
    count(*) FILTER (WHERE expires_at >= clock_timestamp()) AS leases_held,
    count(*) FILTER (WHERE expires_at < clock_timestamp()) AS leases_expired,
    coalesce(extract(epoch FROM clock_timestamp()
        - min(created_at) FILTER (WHERE status = 'pending' AND NOT held)), 0)::float AS oldest_pending_age,
    coalesce(extract(epoch FROM clock_timestamp() - min(renewed_at)), 0)::float AS oldest_heartbeat_age,
    count(*) FILTER (WHERE failures >= 3) AS failing,
    (SELECT coalesce(max(notification_id), 0) FROM stored_events) AS position,
    (SELECT message FROM seal_alarms) AS seal_alarm
FROM operation_leases JOIN operation_status_v1 USING (operation_id)
"""
MESSAGES = """
SELECT
    count(*) FILTER (WHERE next_try_at <= clock_timestamp()) AS messages_due,
    count(*) FILTER (WHERE next_try_at > clock_timestamp()) AS messages_waiting,
    coalesce(extract(epoch FROM clock_timestamp() - min(delivery.created_at)), 0)::float AS oldest_message_age
FROM webhook_deliveries AS delivery JOIN webhooks_v1 USING (webhook_id) WHERE status = 'pending' AND since IS NOT NULL
"""
WEBHOOKS = """
SELECT count(*) FILTER (WHERE since IS NOT NULL) AS enabled,
    count(*) FILTER (WHERE verified_at IS NULL AND disabled_at IS NULL) AS unverified,
    count(*) FILTER (WHERE disabled_at IS NOT NULL) AS disabled
FROM webhooks_v1
"""
LAGS = """
SELECT name, head - reached AS events,
    coalesce(extract(epoch FROM clock_timestamp() - (
        SELECT recorded_at FROM stored_events WHERE notification_id = reached + 1)), 0)::float AS seconds
FROM (
    SELECT wanted.name, coalesce(projections.position, 0) AS reached,
        (SELECT coalesce(max(notification_id), 0) FROM stored_events) AS head
    FROM unnest(%(names)s::text[]) AS wanted (name) LEFT JOIN projections USING (name)) AS standing
"""


STUCK = """
SELECT name, position, message, extract(epoch FROM clock_timestamp() - since)::float AS seconds FROM projection_troubles
WHERE name = ANY(%(names)s)
"""


class PostgresVitalSigns:
    """Implements ``VitalSigns``; ``projections`` are the names of the asynchronous views in use."""

    def __init__(self, database: Database, projections: Sequence[str]) -> None:
        self._database, self._projections = database, list(projections)

    def read(self) -> Vitals:
        queue = self._database.row(QUEUE, {})
        assert queue is not None
        lags = self._database.rows(LAGS, {"names": self._projections})
        messages, webhooks = self._database.row(MESSAGES, {}), self._database.row(WEBHOOKS, {})
        assert messages is not None
        assert webhooks is not None
        behind = {row["name"]: Lag(events=row["events"], seconds=row["seconds"]) for row in lags}
        stuck = {row.pop("name"): Stuck(**row) for row in self._database.rows(STUCK, {"names": self._projections})}
        return Vitals(**queue, **messages, lags=behind, webhooks=webhooks, stuck=stuck)
