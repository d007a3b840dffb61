"""The files that evidence is made of, one after another as they stand in it."""

from hashlib import sha256
from typing import BinaryIO

from domain.audit.evidence import PART, PROOFS
from domain.audit.tar import TarDamaged, members


class EvidenceRefused(ValueError):
    """The evidence does not hold; says which file and event, and why."""


class Files:
    """The files of the evidence one after another; ``name`` is the one that comes next, empty at the end."""

    def __init__(self, file: BinaryIO) -> None:
        self._members, self.seen = members(file), list[str]()
        self.name, self._content = "", b""
        self._next()

    def take(self, name: str) -> bytes:
        """Raises EvidenceRefused when another file comes next, or none. Its line of the list is kept in ``seen``."""
        if self.name != name:
            raise EvidenceRefused(f"'{name}' is missing" + (f": '{self.name}' is in its place" if self.name else ""))
        content = self._content
        self.seen.append(f"{sha256(content).hexdigest()} {name}")
        self._next()
        return content

    def proofs(self) -> dict[str, bytes]:
        """Those that come next, of one part at most; each stands or falls by itself, not by its line of the list.

        Raises EvidenceRefused when one of them is there twice.
        """
        found = dict[str, bytes]()
        while self.name.startswith(PROOFS) and len(found) < PART:
            if self.name in found:
                raise EvidenceRefused(f"'{self.name}' is there twice")
            found[self.name] = self._content
            self._next()
        return found

    def _next(self) -> None:
        try:
            self.name, self._content = next(self._members, ("", b""))
        except TarDamaged as damage:
            raise EvidenceRefused(str(damage)) from None
