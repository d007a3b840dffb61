"""What is counted and measured, by name, for Prometheus.

The processes that ``serve`` starts count in files they share (the client library's multi-process mode), so that each
API process answers for all of them. What the database knows is asked of it when the metrics are.
"""

import os
from collections.abc import Iterable, Iterator
from importlib.metadata import version

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from api.shared_counts import SHARED
from domain.errors import LogUnavailable
from domain.vitals import Vitals, VitalSigns

CONTENT_TYPE = "text/plain; version=0.0.4"

# When each series began: as many series again, which nobody asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]

OWN = CollectorRegistry()
"""What this process counts."""

FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
LONG = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0)

APPENDS = Histogram(
    "schemaledger_append_seconds",
    "How long appends to the event log took, by what became of them.",
    ("outcome",),
    registry=OWN,
    buckets=FAST,
)
OPERATIONS = Histogram(
    "schemaledger_operation_duration_seconds",
    "How long operations took from the start of their last attempt to their end.",
    ("operation_type", "outcome"),
    registry=OWN,
    buckets=LONG,
)
FAILURES = Counter(
    "schemaledger_operation_failures_total",
    "Operations that failed, by error code.",
    ("operation_type", "code"),
    registry=OWN,
)
ATTEMPTS = Counter(
    "schemaledger_operation_attempts_total", "Attempts begun by workers.", ("operation_type",), registry=OWN
)
RENEWALS = Counter("schemaledger_lease_renewals_total", "Renewals of leases by workers.", ("outcome",), registry=OWN)
WORKER_SEEN = Gauge(
    "schemaledger_worker_seen_timestamp_seconds",
    "When a worker last asked for work or renewed a lease, in seconds since 1970.",
    registry=OWN,
    multiprocess_mode="livemax",
)
REQUESTS = Counter(
    "schemaledger_http_requests_total", "Requests answered.", ("method", "route", "status"), registry=OWN
)
REQUEST_SECONDS = Histogram(
    "schemaledger_http_request_duration_seconds",
    "How long answers took, but for long polls and streams, which take their time on purpose.",
    ("method", "route"),
    registry=OWN,
    buckets=FAST,
)
OPEN_CALLS = Gauge(
    "schemaledger_open_calls",
    "Calls that stay open: streams, exports and long polls.",
    registry=OWN,
    multiprocess_mode="livesum",
)
MESSAGES = Counter(
    "schemaledger_webhook_tries_total",
    "Tries to send a message to a webhook: delivered, again (it is tried later), or failed (it is not).",
    ("result",),
    registry=OWN,
)
FOLLOWERS = Gauge("schemaledger_stream_followers", "Open streams of events.", registry=OWN, multiprocess_mode="livesum")


class Exposition:
    """Answers for the processes that count together with this one and, given ``signs``, for the whole service."""

    def __init__(self, signs: VitalSigns | None = None) -> None:
        self._registry = CollectorRegistry()
        if os.environ.get(SHARED):
            MultiProcessCollector(self._registry)  # type: ignore[no-untyped-call]
        else:
            self._registry.register(_Passed(OWN))
        if signs is not None:
            self._registry.register(_Vital(signs))

    @property
    def registry(self) -> CollectorRegistry:
        return self._registry

    def text(self) -> bytes:
        """In Prometheus' text format, of ``CONTENT_TYPE``."""
        return generate_latest(self._registry)


class _Passed(Collector):
    """Another registry's metrics."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._from = registry

    def collect(self) -> Iterable[Metric]:
        return self._from.collect()


class _Vital(Collector):
    """The vital signs, or that the database does not tell."""

    def __init__(self, signs: VitalSigns) -> None:
        self._signs = signs

    def describe(self) -> Iterable[Metric]:
        """Nothing beforehand: registering must not ask the database."""
        return ()

    def collect(self) -> Iterator[Metric]:
        info = GaugeMetricFamily("schemaledger_info", "The release that runs.", labels=("version",))
        info.add_metric((version("schemaledger"),), 1)
        yield info
        try:
            vitals = self._signs.read()
        except LogUnavailable:
            yield _gauge("schemaledger_database_up", "Whether the database answered just now.", 0)
            return
        yield _gauge("schemaledger_database_up", "Whether the database answered just now.", 1)
        yield from _told(vitals)


def _told(vitals: Vitals) -> Iterator[Metric]:
    position = CounterMetricFamily("schemaledger_log_events", "Events in the log: its last position.")
    position.add_metric((), vitals.position)
    yield position
    queue = GaugeMetricFamily(
        "schemaledger_operations_unfinished", "Operations that have not ended, by status.", labels=("status",)
    )
    queue.add_metric(("pending",), vitals.pending)
    queue.add_metric(("running",), vitals.running)
    yield queue
    yield _gauge(
        "schemaledger_oldest_pending_operation_seconds",
        "For how long the oldest pending operation has waited; 0: none waits.",
        vitals.oldest_pending_age,
    )
    leases = GaugeMetricFamily(
        "schemaledger_leases", "Leases of unfinished operations: held, free, or expired.", labels=("state",)
    )
    leases.add_metric(("held",), vitals.leases_held)
    leases.add_metric(("free",), vitals.leases_free)
    leases.add_metric(("expired",), vitals.leases_expired)
    yield leases
    yield _gauge(
        "schemaledger_oldest_heartbeat_seconds",
        "For how long the worker of some running operation has not been heard of, at most; 0: none runs.",
        vitals.oldest_heartbeat_age,
    )
    events = GaugeMetricFamily(
        "schemaledger_projection_lag_events", "Events that a view does not show yet.", labels=("projection",)
    )
    seconds = GaugeMetricFamily(
        "schemaledger_projection_lag_seconds",
        "For how long the oldest event that a view does not show yet has waited.",
        labels=("projection",),
    )
    for name, lag in vitals.lags.items():
        events.add_metric((name,), lag.events)
        seconds.add_metric((name,), lag.seconds)
    yield events
    yield seconds
    stuck = GaugeMetricFamily(
        "schemaledger_projection_stuck", "1 for a view that cannot get past an event.", labels=("projection",)
    )
    for name in vitals.lags:
        stuck.add_metric((name,), name in vitals.stuck)
    yield stuck
    yield _gauge(
        "schemaledger_operations_failing",
        "Operations that have not ended and failed three attempts or more.",
        vitals.failing,
    )
    yield _gauge(
        "schemaledger_seal_stopped",
        "Whether the seal has stopped because the log is not what was sealed before.",
        vitals.seal_alarm is not None,
    )
    yield from _of_webhooks(vitals)


def _of_webhooks(vitals: Vitals) -> Iterator[Metric]:
    backlog = GaugeMetricFamily(
        "schemaledger_webhook_backlog", "Messages to be sent: due now, or waiting for another try.", labels=("state",)
    )
    backlog.add_metric(("due",), vitals.messages_due)
    backlog.add_metric(("waiting",), vitals.messages_waiting)
    yield backlog
    yield _gauge(
        "schemaledger_oldest_webhook_message_seconds",
        "For how long the oldest message that a webhook has not taken has waited; 0: none waits.",
        vitals.oldest_message_age,
    )
    webhooks = GaugeMetricFamily(
        "schemaledger_webhooks", "Webhooks: enabled, unverified, or disabled.", labels=("status",)
    )
    for status, count in vitals.webhooks.items():
        webhooks.add_metric((status,), count)
    yield webhooks


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)
