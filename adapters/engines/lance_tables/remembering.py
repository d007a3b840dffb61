"""What tables on this machine were found to be, as long as nothing was committed to them since. pylance 14.

Opening a table and reading its manifest costs half a millisecond; to see that nobody has committed takes three looks at
the file system. Tables in object stores are opened each time: there a look costs as much.
"""

import os
from collections import OrderedDict
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from adapters.engines.lance_tables.places import is_remote
from domain.engine import Inspection

MOST_TABLES = 5_000
VERSIONS = "_versions"
HIGHEST = 2**64 - 1


class _Mark(NamedTuple):
    """The manifest of a version, its folder, and what both were when it was the latest."""

    manifest: Path
    following: Path
    folder: os.stat_result
    file: os.stat_result


class Inspections:
    """What was found, by location."""

    def __init__(self, most: int = MOST_TABLES) -> None:
        self._found, self._most, self._guard = OrderedDict[str, tuple[_Mark, Inspection]](), most, Lock()

    def still_true(self, location: str) -> Inspection | None:
        """What was found there, if the same manifest is still the latest one."""
        with self._guard:
            mark, inspection = self._found.get(location, (None, None))
        return inspection if mark is not None and _holds(mark) else None

    def keep(self, location: str, inspection: Inspection) -> None:
        if (mark := _mark(location, int(inspection.engine_version))) is None:
            return
        with self._guard:
            self._found[location] = mark, inspection
            self._found.move_to_end(location)
            if len(self._found) > self._most:
                self._found.popitem(last=False)


def _mark(location: str, version: int) -> _Mark | None:
    """None where the files are not named as they are by this version of the library, or are not here."""
    if is_remote(location):
        return None
    folder = Path(location) / VERSIONS
    manifest, following = (folder / f"{HIGHEST - number:020}.manifest" for number in (version, version + 1))
    try:
        mark = _Mark(manifest, following, folder.stat(), manifest.stat())
    except FileNotFoundError:
        return None
    # Another commit may have come between the inspection and the look at the files.
    return None if following.exists() else mark


def _holds(mark: _Mark) -> bool:
    """A commit adds a manifest to the folder; a table made anew has another folder and another file.

    The folder's time alone would not do: two commits may fall into one tick of the file system's clock.
    """
    try:
        folder, file = mark.manifest.parent.stat(), mark.manifest.stat()
    except FileNotFoundError:
        return False
    return _same(folder, mark.folder) and _same(file, mark.file) and not mark.following.exists()


def _same(one: os.stat_result, other: os.stat_result) -> bool:
    return (one.st_ino, one.st_mtime_ns, one.st_size) == (other.st_ino, other.st_mtime_ns, other.st_size)
