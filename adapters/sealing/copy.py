"""The copy of the checkpoints outside the database: a file that only grows.

Without it, whoever holds the key and the database can rewrite everything. Put it where neither of them reaches.
"""

import os
from dataclasses import dataclass
from pathlib import Path

SEPARATOR = "\x1e"
"""Begins each note (ASCII record separator, RFC 7464): notes themselves hold no control characters."""
MOST_BYTES = 65_536
"""Of the last notes together; far more than two of them have."""


@dataclass(frozen=True)
class OutsideCopy:
    path: Path

    def notes(self) -> list[str]:
        """Every checkpoint as it was written, oldest first. One that a crash cut off is left out."""
        return _whole(self.path.read_bytes()) if self.path.exists() else []

    def last(self) -> str | None:
        if not self.path.exists():
            return None
        with self.path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - MOST_BYTES))
            notes = _whole(file.read())
        return notes[-1] if notes else None

    def add(self, note: str) -> None:
        """Durable when it returns."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{SEPARATOR}{note}")
            file.flush()
            os.fsync(file.fileno())


def _whole(content: bytes) -> list[str]:
    notes = content.decode(errors="replace").split(SEPARATOR)[1:]
    return [note for note in notes if "\n\n— " in note and note.endswith("\n")]
