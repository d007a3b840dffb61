"""One attempt at one operation: prepare in units, announce, publish, complete."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Event

from api.progress import Progress
from domain.engine import Job, TableEngine, Unit
from domain.errors import LeaseLost, Refusal, WorkerStopping
from domain.handlers.running import Assignment, Run, refuse_drift
from domain.ports import Lease

SECONDS_BETWEEN_LOOKS = 1.0
"""How often a long unit is interrupted by a look at the log, the lease and the stop signal."""


@dataclass(frozen=True)
class Attempt:
    """``lost`` and ``stop`` end it between units; ``seconds`` is a monotonic clock; ``threads`` prepare at once."""

    run: Run
    lease: Lease
    lost: Event
    stop: Event
    seconds: Callable[[], float]
    threads: int

    def carry_out(self, assignment: Assignment) -> None:
        """Takes the migration to its end. Raises the refusal that stands in its way; nothing is visible then."""
        job, engine = assignment.job, assignment.engine
        version = engine.published(job)
        if version is None:
            if assignment.objection is not None:
                raise assignment.objection
            refuse_drift(assignment)
            version = self._prepare_and_publish(job, engine)
        self.run.complete(job, version, f"Published as {engine.profile.name} version {version}")
        engine.discard(job)

    def _prepare_and_publish(self, job: Job, engine: TableEngine) -> str:
        units = engine.units(job)
        prepared = self._prepare(job, engine, units)
        self._look()
        self.run.announce_publishing()
        return engine.publish(job, prepared)

    def _prepare(self, job: Job, engine: TableEngine, units: Sequence[Unit]) -> Mapping[str, bytes]:
        progress, prepared = Progress(units, self.seconds), dict[str, bytes]()
        pool = ThreadPoolExecutor(max_workers=self.threads, thread_name_prefix="prepare")
        try:
            futures = {pool.submit(engine.prepare, job, unit): unit for unit in units}
            for future in self._as_they_end(set(futures)):
                unit = futures[future]
                prepared[unit.name] = future.result()
                if report := progress.unit_done(unit):
                    self.run.report(report)
        finally:
            # A stopping process must not wait for long units: what they write is discarded or found again.
            pool.shutdown(wait=not self.stop.is_set(), cancel_futures=True)
        return prepared

    def _as_they_end(self, waiting: set[Future[bytes]]) -> Iterator[Future[bytes]]:
        while waiting:
            ended, waiting = wait(waiting, timeout=SECONDS_BETWEEN_LOOKS, return_when=FIRST_COMPLETED)
            if not ended:
                self.run.heed()
            self._look()
            yield from ended

    def _look(self) -> None:
        if self.lost.is_set():
            raise LeaseLost(str(self.lease.operation_id), self.lease.attempt)
        if self.stop.is_set():
            raise WorkerStopping(self.lease.worker)


def discard_quietly(assignment: Assignment) -> Refusal | None:
    """Removes what an abandoned preparation left; the refusal when the engine cannot just now."""
    try:
        assignment.engine.discard(assignment.job)
    except Refusal as refusal:
        return refusal
    return None
