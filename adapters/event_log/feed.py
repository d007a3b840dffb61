"""News of the log: one listening connection per process that wakes followers, workers and long polls.

LISTEN first, then look; whoever is woken looks for itself, so a wake-up may come for nothing but none may be missing.
While PostgreSQL is away everybody is woken at each try, and the feed reconnects for ever.
"""

import logging
import os
import socket
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Lock, Thread
from time import monotonic
from uuid import UUID

import psycopg

from adapters.event_log.recorder import ANY, CHANNEL
from adapters.postgres.connecting import LISTENING, WatchedConnection, open_connection

log = logging.getLogger("schemaledger.log")

SECONDS_BETWEEN_STOP_CHECKS = 0.2
SECONDS_BETWEEN_TRIES = 0.5
SECONDS_BETWEEN_TOUCHES = 5.0
"""How often it asks whether PostgreSQL is there still: one that is silent looks like one without news."""

Wake = Callable[[], object]


class Feed:
    """Implements ``Changes``; ``on_append`` wakes for every append."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._always = list[Wake]()
        self._waiters = defaultdict[UUID, list[Wake]](list)
        self._lock = Lock()
        self._stop, self.listening = Event(), Event()
        self._line: socket.socket | None = None
        self._thread = Thread(target=self._run, name="feed", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._hang_up()
        self._thread.join()

    def problem(self) -> str | None:
        """None while news come in, else a sentence."""
        return None if self.listening.is_set() else "The feed of the event log is not connected."

    def on_append(self, wake: Wake) -> None:
        """Calls ``wake`` from the feed's thread after every append of any process."""
        self._always.append(wake)

    def listen(self, operation_id: UUID, wake: Wake) -> Callable[[], None]:
        with self._lock:
            self._waiters[operation_id].append(wake)

        def unlisten() -> None:
            with self._lock:
                self._waiters[operation_id].remove(wake)
                if not self._waiters[operation_id]:
                    del self._waiters[operation_id]

        return unlisten

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._listen()
            except psycopg.Error as error:
                if self._stop.is_set():
                    return
                self.listening.clear()
                log.info("the feed reconnects: %s", str(error).partition("\n")[0])
                self._stop.wait(SECONDS_BETWEEN_TRIES)

    def _listen(self) -> None:
        with open_connection(self._url, LISTENING) as connection:
            connection.execute(f"LISTEN {CHANNEL}".encode())
            with self._held(connection):
                self.listening.set()
                self._wake_all()
                self._follow(connection)

    def _follow(self, connection: WatchedConnection) -> None:
        touched = monotonic()
        while not self._stop.is_set():
            for notice in connection.notifies(timeout=SECONDS_BETWEEN_STOP_CHECKS):
                self._wake(notice.payload)
                if self._stop.is_set():
                    return
            if monotonic() - touched > SECONDS_BETWEEN_TOUCHES:
                connection.execute(b"SELECT 1")
                touched = monotonic()

    @contextmanager
    def _held(self, connection: WatchedConnection) -> Iterator[None]:
        """Meanwhile whoever stops the feed can end the connection from his thread, which waits for nothing then."""
        with socket.socket(fileno=os.dup(connection.fileno())) as line:
            with self._lock:
                self._line = line
            try:
                yield
            finally:
                with self._lock:
                    self._line = None

    def _hang_up(self) -> None:
        with self._lock, suppress(OSError):
            if self._line is not None:
                self._line.shutdown(socket.SHUT_RDWR)

    def _wake(self, payload: str) -> None:
        streams = _streams(payload)
        if streams is None:
            self._wake_all()
            return
        with self._lock:
            waiters = [wake for stream in streams for wake in self._waiters.get(stream, ())]
        _ring([*self._always, *waiters])

    def _wake_all(self) -> None:
        with self._lock:
            waiters = [wake for waiting in self._waiters.values() for wake in waiting]
        _ring([*self._always, *waiters])


def _streams(payload: str) -> list[UUID] | None:
    """The streams a notification names; None when it may be any."""
    try:
        return None if payload == ANY else [UUID(text) for text in payload.split(",") if text]
    except ValueError:
        return None


def _ring(wakes: Iterable[Wake]) -> None:
    """Wakes everybody; one who cannot be woken any more must not keep the others asleep."""
    for wake in wakes:
        try:
            wake()
        except Exception:
            log.exception("a listener of the log could not be woken")
