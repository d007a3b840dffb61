"""The worker: claims an operation, runs it, ends it, and looks for the next.

Whatever happens in between (the process killed, the database away, the lease lost), somebody ends the operation: the
lease runs out, the next attempt asks the engine whether the migration is published already, and goes on from there.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from threading import Event

from msgspec import structs

from api.attempt import Attempt
from api.heartbeat import Heartbeat
from api.kept import Kept
from api.logs import about
from api.patience import PatientStore
from api.replaying import Replaying
from api.tracing import NoTracing, Span, Tracing
from api.vigil import Vigil
from domain.engine import Executor
from domain.errors import (
    ApprovalAwaited,
    AttemptsExhausted,
    CancellationAsked,
    EngineUnavailable,
    InternalFault,
    LeaseLost,
    LogUnavailable,
    Refusal,
    TableNotFoundAtLocation,
    WorkerStopping,
)
from domain.handlers.house import House
from domain.handlers.rebuilding import REBUILD, VERIFY
from domain.handlers.running import Assignment, Run
from domain.ports import Lease, Leases, Workbench
from domain.replay import Replays

log = logging.getLogger("schemaledger.worker")

MAX_ATTEMPTS = 5
MOST_DEATHS = 2
"""After so many attempts that failed, the last without a word, an operation waits for all that others asked for."""
UNAPPROVED_PAUSE = timedelta(minutes=1)
IDLE_SECONDS = 1.0
"""How long an idle worker sleeps at most when no wake-up reaches it."""


@dataclass(frozen=True)
class Worker:
    """``rest`` returns when something may be there to claim, or after the seconds given."""

    name: str
    house: House
    leases: Leases
    workbench: Workbench
    rest: Callable[[float], None]
    stop: Event
    executor: Executor
    replays: Replays
    term: timedelta
    """How long a lease holds without renewal: what a killed worker's operation waits for the next."""
    seconds: Callable[[], float] = field(default=time.monotonic)
    tracing: Tracing = field(default_factory=NoTracing)
    vigil: Vigil = field(default_factory=Vigil)

    def work(self) -> None:
        """Runs one operation after the other until ``stop`` is set."""
        patient = replace(self, house=replace(self.house, store=PatientStore(self.house.store, self.stop)))
        while not self.stop.is_set():
            if not patient.work_once():
                self.rest(IDLE_SECONDS)

    def work_once(self) -> bool:
        """Runs the oldest operation that is free. False: there was none, or the log is away."""
        try:
            lease = self.leases.claim(self.name, self.term)
            if lease is None:
                return False
            with about(lambda: _subject(lease)), Heartbeat(self.leases, lease, self.term, self.vigil) as heartbeat:
                self._attend(lease, heartbeat)
        except LeaseLost as refusal:
            log.warning("%s", refusal)
        except LogUnavailable as refusal:
            log.warning("%s", refusal)
            return False
        return True

    def _attend(self, lease: Lease, heartbeat: Heartbeat) -> None:
        run = Run(self.house, lease, self.name)
        if run.is_over:
            self.leases.release(lease)
            return
        if lease.silent and MOST_DEATHS <= lease.failures < MAX_ATTEMPTS:
            # Perhaps it is what they died of: what others wait for goes first.
            log.error("operation %s: %s attempts failed, the last without a word", lease.operation_id, lease.failures)
            self.leases.release(lease, backoff(lease.failures), last=True)
            return
        attempt: Attempt | None = None
        try:
            with self._traced(lease, run.asked.traceparent):
                run.start()
                if run.request.operation_type in (REBUILD, VERIFY):
                    self._replay(run, lease, heartbeat)
                else:
                    attempt = self._attempt(run, lease, heartbeat)
                    with self.vigil.kept():
                        attempt.carry_out()
        except CancellationAsked as asked:
            run.acknowledge_cancellation()
            if run.request.operation_type not in (REBUILD, VERIFY):
                self._discard(run, lease, heartbeat, attempt)
            run.confirm_cancellation(asked.reason)
        except LeaseLost:
            raise
        except Refusal as refusal:
            self._end_or_retry(run, lease, attempt, refusal)
        except Exception as error:
            log.exception("operation %s, attempt %s", lease.operation_id, lease.attempt)
            self._end_or_retry(run, lease, attempt, InternalFault(f"{type(error).__name__}: {error}"))

    def _replay(self, run: Run, lease: Lease, heartbeat: Heartbeat) -> None:
        if lease.failures >= MAX_ATTEMPTS:
            raise AttemptsExhausted(MAX_ATTEMPTS, "the worker ended without a word.")
        replaying = Replaying(run, lease, heartbeat.lost, self.stop, self.seconds, self.replays)
        replaying.carry_out(run.request)

    def _attempt(self, run: Run, lease: Lease, heartbeat: Heartbeat) -> Attempt:
        began, assignment = self.seconds(), _assignment(run, lease)
        kept = Kept(self.workbench, lease)
        return Attempt(
            run,
            lease,
            heartbeat.lost,
            self.stop,
            self.seconds,
            self.executor,
            assignment,
            began,
            kept,
            self.tracing,
            self.vigil,
        )

    @contextmanager
    def _traced(self, lease: Lease, parent: str | None) -> Iterator[Span]:
        """The attempt as a span of the trace of the request that asked for the operation."""
        with self.tracing.span("run operation", "consumer", parent) as span:
            span.note("schemaledger.operation_id", str(lease.operation_id))
            span.note("schemaledger.table_id", str(lease.table_id))
            span.note("schemaledger.attempt", lease.attempt)
            yield span

    def _discard(self, run: Run, lease: Lease, heartbeat: Heartbeat, attempt: Attempt | None) -> None:
        """What this attempt prepared, and what the ones before it left."""
        try:
            (attempt or self._attempt(run, lease, heartbeat)).discard()
        except Refusal as refusal:
            log.warning("leftovers of operation %s stay: %s", lease.operation_id, refusal)

    def _end_or_retry(self, run: Run, lease: Lease, attempt: Attempt | None, refusal: Refusal) -> None:
        if isinstance(refusal, WorkerStopping | LogUnavailable):
            self.leases.release(lease)
        elif isinstance(refusal, ApprovalAwaited):
            # Whatever the table of leases says: the log says that nobody may begin. Housekeeping mends the table.
            log.error("%s", refusal)
            self.leases.release(lease, UNAPPROVED_PAUSE)
        elif _goes_on(run, lease, attempt, refusal):
            self._retry(run, lease, refusal)
        else:
            self._give_up(run, lease, attempt, refusal)

    def _retry(self, run: Run, lease: Lease, refusal: Refusal) -> None:
        """Gives the operation back for later, or at once when it is to be cancelled: that asks nothing of its table."""
        log.warning("operation %s, attempt %s: %s", lease.operation_id, lease.attempt, refusal)
        asked = timedelta(seconds=refusal.seconds) if isinstance(refusal, EngineUnavailable) else timedelta(0)
        pause = timedelta(0) if run.is_to_be_cancelled() else max(backoff(lease.failures), asked)
        self.leases.release(lease, pause, failed=True)

    def _give_up(self, run: Run, lease: Lease, attempt: Attempt | None, refusal: Refusal) -> None:
        """Fails the operation, unless the migration is there after all, or may yet be."""
        if attempt is not None:
            try:
                version = attempt.publishes_no_more() if run.may_be_published else None
            except Refusal as doubt:
                self._retry(run, lease, doubt)
                return
            if version is not None:
                attempt.complete(version)
                return
            attempt.discard()
        run.fail(AttemptsExhausted(lease.failures + 1, str(refusal)) if refusal.retryable else refusal)


