"""Long polls: waiting for an operation to change without holding a thread, for as long as the caller is there."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeVar
from uuid import UUID

from litestar.types import Receive

from api.http.limits import OpenCalls
from domain.views import Changes

T = TypeVar("T")
Look = Callable[[], Awaitable[T]]

LOOK_ANYWAY_SECONDS = 5.0
"""How often a waiter looks for itself, in case the wake-up was lost with its connection."""


class Caller(NamedTuple):
    """Who waits, and what tells when he is gone."""

    name: str
    receive: Receive


class Waiting:
    """Waiters of this process. ``stop`` ends them all, for a shutdown that does not hang on open polls."""

    def __init__(self, changes: Changes, open_calls: OpenCalls) -> None:
        self._changes, self._open_calls = changes, open_calls
        self._waiters = set[asyncio.Event]()
        self._stopping = False

    async def until(
        self, look: Look[T], satisfied: Callable[[T], bool], operation_id: UUID, seconds: float, caller: Caller
    ) -> T:
        """What ``look`` sees once it satisfies, when the seconds are over, the caller is gone, or the service stops.

        Raises TooManyStreams.
        """
        self._open_calls.refuse_more(caller.name)
        loop, changed = asyncio.get_running_loop(), asyncio.Event()
        deadline = loop.time() + seconds
        self._waiters.add(changed)
        unlisten = self._changes.listen(operation_id, lambda: loop.call_soon_threadsafe(changed.set))
        gone = asyncio.create_task(_gone(caller.receive, changed))
        try:
            with self._open_calls.one(caller.name):
                while True:
                    changed.clear()
                    # Looking after listening: a change in between sets the event again.
                    seen = await look()
                    remaining = deadline - loop.time()
                    if satisfied(seen) or remaining <= 0 or self._stopping or gone.done():
                        return seen
                    await set_within(changed, min(remaining, LOOK_ANYWAY_SECONDS))
        finally:
            gone.cancel()
            unlisten()
            self._waiters.discard(changed)

    def stop(self) -> None:
        self._stopping = True
        for waiter in self._waiters:
            waiter.set()


async def _gone(receive: Receive, noticed: asyncio.Event) -> None:
    """Returns once the caller has closed his connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
    noticed.set()


async def set_within(event: asyncio.Event, seconds: float) -> bool:
    """Whether the event was set before the seconds were over."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
