"""Being told to stop by a signal.

A signal's handler runs in the main thread between any two of its steps, also while that thread holds the lock inside a
``threading.Event`` it waits for: setting the event there can block for ever. So the handler sets a plain flag, and the
main thread looks at it.
"""

import math
import signal
import time
from collections.abc import Callable
from threading import Event

SECONDS_BETWEEN_LOOKS = 0.05


class Stop:
    """Set once, from a signal handler or anywhere; waited for by the main thread."""

    def __init__(self) -> None:
        self._asked = False

    def set(self) -> None:
        self._asked = True

    def is_set(self) -> bool:
        return self._asked

    def wait(self, seconds: float | None = None) -> bool:
        """Whether it was set before the seconds were over."""
        deadline = math.inf if seconds is None else time.monotonic() + seconds
        while not self._asked and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, SECONDS_BETWEEN_LOOKS))
        return self._asked


class Ending(Event):
    """Set once, when a worker is to end. Whoever waits for work is woken: he waits for something else."""

    def __init__(self) -> None:
        super().__init__()
        self._wakes = list[Callable[[], object]]()

    def wakes(self, wake: Callable[[], object]) -> None:
        """Calls ``wake`` when it is set."""
        self._wakes.append(wake)

    def set(self) -> None:
        super().set()
        for wake in self._wakes:
            wake()


def stop_on_signals() -> Stop:
    """A flag that SIGINT and SIGTERM set. Only in the main thread."""
    stop = Stop()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
