"""Progress of one preparation: counted by units, told in a sentence, thinned out before it reaches the log."""

from collections.abc import Callable, Sequence
from threading import Lock

from domain.engine import Unit
from domain.operation.decider import ReportProgress

SECONDS_BETWEEN_REPORTS = 1.0
PERCENT_BETWEEN_REPORTS = 5.0


class Progress:
    """Units and rows done of those there are. Safe to call from several threads.

    ``already`` are units that were prepared before: they count as done, but say nothing about the pace. ``note`` is
    what there is to say of them, in every report.
    """

    def __init__(
        self, units: Sequence[Unit], seconds: Callable[[], float], already: Sequence[Unit] = (), note: str = ""
    ) -> None:
        self.note = note
        self._total = len(units) + len(already)
        self._rows_total = _rows(units) + _rows(already)
        self._done, self._rows_done = len(already), _rows(already)
        self._done_before, self._rows_before = self._done, self._rows_done
        self._seconds, self._began = seconds, seconds()
        self._reported_at, self._reported_done = float("-inf"), self._done
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
            return self._report(max(now - self._began, 1e-3))

    def report(self) -> ReportProgress:
        """How it stands now."""
        with self._lock:
            return self._report(max(self._seconds() - self._began, 1e-3))

    def _report(self, elapsed: float) -> ReportProgress:
        message = f"Preparing: {self._done} of {self._total} units"
        pace = (self._rows_done - self._rows_before) / elapsed
        if self._rows_total:
            message += f", {self._rows_done:,} of {self._rows_total:,} rows, {pace:,.0f} rows/s"
        if self.note:
            message += f" ({self.note})"
        return ReportProgress(
            message=message,
            units_done=self._done,
            units_total=self._total,
            rows_done=self._rows_done,
            rows_total=self._rows_total,
            rows_per_second=round(pace, 1) if self._rows_total else None,
            remaining_ms=self._remaining_ms(elapsed, pace),
        )

    def _remaining_ms(self, elapsed: float, pace: float) -> int | None:
        """What the rest takes: by its rows, or by its units where none with rows was done yet; None: who knows."""
        if pace:
            return round(1_000 * (self._rows_total - self._rows_done) / pace)
        if done := self._done - self._done_before:
            return round(1_000 * elapsed * (self._total - self._done) / done)
        return None


def _rows(units: Sequence[Unit]) -> int:
    return sum(unit.rows for unit in units)
