"""The copy of the checkpoints outside the database: a file that only grows.

Without it, whoever holds the key and the database can rewrite everything. Put it where neither of them reaches.
"""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

SEPARATOR = "\x1e"
"""Begins each note (ASCII record separator, RFC 7464): notes themselves hold no control characters."""
MOST_BYTES = 65_536
"""Of the last notes together; far more than two of them have."""
_SIZE = re.compile(r"[^\n]*\n([0-9]{1,19})\n")


@dataclass(frozen=True)
class OutsideCopy:
    path: Path

    def notes(self) -> Iterator[str]:
        """Every checkpoint as it was written, oldest first. One that a crash cut off is left out."""
        if self.path.exists():
            with self.path.open("rb") as file:
                # What comes before the first separator is the rest of a note whose beginning is gone.
                yield from _whole(islice(_pieces(file), 1, None))

    def first(self) -> str | None:
        return next(self.notes(), None)

    def last(self) -> str | None:
        """Raises OSError where there is no file, or none that can be read."""
        with self.path.open("rb") as file:
            start = max(0, file.seek(0, os.SEEK_END) - MOST_BYTES)
            file.seek(start)
            notes = list(_whole(file.read().split(SEPARATOR.encode())[1:]))
        return notes[-1] if notes else None

    def length(self) -> int:
        """Bytes of the file. Raises OSError."""
        return self.path.stat().st_size

    def begin(self) -> None:
        """Makes the file and its folder, where they are not there. At the first start only: later it is a loss."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644))

    def add(self, note: str) -> None:
        """Durable when it returns. Raises OSError, also where there is no file."""
        with os.fdopen(os.open(self.path, os.O_WRONLY | os.O_APPEND), "w") as file:
            file.write(f"{SEPARATOR}{note}")
            file.flush()
            os.fsync(file.fileno())

    def write_anew(self, notes: Iterable[str]) -> Path | None:
        """A file of these notes; where the one before is kept, if there was one. Raises OSError."""
        beside = self.path.with_name(f"{self.path.name}.new")
        with beside.open("w") as file:
            file.writelines(f"{SEPARATOR}{note}" for note in notes)
            file.flush()
            os.fsync(file.fileno())
        before = self._put_aside() if self.path.exists() else None
        beside.rename(self.path)
        return before

    def _put_aside(self) -> Path:
        number = 1
        while (place := self.path.with_name(f"{self.path.name}.before-{number}")).exists():
            number += 1
        self.path.rename(place)
        return place


def size_of(note: str) -> int:
    """How many events a note says it covers; 0 where it says nothing of the kind."""
    found = _SIZE.match(note)
    return int(found[1]) if found else 0


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    rest = b""
    while read := file.read(MOST_BYTES):
        *pieces, rest = (rest + read).split(SEPARATOR.encode())
        yield from pieces
    yield rest


def _whole(pieces: Iterable[bytes]) -> Iterator[str]:
    for piece in pieces:
        note = piece.decode(errors="replace")
        if "\n\n— " in note and note.endswith("\n"):
            yield note
