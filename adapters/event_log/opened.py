"""The log as people may read it: with the free text of its facts unlocked."""

from collections.abc import Callable, Sequence
from uuid import UUID

from msgspec.structs import replace

from domain.facts import Recorded, with_free_text
from domain.ports import EventStore


class OpenedLog:
    """Implements ``LogReader`` over a store whose texts are locked."""

    def __init__(self, store: EventStore, unlock: Callable[[str], str]) -> None:
        self._store, self._unlock = store, unlock

    def load(self, stream: UUID, after: int = 0) -> tuple[Recorded, ...]:
        return tuple(map(self.opened, self._store.load(stream, after)))

    def read(self, after: int, limit: int) -> tuple[Recorded, ...]:
        return tuple(map(self.opened, self._store.read(after, limit)))

    def at(self, positions: Sequence[int]) -> tuple[Recorded, ...]:
        return tuple(map(self.opened, self._store.at(positions)))

    def opened(self, event: Recorded) -> Recorded:
        metadata = event.metadata
        origin = with_free_text(metadata.origin, self._unlock)
        if origin is not metadata.origin:
            metadata = replace(metadata, origin=origin)
        return replace(event, metadata=metadata, fact=with_free_text(event.fact, self._unlock))
