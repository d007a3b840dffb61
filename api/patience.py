"""The log as a worker wants it: it waits while the log is away, because work half done has nowhere else to go."""

import logging
from collections.abc import Callable, Sequence
from threading import Event
from typing import TypeVar
from uuid import UUID

from domain.errors import LogUnavailable
from domain.facts import Append, Fact, Origin, Recorded, Standing
from domain.ports import EventStore

log = logging.getLogger("schemaledger.worker")
T = TypeVar("T")

LONGEST_PAUSE = 5.0
"""Seconds between two tries at most."""


class PatientStore:
    """An EventStore that tries again while the log is unavailable, until ``stop`` is set."""

    def __init__(self, store: EventStore, stop: Event) -> None:
        self._store, self._stop = store, stop

    def load(self, stream: UUID, after: int = 0) -> tuple[Recorded, ...]:
        return self._patiently(lambda: self._store.load(stream, after))

    def facts(self, stream: UUID, after: int = 0) -> tuple[Fact, ...]:
        return self._patiently(lambda: self._store.facts(stream, after))

    def standing(self, stream: UUID) -> Standing:
        return self._patiently(lambda: self._store.standing(stream))

    def append(self, appends: Sequence[Append], origin: Origin) -> tuple[Recorded, ...]:
        return self._patiently(lambda: self._store.append(appends, origin))

    def read(self, after: int, limit: int) -> tuple[Recorded, ...]:
        return self._patiently(lambda: self._store.read(after, limit))

    def at(self, positions: Sequence[int]) -> tuple[Recorded, ...]:
        return self._patiently(lambda: self._store.at(positions))

    def _patiently(self, act: Callable[[], T]) -> T:
        pause = 0.1
        while True:
            try:
                return act()
            except LogUnavailable as refusal:
                log.warning("waiting for the log: %s", refusal)
                if self._stop.wait(pause):
                    raise
                pause = min(2 * pause, LONGEST_PAUSE)
