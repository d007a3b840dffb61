"""The files that processes count in together (prometheus_client 0.26), where a disk may be full and processes killed.

The client library maps files that have no blocks yet: a process that counts on a full disk is killed by the system
(SIGBUS). Here blocks are there before anything is mapped; what finds no room is counted in memory, and written once
there is. What a process counted that has ended is added to one file for all of them.
"""

import mmap
import os
from pathlib import Path

from prometheus_client import values
from prometheus_client.mmap_dict import MmapedDict

INITIAL_BYTES = 1 << 16
LASTING = ("counter", "histogram", "summary")
"""Kinds whose values mean something after the process that counted has ended."""


class WholeFile(MmapedDict):
    """A ``MmapedDict`` for its owner only, of which no part is mapped that is not on the disk."""

    def __init__(self, filename: str, read_mode: bool = False) -> None:  # as the library calls it
        if read_mode or _has_room(Path(filename)):
            super().__init__(filename, read_mode)  # type: ignore[no-untyped-call]
        else:
            # Seen by this process alone: it may start on a disk that is full, and count for itself.
            self._f, self._fname = Path(os.devnull).open("a+b"), filename  # noqa: SIM115  # the library closes it
            self._m, self._capacity = mmap.mmap(-1, INITIAL_BYTES), INITIAL_BYTES
            self._positions, self._used = {}, 8
            self._m[0:4] = (8).to_bytes(4, "little")

    def read_value(self, key: str) -> tuple[float, float]:
        return super().read_value(key) if self._has_place(key) else (0.0, 0.0)  # type: ignore[no-untyped-call]

    def write_value(self, key: str, value: float, timestamp: float) -> None:
        if self._has_place(key):
            super().write_value(key, value, timestamp)  # type: ignore[no-untyped-call]

    def holds(self, key: str) -> bool:
        return key in self._positions

    def _has_place(self, key: str) -> bool:
        """Whether the key is there, or there is room for it. The caller comes again with each count."""
        wanted = self._used + len(key.encode()) + 32
        if key in self._positions or wanted <= self._capacity:
            return True
        capacity = self._capacity
        while capacity < wanted:
            capacity *= 2
        try:
            _allocate(self._f.fileno(), capacity)
        except OSError:
            return False
        return True


def count_in_whole_files() -> None:
    """Before the first metric is made."""
    values.MmapedDict = WholeFile  # type: ignore[attr-defined]


def keep_counts_of(folder: Path, pid: int) -> None:
    """Adds what an ended process counted to what others did before. Left as it is where there is no room for that."""
    for kind in LASTING:
        ended = folder / f"{kind}_{pid}.db"
        if ended.exists() and (not ended.stat().st_size or _added(ended, folder / f"{kind}_ended.db")):
            ended.unlink()


def _added(ended: Path, sum_: Path) -> bool:
    beside = sum_.with_suffix(".new")
    whole = WholeFile(str(beside))
    try:
        for file in (path for path in (sum_, ended) if path.exists()):
            for key, value, _, _ in MmapedDict.read_all_values_from_file(file):  # type: ignore[no-untyped-call]
                whole.write_value(key, whole.read_value(key)[0] + value, 0.0)
                if not whole.holds(key):
                    return False
        if not beside.exists():
            return False
        beside.replace(sum_)
        return True
    finally:
        whole.close()  # type: ignore[no-untyped-call]
        beside.unlink(missing_ok=True)


def _has_room(file: Path) -> bool:
    """Makes the file with its first blocks; none is left that is empty, which the library could not read."""
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        return False
    try:
        _allocate(descriptor, INITIAL_BYTES)
    except OSError:
        file.unlink()
        return False
    finally:
        os.close(descriptor)
    return True


def _allocate(descriptor: int, size: int) -> None:
    """Raises OSError where there is no room."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
        return
    there = os.fstat(descriptor).st_size
    os.pwrite(descriptor, bytes(max(0, size - there)), there)