def _goes_on(run: Run, lease: Lease, attempt: Attempt | None, refusal: Refusal) -> bool:
    """Whether there is to be another attempt: in the hope of better luck, or because the end is not ours to say."""
    lucky = refusal.retryable and lease.failures + 1 < MAX_ATTEMPTS
    return lucky or (attempt is None and run.may_be_published and not _gone(lease, refusal))


def _gone(lease: Lease, refusal: Refusal) -> bool:
    """Whether there has been no table for so many attempts that it will not come back: then it shows nothing."""
    return isinstance(refusal, TableNotFoundAtLocation) and lease.failures + 1 >= MAX_ATTEMPTS


def _subject(lease: Lease) -> dict[str, object]:
    return {"operationId": str(lease.operation_id), "tableId": str(lease.table_id), "attempt": lease.attempt}


def _assignment(run: Run, lease: Lease) -> Assignment:
    """What to do; after attempts that all ended without a word, only to see whether it is done already."""
    assignment = run.assignment()
    if lease.failures >= MAX_ATTEMPTS and assignment.objection is None:
        silence = AttemptsExhausted(MAX_ATTEMPTS, "the worker ended without a word.")
        return structs.replace(assignment, objection=silence)
    return assignment


def backoff(failures: int) -> timedelta:
    """How long the next attempt waits: 1, 2, 4, ... seconds, at most a minute."""
    return timedelta(seconds=min(2**failures, 60))
