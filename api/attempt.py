"""One attempt at one operation: prepare in units, announce, publish, complete."""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from threading import Event

from api.data_refusals import DataRefusals
from api.kept import Kept
from api.progress import Progress
from api.tracing import Tracing
from api.vigil import Vigil
from domain.engine import Executor, Job, TableEngine, Unit
from domain.errors import CastFailed, LeaseLost, NullsPresent, Refusal, TableChanged, WorkerStopping
from domain.handlers.running import Assignment, Run
from domain.ports import Lease

log = logging.getLogger("schemaledger.worker")

MOST_REBASES = 20
"""How often other writers may be in the way before the attempt gives up (and a later one begins)."""

SECONDS_BETWEEN_LOOKS = 1.0
"""How often a long unit is interrupted by a look at the log, the lease and the stop signal."""


@dataclass(frozen=True)
class Attempt:
    """``lost`` and ``stop`` end it between units; ``seconds`` is a monotonic clock; ``executor`` prepares."""

    run: Run
    lease: Lease
    lost: Event
    stop: Event
    seconds: Callable[[], float]
    executor: Executor
    assignment: Assignment
    began: float
    """What the clock showed when the attempt began."""
    kept: Kept
    """What is prepared so far, by this attempt or the ones before it."""
    tracing: Tracing
    vigil: Vigil

    def carry_out(self) -> None:
        """Takes the migration to its end. Raises the refusal that stands in its way; nothing is visible then."""
        job, engine = self.assignment.job, self.assignment.engine
        if engine.published(job) is not None:
            # Repeated, it puts back what others did in the moment of a commit that nobody looked after.
            version = engine.publish(job, self.kept.outcomes, self._confirm)
        else:
            # What readers see in part is taken to its end, whatever speaks against it by now.
            if self.assignment.objection is not None and not engine.is_visible(job):
                raise self.assignment.objection
            version = self._prepare_and_publish(job, engine)
        self.complete(version)

    def complete(self, version: str) -> None:
        job, engine = self.assignment.job, self.assignment.engine
        took = max(1, round((self.seconds() - self.began) * 1_000))
        message = f"Published as version {version} of the {engine.profile.name} table in {took:,} ms"
        if expected := self.run.estimated_ms:
            message += f", where {expected:,} ms were expected"
        self.run.complete(job, version, f"{message}.", took)

    def publishes_no_more(self) -> str | None:
        """The version that shows the migration; None: none does, and none will, whoever was about to publish it.

        Raises TableChanged while it is visible in part, or somebody is in the way, and what keeps the engine silent.
        """
        job, engine = self.assignment.job, self.assignment.engine
        if (version := engine.published(job)) is None:
            engine.bar(job)
        return version

    def discard(self) -> None:
        """Removes what was prepared and will not be published, if the engine can just now."""
        try:
            self.assignment.engine.discard(self.assignment.job, self.kept.drop(tuple(self.kept.outcomes)))
        except Refusal as refusal:
            log.warning("leftovers of migration %s stay: %s", self.assignment.job.migration_id, refusal)

    def _prepare_and_publish(self, job: Job, engine: TableEngine) -> str:
        """Other writers may go on meanwhile: what they change is prepared anew, the rest is kept."""
        refused_before = False
        for times in range(MOST_REBASES):
            prepared_more = self._prepare_all(job, engine, times)
            if refused_before and not prepared_more:
                # Nothing is missing and yet it does not fit: what is kept is of no use, files that are gone perhaps.
                self._drop(job, engine, list(self.kept.outcomes))
                self._prepare_all(job, engine, times)
            self._look()
            self.run.announce_publishing()
            try:
                with self.tracing.span("publish"):
                    return engine.publish(job, self.kept.outcomes, self._confirm)
            except TableChanged as refusal:
                if times == MOST_REBASES - 1:
                    raise
                refused_before = True
                log.info("operation %s goes on with what changed: %s", self.lease.operation_id, refusal)
        raise AssertionError("the last try returns or raises")

    def _prepare_all(self, job: Job, engine: TableEngine, times: int) -> bool:
        """Every unit, and those that only follow once all before them are prepared. True: there was one to prepare.

        ``times``: how often others were in the way so far.
        """
        prepared_more = False
        while True:
            units = engine.units(job, self.kept.outcomes)
            names = {unit.name for unit in units}
            stale = [name for name in self.kept.outcomes if name not in names]
            self._drop(job, engine, stale)
            todo = [unit for unit in units if unit.name not in self.kept.outcomes]
            if not todo:
                return prepared_more
            prepared_more = True
            there = [unit for unit in units if unit.name in self.kept.outcomes]
            with self.tracing.span("prepare") as span:
                span.note("schemaledger.units", len(todo))
                span.note("schemaledger.rows", sum(unit.rows for unit in todo))
                self._prepare(
                    job, engine, todo, Progress(todo, self.seconds, there, _since(there, stale, self.kept, times))
                )

    def _drop(self, job: Job, engine: TableEngine, names: Sequence[str]) -> None:
        if names:
            self.run.heed()
            engine.discard(job, self.kept.drop(names))

    def _prepare(self, job: Job, engine: TableEngine, units: Sequence[Unit], progress: Progress) -> None:
        if progress.note:
            self.run.report(progress.report())
        preparing, done = self.executor.begin(engine, job), dict(self.kept.outcomes)
        futures = {preparing.submit(unit, done): unit for unit in units}
        refusals = DataRefusals(units)
        try:
            for future in self._as_they_end(set(futures)):
                try:
                    self.kept.add(futures[future].name, future.result())
                except (CastFailed, NullsPresent) as refusal:
                    # The other units go on looking: what is said is true of the table, not of one part of it.
                    refusals.add(futures[future], refusal)
                if report := progress.unit_done(futures[future]):
                    self.run.report(report)
            refusals.refuse()
        finally:
            # A stopping process must not wait for long units: what they write is discarded or found again.
            preparing.close(wait=not self.stop.is_set())
            # Units that ended after the reason to stop was found are ours to discard as well.
            for future, unit in futures.items():
                ended = future.done() and not future.cancelled() and future.exception() is None
                if ended and unit.name not in self.kept.outcomes:
                    self.kept.add(unit.name, future.result())

    def _as_they_end(self, waiting: set[Future[bytes]]) -> Iterator[Future[bytes]]:
        while waiting:
            ended, waiting = wait(waiting, timeout=SECONDS_BETWEEN_LOOKS, return_when=FIRST_COMPLETED)
            if not ended:
                self.run.heed()
            self._look()
            yield from ended

    def _confirm(self) -> None:
        """The last look before a commit: whoever holds the lease later makes sure that none comes after theirs."""
        self._look()
        self.run.heed()

    def _look(self) -> None:
        if self.lost.is_set():
            raise LeaseLost(str(self.lease.operation_id), self.lease.attempt)
        if self.stop.is_set():
            raise WorkerStopping(self.lease.worker)
        self.vigil.progressed()


def _since(there: Sequence[Unit], stale: Sequence[str], kept: Kept, times: int) -> str:
    """What is to be said of the work that an earlier attempt, or other writers, left as it is found."""
    inherited = sum(unit.name in kept.inherited for unit in there)
    said = []
    if inherited:
        said.append(f"{inherited} prepared by an earlier attempt")
    if stale:
        said.append(f"{len(stale)} prepared anew, because the table changed")
    if times:
        said.append(f"other writers were in the way {times} times")
    return ", ".join(said)
