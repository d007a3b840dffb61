"""Progress of one preparation: counted by units, told in a sentence, thinned out before it reaches the log."""

from collections.abc import Callable, Sequence
from threading import Lock

from domain.engine import Unit
from domain.operation.decider import ReportProgress

SECONDS_BETWEEN_REPORTS = 1.0
PERCENT_BETWEEN_REPORTS = 5.0


class Progress:
    """Units and rows done of those there are. Safe to call from several threads."""

    def __init__(self, units: Sequence[Unit], seconds: Callable[[], float]) -> None:
        self._total = len(units)
        self._rows_total = sum(unit.rows for unit in units)
        self._done, self._rows_done = 0, 0
        self._seconds, self._began = seconds, seconds()
        self._reported_at, self._reported_done = float("-inf"), 0
        self._lock = Lock()

    def unit_done(self, unit: Unit) -> ReportProgress | None:
        """Counts a unit; a report when one is due: a second after the last, or 5% further."""
        with self._lock:
            self._done += 1
            self._rows_done += unit.rows
            now = self._seconds()
            further = 100.0 * (self._done - self._reported_done) / self._total
            if now - self._reported_at < SECONDS_BETWEEN_REPORTS and further < PERCENT_BETWEEN_REPORTS:
                return None
            self._reported_at, self._reported_done = now, self._done
            return self.report(now)

    def report(self, now: float) -> ReportProgress:
        elapsed = max(now - self._began, 1e-3)
        message = f"Preparing: {self._done} of {self._total} units"
        if self._rows_total:
            rate = self._rows_done / elapsed
            message += f", {self._rows_done:,} of {self._rows_total:,} rows, {rate:,.0f} rows/s"
        return ReportProgress(
            message=message,
            units_done=self._done,
            units_total=self._total,
            rows_done=self._rows_done,
            rows_total=self._rows_total,
        )
