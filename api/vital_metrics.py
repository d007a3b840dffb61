"""The vital signs, as Prometheus is told of them."""

from collections.abc import Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from domain.vitals import Vitals


def told(vitals: Vitals) -> Iterator[Metric]:
    position = CounterMetricFamily("schemaledger_log_events", "Events in the log: its last position.")
    position.add_metric((), vitals.position)
    yield position
    yield from _of_operations(vitals)
    yield from _of_leases(vitals)
    yield from _of_views(vitals)
    yield gauge(
        "schemaledger_seal_stopped",
        "Whether the seal has stopped because the log is not what was sealed before.",
        vitals.seal_alarm is not None,
    )
    yield from _of_webhooks(vitals)


def gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def labelled(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=(label,))
    for one, value in values.items():
        family.add_metric((one,), value)
    return family


def _of_operations(vitals: Vitals) -> Iterator[Metric]:
    yield labelled(
        "schemaledger_operations_unfinished",
        "Operations that have not ended, by status.",
        "status",
        {"pending": vitals.pending, "running": vitals.running},
    )
    yield gauge(
        "schemaledger_oldest_pending_operation_seconds",
        "For how long the oldest pending operation has waited; 0: none waits.",
        vitals.oldest_pending_age,
    )
    yield gauge(
        "schemaledger_operations_failing",
        "Operations that have not ended and failed three attempts or more.",
        vitals.failing,
    )


def _of_leases(vitals: Vitals) -> Iterator[Metric]:
    yield labelled(
        "schemaledger_leases",
        "Leases of unfinished operations: held, free, or expired.",
        "state",
        {"held": vitals.leases_held, "free": vitals.leases_free, "expired": vitals.leases_expired},
    )
    yield gauge(
        "schemaledger_oldest_heartbeat_seconds",
        "For how long the worker of some running operation has not been heard of, at most; 0: none runs.",
        vitals.oldest_heartbeat_age,
    )


def _of_views(vitals: Vitals) -> Iterator[Metric]:
    yield labelled(
        "schemaledger_projection_lag_events",
        "Events that a view does not show yet.",
        "projection",
        {name: lag.events for name, lag in vitals.lags.items()},
    )
    yield labelled(
        "schemaledger_projection_lag_seconds",
        "For how long the oldest event that a view does not show yet has waited.",
        "projection",
        {name: lag.seconds for name, lag in vitals.lags.items()},
    )
    yield labelled(
        "schemaledger_projection_stuck",
        "1 for a view that cannot get past an event.",
        "projection",
        {name: name in vitals.stuck for name in vitals.lags},
    )


def _of_webhooks(vitals: Vitals) -> Iterator[Metric]:
    yield labelled(
        "schemaledger_webhook_backlog",
        "Messages to be sent: due now, or waiting for another try.",
        "state",
        {"due": vitals.messages_due, "waiting": vitals.messages_waiting},
    )
    yield gauge(
        "schemaledger_oldest_webhook_message_seconds",
        "For how long the oldest message that a webhook has not taken has waited; 0: none waits.",
        vitals.oldest_message_age,
    )
    yield labelled(
        "schemaledger_webhooks",
        "Webhooks: enabled, unverified, or disabled.",
        "status",
        vitals.webhooks,
    )
