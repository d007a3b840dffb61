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
from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from api.counting_files import count_in_whole_files
from api.shared_counts import SHARED
from api.vital_metrics import gauge, labelled, told
from domain.errors import LogUnavailable
from domain.vitals import VitalSigns

CONTENT_TYPE = "text/plain; version=0.0.4"

count_in_whole_files()

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
        yield labelled("schemaledger_info", "The release that runs.", "version", {version("schemaledger"): 1})
        try:
            vitals = self._signs.read()
        except LogUnavailable:
            yield gauge("schemaledger_database_up", "Whether the database answered just now.", 0)
            return
        yield gauge("schemaledger_database_up", "Whether the database answered just now.", 1)
        yield from told(vitals)
