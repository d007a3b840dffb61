"""One attempt at rebuilding or verifying views: how far it is, when to stop, and what came of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event

from domain.errors import LeaseLost, ProjectionDiffers, WorkerStopping
from domain.handlers.rebuilding import ALL, REBUILD
from domain.handlers.running import Run
from domain.operation.decider import ReportProgress
from domain.operation.events import OperationRequested
from domain.ports import Lease
from domain.replay import Replays, Verified

SECONDS_BETWEEN_REPORTS = 1.0


@dataclass
class Replaying:
    """``lost`` and ``stop`` end it between batches; ``seconds`` is a monotonic clock."""

    run: Run
    lease: Lease
    lost: Event
    stop: Event
    seconds: Callable[[], float]
    replays: Replays
    began: float = field(init=False)
    reported: float = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.reported = self.seconds()

    def carry_out(self, request: OperationRequested) -> None:
        """Takes the replay to its end. Raises the refusal that stands in its way; no view has changed then."""
        names = self.replays.names if request.target_id == ALL else (request.target_id,)
        if request.operation_type == REBUILD:
            rebuilt = self.replays.rebuild(names, self.lease.operation_id.hex, self._watch)
            said = f"Rebuilt out of {rebuilt.events:,} events: {', '.join(names)}."
        else:
            said = sentence(self.replays.verify(names, self._watch))
        self.run.complete_replay(said, max(1, round((self.seconds() - self.began) * 1_000)))

    def _watch(self, done: int, total: int) -> None:
        if self.lost.is_set():
            raise LeaseLost(str(self.lease.operation_id), self.lease.attempt)
        if self.stop.is_set():
            raise WorkerStopping(self.lease.worker)
        if (now := self.seconds()) - self.reported >= SECONDS_BETWEEN_REPORTS:
            self.reported = now
            self.run.report(self._progress(done, total, now - self.began))

    def _progress(self, done: int, total: int, elapsed: float) -> ReportProgress:
        return ReportProgress(
            message=f"Replaying: {done:,} of {total:,} events, {done / elapsed:,.0f} events/s",
            units_done=done,
            units_total=total,
            rows_done=done,
            rows_total=total,
            rows_per_second=round(done / elapsed, 1),
            remaining_ms=round(1_000 * elapsed * (total - done) / done),
        )


def sentence(found: Sequence[Verified]) -> str:
    """What a comparison that found nothing says. Raises ProjectionDiffers for one that did."""
    for verified in found:
        if (first := verified.discrepancy) is not None:
            key = ", ".join(f"{name} {value}" for name, value in first.key.items())
            raise ProjectionDiffers(
                verified.view, verified.position, first.table, key, first.column, str(first.live), str(first.rebuilt)
            )
    rows, position = sum(verified.rows for verified in found), max(verified.position for verified in found)
    return f"{rows:,} rows are what the log says up to position {position:,}."
