"""Ports that measure what passes through them. What they stand before does the work."""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import UUID

from api.metrics import APPENDS, ATTEMPTS, FAILURES, OPERATIONS, RENEWALS, WORKER_SEEN
from domain.errors import LogUnavailable, StreamMoved
from domain.facts import Append, Fact, Origin, Recorded, Standing
from domain.operation.events import (
    OperationCancelled,
    OperationCompleted,
    OperationFailed,
    OperationRequested,
    OperationStarted,
)
from domain.ports import EventStore, Lease, Leases

Seconds = Callable[[], float]


class MeasuredStore:
    """An EventStore that measures appends, and the operations that begin and end in them."""

    def __init__(self, store: EventStore, seconds: Seconds = time.perf_counter) -> None:
        self._store, self._seconds = store, seconds
        self._types, self._began = dict[UUID, str](), dict[UUID, float]()

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
        began, outcome = self._seconds(), "error"
        try:
            recorded = self._store.append(appends, origin)
            outcome = "written"
        except StreamMoved:
            outcome = "moved"
            raise
        except LogUnavailable:
            outcome = "unavailable"
            raise
        finally:
            APPENDS.labels(outcome).observe(self._seconds() - began)
        for append in appends:
            for fact in append.facts:
                self._note(append.stream, fact)
        return recorded

    def _note(self, stream: UUID, fact: Fact) -> None:
        match fact:
            case OperationStarted():
                self._types[stream] = self._type_of(stream)
                self._began[stream] = self._seconds()
                ATTEMPTS.labels(self._types[stream]).inc()
            case OperationCompleted():
                self._ended(stream, "completed")
            case OperationFailed():
                FAILURES.labels(self._types.get(stream) or self._type_of(stream), fact.code).inc()
                self._ended(stream, "failed")
            case OperationCancelled():
                self._ended(stream, "cancelled")
            case _:
                pass

    def _ended(self, stream: UUID, outcome: str) -> None:
        """Counts the duration where this process also began the attempt."""
        began, operation_type = self._began.pop(stream, None), self._types.pop(stream, None)
        if began is not None and operation_type is not None:
            OPERATIONS.labels(operation_type, outcome).observe(self._seconds() - began)

    def _type_of(self, stream: UUID) -> str:
        """One more read of a stream that was read a moment ago; measuring must not fail what is written already."""
        try:
            first = self._store.facts(stream)[0]
        except LogUnavailable:
            return "unknown"
        return first.operation_type if isinstance(first, OperationRequested) else "unknown"


class MeasuredLeases:
    """Leases that tell when their worker was last alive."""

    def __init__(self, leases: Leases, now: Seconds = time.time) -> None:
        self._leases, self._now = leases, now

    def claim(self, worker: str, term: timedelta) -> Lease | None:
        lease = self._leases.claim(worker, term)
        WORKER_SEEN.set(self._now())
        return lease

    def renew(self, lease: Lease, term: timedelta) -> bool:
        try:
            renewed = self._leases.renew(lease, term)
        except LogUnavailable:
            RENEWALS.labels("unavailable").inc()
            raise
        WORKER_SEEN.set(self._now())
        RENEWALS.labels("renewed" if renewed else "lost").inc()
        return renewed

    def release(
        self, lease: Lease, delay: timedelta = timedelta(0), *, failed: bool = False, last: bool = False
    ) -> None:
        self._leases.release(lease, delay, failed=failed, last=last)
