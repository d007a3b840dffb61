"""How long a plan will take, from the table's real size and the rates that the engine was measured at."""

from collections.abc import Sequence

from domain.engine import Rates, TableStatistics
from domain.steps import Cost, Step

USUAL_WIDTH = 8.0
"""Bytes of a value at which the rates were measured; wider ones take as much longer."""


def estimate_ms(steps: Sequence[Step], columns: int, statistics: TableStatistics, rates: Rates) -> float:
    """Milliseconds on the machine that the rates were measured on, from the first look to the publication.

    ``columns`` is how many columns the table's bytes are divided among.
    """
    costs = [step.cost for step in steps]
    values = statistics.rows * _width(columns, statistics)
    scans, rewrites = costs.count(Cost.SCAN), costs.count(Cost.REWRITE)
    seconds = values * scans / rates.scanned + values * rewrites / rates.written
    seconds += values * costs.count(Cost.INDEX) / rates.indexed
    touched = statistics.fragments if scans or rewrites else 0
    return rates.migration_ms + rates.fragment_ms * touched + 1_000 * seconds


def _width(columns: int, statistics: TableStatistics) -> float:
    """How much wider than usual a value is, 1 at least."""
    if not statistics.rows or not statistics.bytes_stored:
        return 1.0
    return max(1.0, statistics.bytes_stored / statistics.rows / columns / USUAL_WIDTH)
