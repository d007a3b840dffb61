"""A process of the service, as ``serve`` starts it: ``python -m api.child run-api`` or ``run-worker``.

It gets its imports done while PostgreSQL starts, and begins when a line on its standard input says where that is.
"""

import os
import sys

from api.logs import set_up_logs
from api.settings import DATABASE_URL, read_settings

API, WORKER = "run-api", "run-worker"


def main(role: str) -> None:
    """Ends at once when whoever started it goes away without a word."""
    if role == API:
        from api.processes import run_api
    else:
        from api.processes import run_worker
    url = sys.stdin.readline().strip()
    if not url:
        return
    os.environ[DATABASE_URL] = url
    settings = read_settings()
    set_up_logs(settings.log_format, settings.log_level)
    if role == API:
        run_api(settings)
    else:
        run_worker(settings, url)


if __name__ == "__main__":
    main(sys.argv[1])
