"""The processes that ``serve`` starts, and starts again when they end unasked.

At the start they are forked from it: what all of them need is imported once. A fork copies one thread of a process and
leaves locks as they were, so it is only done while there is one thread, and Lance, which does not bear it, is not
there. Whoever is started again is an interpreter of its own, as all are where forking is no custom (macOS).
"""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from api.child import run
from api.parent import end_with
from api.settings import Settings

THREADS = Path("/proc/self/task")
CAN_FORK = sys.platform == "linux" and THREADS.exists()
LOOKS, SECONDS_BETWEEN_LOOKS = 100, 0.002


class Process(Protocol):
    """What forked processes and others have in common."""

    @property
    def pid(self) -> int | None: ...

    def is_alive(self) -> bool: ...

    def join(self, timeout: float | None = None) -> None: ...

    def terminate(self) -> None: ...

    def kill(self) -> None: ...


class Interpreter(subprocess.Popen[bytes]):
    """A process of its own, with a pipe to its standard input."""

    def is_alive(self) -> bool:
        return self.poll() is None

    def join(self, timeout: float | None = None) -> None:
        with suppress(subprocess.TimeoutExpired):
            self.wait(timeout)


@dataclass
class Child:
    """A process of ours. ``settings`` are what it is to work with, but for the database."""

    role: str
    settings: Settings
    process: Process | None = field(init=False, default=None)

    def begin(self, url: str) -> None:
        """``url`` is the database's. One that has ended already is found by whoever looks."""
        if self.process is None and is_alone():
            self.process = _forked(self.role, replace(self.settings, database_url=url))
            return
        if self.has_ended:
            self.start()
        assert isinstance(self.process, Interpreter)
        assert self.process.stdin is not None
        with suppress(BrokenPipeError), self.process.stdin as told:
            told.write(f"{url}\n".encode())

    def start(self) -> None:
        """An interpreter that imports what it needs, and waits to be told to begin."""
        # A session of its own: Ctrl-C in the terminal reaches only us, and we end the children in order.
        self.process = Interpreter(
            [sys.executable, "-m", "api.child", self.role, str(os.getpid())],
            env={**os.environ, **self.settings.environment()},
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    @property
    def has_ended(self) -> bool:
        return self.process is None or not self.process.is_alive()


def is_alone() -> bool:
    """Whether this process may be forked: it has no thread but this one. Who was joined is gone a moment later."""
    looks = LOOKS if CAN_FORK else 0
    while looks and len(list(THREADS.iterdir())) > 1:
        looks -= 1
        time.sleep(SECONDS_BETWEEN_LOOKS)
    return looks > 0


def _forked(role: str, settings: Settings) -> Process:
    process = multiprocessing.get_context("fork").Process(
        target=_run_forked, args=(role, settings, os.getpid()), name=role
    )
    process.start()
    return process


def _run_forked(role: str, settings: Settings, parent: int) -> None:
    end_with(parent)
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    run(role, settings)


def end(children: list[Child], seconds: float) -> None:
    """Tells all to stop, and kills those that have not after so many seconds."""
    running = [child.process for child in children if child.process is not None and not child.has_ended]
    for process in running:
        process.terminate()
    deadline = time.monotonic() + seconds
    for process in running:
        process.join(max(0.0, deadline - time.monotonic()))
        if process.is_alive():
            process.kill()
            process.join()
