"""Spans told to an OpenTelemetry collector, over OTLP and HTTP. opentelemetry-sdk 1.45.

Read only when it is asked for: it comes with the extra ``otel``. Everything beyond the endpoint (headers, sampler,
batches, the service's name) is set by OpenTelemetry's own variables. Spans are sent from a thread of their own; a
collector that is away costs nothing but the spans.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Literal

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from domain.errors import Refusal

KINDS = {
    "server": SpanKind.SERVER,
    "consumer": SpanKind.CONSUMER,
    "client": SpanKind.CLIENT,
    "internal": SpanKind.INTERNAL,
}
SECONDS_TO_SEND_THE_LAST = 2.0

_PARENTS = TraceContextTextMapPropagator()


class OpenTelemetryTracing:
    """Implements ``Tracing``."""

    def __init__(self) -> None:
        ours = Resource({SERVICE_NAME: "schemaledger", SERVICE_VERSION: version("schemaledger")})
        self._provider = TracerProvider(resource=ours.merge(OTELResourceDetector().detect()), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("schemaledger")

    @contextmanager
    def span(
        self,
        name: str,
        kind: Literal["server", "consumer", "client", "internal"] = "internal",
        parent: str | None = None,
    ) -> Iterator["_Span"]:
        context = None if parent is None else _PARENTS.extract({"traceparent": parent})
        with self._tracer.start_as_current_span(
            name, context, KINDS[kind], record_exception=False, set_status_on_exception=False
        ) as span:
            ours = _Span(span)
            try:
                yield ours
            except Exception as error:
                ours.fail(error.code if isinstance(error, Refusal) else type(error).__name__)
                raise

    def traceparent(self) -> str | None:
        if not get_current_span().get_span_context().is_valid:
            return None
        carrier = dict[str, str]()
        _PARENTS.inject(carrier)
        return carrier.get("traceparent")

    def close(self) -> None:
        self._provider.force_flush(int(1_000 * SECONDS_TO_SEND_THE_LAST))
        self._provider.shutdown()


class _Span:
    """What others say of an error may hold a secret: only its kind is told."""

    def __init__(self, span: Span) -> None:
        self._span = span

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def note(self, name: str, value: str | int) -> None:
        self._span.set_attribute(name, value)

    def fail(self, error_type: str) -> None:
        self._span.set_attribute("error.type", error_type)
        self._span.set_status(Status(StatusCode.ERROR))
