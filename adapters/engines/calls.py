"""Calls that may never come back: made by threads that can be left behind, a few at once for each table."""

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from queue import SimpleQueue
from threading import Condition, Event, Thread, get_native_id
from typing import Any

from domain.errors import EngineUnavailable

SLOW = 1.0
"""Seconds after which a call is no longer one of the many that are over at once."""
MOST_SLOW = 8
"""Slow calls of a process that are waited for: half of the threads that answer requests stay free."""
MOST_LEFT = 256
"""Threads that may hang in some storage. Beyond it, nothing is asked of any table until some come back."""


class Call:
    """One call of an engine. ``left``: nobody waits for it any more. ``elsewhere``: it is not in the storage now."""

    def __init__(self, work: Callable[[], Any], began: float) -> None:
        self.began, self.done = began, Event()
        self.left = self.is_over = self._elsewhere = False
        self._work, self._context = work, copy_context()
        self._outcome: Any = None
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._outcome = self._context.run(self._work)
        except BaseException as error:  # noqa: BLE001
            # Also a panic of a library, which is no Exception: it belongs to the caller.
            self._error = error

    def outcome(self) -> Any:
        if self._error is not None:
            raise self._error
        return self._outcome

    @property
    def elsewhere(self) -> bool:
        return self._elsewhere

    @contextmanager
    def outside(self) -> Iterator[None]:
        """While the call asks somebody else, the log for one, that is not held against the storage."""
        self._elsewhere = True
        try:
            yield
        finally:
            self._elsewhere = False


class Doors:
    """Which calls are inside of which table's storage, those that were left behind among them."""

    def __init__(self, engine: str, most: int | None, pause: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine, self._most, self._pause, self._clock = engine, most, pause, clock
        self._inside, self._left = defaultdict[str, list[Call]](list), 0
        self._changed = Condition()

    def enter(self, location: str, call: Call) -> None:
        """Raises EngineUnavailable where calls hang, and where too many are inside that take their time."""
        with self._changed:
            # A table that answers soon has place soon; one that does not is not waited for a second time.
            if self._is_full(location):
                oldest = min((one.began for one in self._inside[location]), default=call.began)
                self._changed.wait_for(lambda: not self._is_full(location), max(0.0, SLOW - (self._clock() - oldest)))
            if self._left >= MOST_LEFT or any(one.left for one in self._inside[location]):
                raise self._refusal("an earlier call has not come back from its storage")
            if self._is_full(location):
                raise self._refusal(f"{self._most} calls wait for its storage already")
            self._inside[location].append(call)

    def leave(self, location: str, call: Call) -> None:
        with self._changed:
            call.is_over = True
            self._inside[location].remove(call)
            self._left -= call.left
            if not self._inside[location]:
                del self._inside[location]
            self._changed.notify_all()

    def abandon(self, call: Call) -> bool:
        """Nobody waits for the call any more. False: it has just come back."""
        with self._changed:
            if call.is_over:
                return False
            call.left = True
            self._left += 1
            self._changed.notify_all()
            return True

    def is_crowded(self, call: Call) -> bool:
        """Whether enough callers wait for slow calls that began before this one."""
        with self._changed:
            slow = (one for calls in self._inside.values() for one in calls if one.left or one.began < call.began)
            return self._most is not None and sum(1 for _ in slow) >= MOST_SLOW

    def _is_full(self, location: str) -> bool:
        inside = self._inside.get(location, ())
        return self._most is not None and len(inside) >= self._most and not any(one.left for one in inside)

    def _refusal(self, reason: str) -> EngineUnavailable:
        return EngineUnavailable(self._engine, reason, self._pause)


class Crew:
    """Daemon threads, each used again once its call is over. One that hangs is replaced when another is needed."""

    def __init__(self) -> None:
        self._idle = deque[SimpleQueue[tuple[Call, Callable[[], None]]]]()
        self.native_ids = set[int]()

    def make(self, call: Call, afterwards: Callable[[], None]) -> None:
        """Has the call made; ``afterwards`` comes before ``call.done``."""
        try:
            inbox = self._idle.pop()
        except IndexError:
            inbox = SimpleQueue()
            Thread(target=self._work, args=(inbox,), name="engine-call", daemon=True).start()
        inbox.put((call, afterwards))

    def _work(self, inbox: "SimpleQueue[tuple[Call, Callable[[], None]]]") -> None:
        self.native_ids.add(get_native_id())
        while True:
            call, afterwards = inbox.get()
            call.run()
            afterwards()
            self._idle.append(inbox)
            call.done.set()
            # Not held until the next call: it has the job and what was prepared for it.
            del call, afterwards
