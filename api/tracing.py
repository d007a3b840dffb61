"""Spans: how long what took, within which request or operation. What they are told to is decided in one place.

Names follow OpenTelemetry's semantic conventions; a span's parent may be in another process, as a W3C ``traceparent``.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Literal, Protocol
from uuid import UUID

from domain.facts import Append, Fact, Origin, Recorded, Standing
from domain.ports import EventStore

Kind = Literal["server", "consumer", "client", "internal"]
Attribute = str | int


class Span(Protocol):
    def rename(self, name: str) -> None:
        """Calls it what it turned out to be."""

    def note(self, name: str, value: Attribute) -> None:
        """Keeps an attribute with it."""

    def fail(self, error_type: str) -> None:
        """Marks it as failed, by a code or a class of error."""


class Tracing(Protocol):
    """Never raises, whatever becomes of the spans."""

    def span(self, name: str, kind: Kind = "internal", parent: str | None = None) -> AbstractContextManager[Span]:
        """A span as long as the context, within the current one unless a ``traceparent`` is given.

        An exception that leaves the context fails it, a Refusal by its code.
        """

    def traceparent(self) -> str | None:
        """Of the current span, to hand on; None where there is none."""

    def close(self) -> None:
        """Sends what has not been sent."""


class _Nothing:
    def rename(self, name: str) -> None: ...
    def note(self, name: str, value: Attribute) -> None: ...
    def fail(self, error_type: str) -> None: ...


class NoTracing:
    """Implements ``Tracing``: nobody wants to know."""

    @contextmanager
    def span(self, name: str, kind: Kind = "internal", parent: str | None = None) -> Iterator[Span]:
        yield _Nothing()

    def traceparent(self) -> str | None:
        return None

    def close(self) -> None: ...


class TracedStore:
    """An EventStore whose appends are spans."""

    def __init__(self, store: EventStore, tracing: Tracing) -> None:
        self._store, self._tracing = store, tracing

    def load(self, stream: UUID, after: int = 0) -> tuple[Recorded, ...]:
        return self._store.load(stream, after)

    def facts(self, stream: UUID, after: int = 0) -> tuple[Fact, ...]:
        return self._store.facts(stream, after)

    def standing(self, stream: UUID) -> Standing:
        return self._store.standing(stream)

    def read(self, after: int, limit: int) -> tuple[Recorded, ...]:
        return self._store.read(after, limit)

    def at(self, positions: Sequence[int]) -> tuple[Recorded, ...]:
        return self._store.at(positions)

    def append(self, appends: Sequence[Append], origin: Origin) -> tuple[Recorded, ...]:
        with self._tracing.span("append", "client") as span:
            span.note("db.system.name", "postgresql")
            span.note("schemaledger.events", ",".join(fact.topic for append in appends for fact in append.facts))
            recorded = self._store.append(appends, origin)
            span.note("schemaledger.position", recorded[-1].position)
        return recorded
