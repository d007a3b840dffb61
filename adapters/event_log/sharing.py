"""Shared commits: whoever comes to write while another writes shares the next transaction.

Appends take turns anyway, each until it is flushed to the disk; so the time of a round trip and a flush is paid once
for all of them. What a writer is answered is his own: when the transaction is refused, each is tried alone.
"""

from collections import deque
from collections.abc import Callable, Sequence
from threading import Lock

from eventsourcing.persistence import PersistenceError

from adapters.event_log.recorder import Insertion, Place
from adapters.postgres.database import AWAY

MOST_TOGETHER = 32
"""Insertions of one transaction, which writers of other processes wait for."""

Write = Callable[[Sequence[Insertion]], Sequence[Sequence[Place]]]


class _Turn:
    """One insertion in the queue, and what became of it: places, or an error. Neither: it is its turn to lead."""

    def __init__(self, insertion: Insertion) -> None:
        self.insertion = insertion
        self.places: Sequence[Place] = ()
        self.error: BaseException | None = None
        self._news = Lock()
        self._news.acquire()

    @property
    def is_served(self) -> bool:
        return bool(self.places) or self.error is not None

    def wait(self) -> None:
        self._news.acquire()

    def wake(self) -> None:
        self._news.release()


class SharedCommits:
    """``write`` writes all of several insertions or none."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._queue = deque[_Turn]()
        self._guard, self._writing = Lock(), False

    def insert(self, insertion: Insertion) -> Sequence[Place]:
        """The places of the insertion's events, once they are durable. Raises what ``write`` raises of it."""
        turn = _Turn(insertion)
        with self._guard:
            self._queue.append(turn)
            leads, self._writing = not self._writing, True
        if not leads:
            turn.wait()
        if not turn.is_served:
            self._lead()
        if turn.error is not None:
            raise turn.error
        return turn.places

    def _lead(self) -> None:
        """Writes for everybody who waits by now, of whom the caller came first; then the next one leads."""
        with self._guard:
            batch = [self._queue.popleft() for _ in range(min(len(self._queue), MOST_TOGETHER))]
        try:
            self._serve(batch)
        finally:
            with self._guard:
                successor = self._queue[0] if self._queue else None
                self._writing = successor is not None
            for turn in batch[1:]:
                # Interrupted: whether it was written is for each of them to find out.
                turn.error = turn.error if turn.is_served else PersistenceError("the append was interrupted")
                turn.wake()
            if successor is not None:
                successor.wake()

    def _serve(self, batch: Sequence[_Turn]) -> None:
        try:
            written = self._write([turn.insertion for turn in batch])
        except Exception as error:  # noqa: BLE001  # told to those whose insertions they are
            if len(batch) > 1 and not isinstance(error.__cause__, AWAY):
                for turn in batch:
                    self._serve([turn])
                return
            for turn in batch:
                turn.error = error
        else:
            for turn, places in zip(batch, written, strict=True):
                turn.places = places
