"""Streams of an operation's events, told from the log, so that any process can go on where another one stopped.

All who follow the same operation in this process share one look at the log for each of its changes.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from uuid import UUID

import msgspec

from api.http.answers import operation_body
from api.http.waiting import LOOK_ANYWAY_SECONDS, set_within
from api.http.wire import FINISHED
from api.metrics import FOLLOWERS
from domain.errors import LogUnavailable
from domain.facts import Recorded
from domain.operation.telling import told
from domain.ports import LogReader
from domain.views import Changes, OperationView

KEEP_ALIVE_SECONDS = 15.0
"""How long a stream is silent at most: proxies take longer silence for a dead connection."""

BEGINNING = b"retry: 1000\n\n"
"""How many milliseconds a client should wait before it connects again."""
KEEP_ALIVE = b"event: keep-alive\ndata: {}\n\n"
"""Has no id: a client that connects again goes on after the last event of the operation that it saw."""

log = logging.getLogger("schemaledger.http")

_encode = msgspec.json.Encoder().encode


class Following:
    """Followers of this process. ``stop`` ends all streams at once: a server waits for those that are open."""

    def __init__(self, store: LogReader, changes: Changes, keep_alive: float = KEEP_ALIVE_SECONDS) -> None:
        self._store, self._changes, self._keep_alive = store, changes, keep_alive
        self._followed = dict[UUID, _Followed]()
        self._stopping = False

    @property
    def followers(self) -> int:
        """How many streams are open."""
        return sum(followed.followers for followed in self._followed.values())

    async def stream(self, operation_id: UUID, after: int) -> AsyncGenerator[bytes, None]:
        """The events above version ``after`` of an operation that is there, as they come, until its end."""
        followed = self._join(operation_id)
        try:
            yield BEGINNING
            while True:
                if after < len(followed.frames):
                    frames, after = followed.frames[after:], len(followed.frames)
                    yield b"".join(frames)
                elif followed.finished or self._stopping:
                    return
                # Nothing is awaited between the look above and taking hold of the news, so none is missed.
                elif not await set_within(followed.news, self._keep_alive):
                    yield KEEP_ALIVE
        finally:
            self._leave(followed)

    def stop(self) -> None:
        self._stopping = True
        for followed in self._followed.values():
            followed.announce()

    def _join(self, operation_id: UUID) -> "_Followed":
        followed = self._followed.get(operation_id)
        if followed is None:
            followed = self._followed[operation_id] = _Followed(operation_id)
            followed.task = asyncio.create_task(followed.keep_up(self._store, self._changes))
        followed.followers += 1
        FOLLOWERS.inc()
        return followed

    def _leave(self, followed: "_Followed") -> None:
        followed.followers -= 1
        FOLLOWERS.dec()
        if not followed.followers:
            del self._followed[followed.operation_id]
            if followed.task is not None:
                followed.task.cancel()


class _Followed:
    """One operation with followers: ``frames`` are its events, from version 1 on, as they go over the wire."""

    def __init__(self, operation_id: UUID) -> None:
        self.operation_id, self.followers = operation_id, 0
        self.frames, self.finished = list[bytes](), False
        self.news = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self._view: OperationView | None = None

    def announce(self) -> None:
        """Wakes every follower; those who come later wait for the next news."""
        news, self.news = self.news, asyncio.Event()
        news.set()

    async def keep_up(self, store: LogReader, changes: Changes) -> None:
        """Reads what is new at every change, until the operation's end."""
        loop, changed = asyncio.get_running_loop(), asyncio.Event()
        unlisten = changes.listen(self.operation_id, lambda: loop.call_soon_threadsafe(changed.set))
        try:
            while not self.finished:
                changed.clear()
                # Looking after listening: a change in between sets the event again.
                if events := await self._read(lambda: store.load(self.operation_id, len(self.frames))):
                    self._tell(events)
                if not self.finished:
                    await set_within(changed, LOOK_ANYWAY_SECONDS)
        except Exception:
            # The streams end, and each client that connects again begins with a fresh look.
            log.exception("the streams of operation %s end early", self.operation_id)
            self.finished = True
            self.announce()
        finally:
            unlisten()

    async def _read(self, load: Callable[[], tuple[Recorded, ...]]) -> tuple[Recorded, ...]:
        """Nothing while the log is away: its return is news of its own."""
        try:
            return await asyncio.to_thread(load)
        except LogUnavailable:
            return ()

    def _tell(self, events: tuple[Recorded, ...]) -> None:
        for event in events:
            self._view = told(self._view, event)
            self.frames.append(frame(event, self._view))
            self.finished = self._view.status in FINISHED
        self.announce()


def frame(event: Recorded, view: OperationView) -> bytes:
    """An event of the stream: its version as id, its kind, and the operation as it was then."""
    kind = event.fact.topic.rpartition(".")[2]
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.version, kind.encode(), _encode(operation_body(view)))
