"""What every benchmark is: ours and a peer, measured in turns in the same run; the figure is their ratio."""

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

ROUNDS = 5


@dataclass(frozen=True)
class Result:
    """``ours`` and ``peer`` are medians in ``unit``; ``ratio`` is ours / peer; ``goal`` says what it should be."""

    name: str
    ours: float
    peer: float
    peer_name: str
    unit: str
    goal: str
    met: bool

    @property
    def ratio(self) -> float:
        return self.ours / self.peer

    def row(self) -> dict[str, Any]:
        found = asdict(self)
        found["peerName"] = found.pop("peer_name")
        return {**found, "ratio": self.ratio}


def in_turns(ours: Callable[[], object], peer: Callable[[], object]) -> tuple[float, float]:
    """Median seconds of each, after a warm-up, one after the other so that a slow moment meets both."""
    ours(), peer()
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for times, act in zip(taken, (ours, peer), strict=True):
            began = time.perf_counter()
            act()
            times.append(time.perf_counter() - began)
    return statistics.median(taken[0]), statistics.median(taken[1])


def rate_of(act: Callable[[], object], count: int) -> float:
    """How many a second, of what the act does so many of."""
    began = time.perf_counter()
    act()
    return count / (time.perf_counter() - began)
