"""A table whose storage hangs: its manifests, and what names the latest of them, are pipes that nobody writes to, and so whoever opens one waits for ever."""

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def hanging(location: str) -> Iterator[None]:
    """Until the end of the block; then the table is as it was, and whoever waited goes on."""
    manifests = {path: path.read_bytes() for path in Path(location, "_versions").iterdir()}
    for path in manifests:
        path.unlink()
        os.mkfifo(path)
    try:
        yield
    finally:
        for path, content in manifests.items():
            pipe = path.rename(path.parents[1] / f"{path.name}.pipe")
            path.write_bytes(content)
            # Whoever has the pipe open reads its end; nobody being there is fine.
            with suppress(OSError):
                os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))


class Signs:
    """Signs of work as a test sees them: always new ones, until it says that what it asks for now hangs."""

    def __init__(self) -> None:
        self.hangs, self._seen = False, 0

    def __call__(self, callers: Collection[int]) -> float:
        self._seen += not self.hangs
        return float(self._seen)
