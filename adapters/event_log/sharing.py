"""Shared commits: whoever comes to write while another writes shares the next transaction.

Appends take turns anyway, each until it is flushed to the disk; so the time of a round trip and a flush is paid once
for all of them. What a writer is answered is his own: when the transaction is refused, each is tried alone.
"""

from collections import deque
from collections.abc import Callable, Sequence
from threading import Lock

from eventsourcing.persistence import PersistenceError
from psycopg_pool import PoolTimeout

from adapters.event_log.recorder import Insertion, Place
from adapters.postgres.database import AWAY

MOST_TOGETHER = 32
"""Insertions of one transaction, which writers of other processes wait for."""
SECONDS_TO_BE_WRITTEN = 40.0
"""How long a writer waits for others to write for it: several times what one message may take (connecting.py)."""

Write = Callable[[Sequence[Insertion]], Sequence[Sequence[Place]]]


class _Turn:
    """One insertion in the queue, and what became of it: places, or an error. Neither: it is its turn to lead."""

    def __init__(self, insertion: Insertion) -> None:
        self.insertion = insertion
        self.places: Sequence[Place] = ()
        self.error: BaseException | None = None
        self.leads = False
        self._news = Lock()
        self._news.acquire()

    @property
    def is_served(self) -> bool:
        return bool(self.places) or self.error is not None

    def wait(self, seconds: float) -> bool:
        """Whether it was woken before the seconds were over."""
        return self._news.acquire(timeout=seconds)

    def wake(self) -> None:
        self._news.release()


class SharedCommits:
    """``write`` writes all of several insertions or none."""

    def __init__(self, write: Write, seconds: float = SECONDS_TO_BE_WRITTEN) -> None:
        self._write, self._seconds = write, seconds
        self._queue = deque[_Turn]()
        self._guard, self._writing = Lock(), False

    def insert(self, insertion: Insertion) -> Sequence[Place]:
        """The places of the insertion's events, once they are durable. Raises what ``write`` raises of it."""
        turn = _Turn(insertion)
        with self._guard:
            self._queue.append(turn)
            leads, self._writing = not self._writing, True
        if not leads and not turn.wait(self._seconds):
            self._leave(turn)
        if not turn.is_served:
            self._lead()
        if turn.error is not None:
            raise turn.error
        return turn.places

    def _leave(self, turn: _Turn) -> None:
        """Waits no longer, unless it is its turn by now. Raises PersistenceError, which says what is known."""
        with self._guard:
            if turn.leads or turn.is_served:
                return
            if turn in self._queue:
                self._queue.remove(turn)
                raise PersistenceError("nobody has written the append in time") from PoolTimeout()
        raise PersistenceError("whether the append is written is not known")

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
                if successor is not None:
                    successor.leads = True
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
                self._serve_each(batch)
                return
            for turn in batch:
                turn.error = error
        else:
            for turn, places in zip(batch, written, strict=True):
                turn.places = places

    def _serve_each(self, batch: Sequence[_Turn]) -> None:
        for number, turn in enumerate(batch):
            self._serve([turn])
            if turn.error is not None and isinstance(turn.error.__cause__, AWAY):
                # The others need not wait for it one after the other.
                for other in batch[number + 1 :]:
                    other.error = turn.error
                return
