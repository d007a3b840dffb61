"""Long polls: waiting for an operation to change without holding a thread."""

import asyncio
from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from anyio import to_thread

from domain.views import Changes

T = TypeVar("T")

LOOK_ANYWAY_SECONDS = 5.0
"""How often a waiter looks for itself, in case the wake-up was lost with its connection."""


class Waiting:
    """Waiters of this process. ``stop`` ends them all, for a shutdown that does not hang on open polls."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._waiters = set[asyncio.Event]()
        self._stopping = False

    async def until(
        self, look: Callable[[], T], satisfied: Callable[[T], bool], operation_id: UUID, seconds: float
    ) -> T:
        """What ``look`` sees once it satisfies, when the seconds are over, or when the service stops."""
        loop, changed = asyncio.get_running_loop(), asyncio.Event()
        deadline = loop.time() + seconds
        self._waiters.add(changed)
        unlisten = self._changes.listen(operation_id, lambda: loop.call_soon_threadsafe(changed.set))
        try:
            while True:
                changed.clear()
                # Looking after listening: a change in between sets the event again.
                seen = await to_thread.run_sync(look)
                remaining = deadline - loop.time()
                if satisfied(seen) or remaining <= 0 or self._stopping:
                    return seen
                await set_within(changed, min(remaining, LOOK_ANYWAY_SECONDS))
        finally:
            unlisten()
            self._waiters.discard(changed)

    def stop(self) -> None:
        self._stopping = True
        for waiter in self._waiters:
            waiter.set()


async def set_within(event: asyncio.Event, seconds: float) -> bool:
    """Whether the event was set before the seconds were over."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
