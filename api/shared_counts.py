"""Where the processes of one ``serve`` count together: what is done about it before and beside the counting itself.

The client library looks for the folder when it is imported, so this is to be said before, and apart from it.
"""

import shutil
from pathlib import Path

SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that tells the client library where the processes of one ``serve`` count together."""


def begin_to_share(folder: Path) -> dict[str, str]:
    """An empty folder to count in, and what the processes that share it need in their environment."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    return {SHARED: str(folder)}


def forget_process(folder: Path, pid: int) -> None:
    """A process has ended: what it counted stays, what it alone stood for goes."""
    from prometheus_client.multiprocess import mark_process_dead

    from api.counting_files import keep_counts_of

    mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]
    keep_counts_of(folder, pid)
