"""A process of the service. As ``serve`` starts it again: ``python -m api.child run-api PARENT``.

It gets its imports done while PostgreSQL starts, and begins when a line on its standard input says where that is.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path

from api.logs import set_up_logs
from api.parent import end_with
from api.settings import DATABASE_URL, Settings, read_settings

API, WORKER = "run-api", "run-worker"


def main(role: str) -> None:
    """Ends at once when whoever started it goes away without a word."""
    import api.processes  # noqa: F401

    url = sys.stdin.readline().strip()
    if url:
        os.environ[DATABASE_URL] = url
        run(role, read_settings())


def run(role: str, settings: Settings) -> None:
    """Until the process is told to stop. ``settings`` have the database."""
    from api.processes import run_api, run_worker

    _be_called(role)
    set_up_logs(settings.log_format, settings.log_level)
    if role == API:
        run_api(settings)
    else:
        assert settings.database_url is not None
        run_worker(settings, settings.database_url)


def _be_called(role: str) -> None:
    """So that lists of processes tell one from the other, where the system lets a process name itself."""
    with suppress(OSError):
        Path("/proc/self/comm").write_text(role)


if __name__ == "__main__":
    # By hand, or by who does not say who it is, whoever started it is the parent.
    end_with(int(sys.argv[2]) if len(sys.argv) > 2 else os.getppid())
    main(sys.argv[1])
