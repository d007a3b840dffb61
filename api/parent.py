"""A process that ends with the one that started it, however that one went, from its first instruction on."""

import os
import signal
import sys
import threading
import time

SECONDS_BETWEEN_LOOKS = 0.5
PR_SET_PDEATHSIG = 1
"""Linux: which signal a process gets when its parent dies (prctl(2))."""


def end_with(parent: int) -> None:
    """Ends at once if the parent has gone already; otherwise SIGTERM comes as it goes.

    To be called before anything else: later it would take whoever adopted this process for the parent.
    """
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    # After the signal is asked for: a parent that goes in between is seen here.
    if os.getppid() != parent:
        os._exit(1)


def watch_parent() -> None:
    """The same from a thread that looks now and then, for systems that send no signal."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(SECONDS_BETWEEN_LOOKS)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
