"""Files that are there as a whole or not at all; those with secrets readable by their owner only from the first."""

import os
from pathlib import Path

PRIVATE, PUBLIC = 0o600, 0o644


def write_privately(file: Path, text: str, *, replace: bool = False) -> None:
    write_whole(file, text, PRIVATE, replace=replace)


def write_whole(file: Path, text: str, mode: int, *, replace: bool) -> None:
    """Makes the folder too. Raises FileExistsError for a file that is there, unless it is to be replaced.

    Written beside its place and put there once it is on the disk: whoever is killed in between, or has no room left,
    leaves no half of it.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f"{file.name}.{os.getpid()}.new")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "w") as opened:
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
        if replace:
            beside.replace(file)
        else:
            os.link(beside, file)
        _keep(file.parent)
    finally:
        beside.unlink(missing_ok=True)


def _keep(folder: Path) -> None:
    """A name in a folder is on the disk once the folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
