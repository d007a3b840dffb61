"""What readers may ask of the seal."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.audit.evidence import Frame, Scope, Sealed
from domain.audit.notes import Signer


@dataclass(frozen=True)
class SignedCheckpoint:
    """``note`` is the checkpoint as it was signed."""

    size: int
    root: bytes
    note: str
    signed_at: datetime


@dataclass(frozen=True)
class Inclusion:
    """An event, and the path from its leaf to the root of the checkpoint's tree."""

    event: Sealed
    path: Sequence[bytes]
    checkpoint: SignedCheckpoint


class Seal(Protocol):
    """Every method may raise LogUnavailable."""

    def latest(self) -> SignedCheckpoint | None:
        """None: nothing was sealed yet."""

    def checkpoints(self, limit: int, before: int | None) -> Sequence[SignedCheckpoint]:
        """Newest first, of sizes below ``before``."""

    def checkpoint(self, size: int) -> SignedCheckpoint | None:
        """The one of exactly this size."""

    def covering(self, position: int) -> SignedCheckpoint | None:
        """The first that covers the position."""

    def consistency(self, earlier: int, size: int) -> Sequence[bytes]:
        """Between the trees of two checkpoints."""

    def inclusion(self, position: int, checkpoint: SignedCheckpoint) -> Inclusion:
        """Of a position that the checkpoint covers."""

    def evidence(self, scope: Scope, checkpoint: SignedCheckpoint) -> Iterator[Inclusion]:
        """Every event of the scope that the checkpoint covers, in order. A table's are known once the views follow."""

    def frame(self, first: SignedCheckpoint, last: SignedCheckpoint) -> Frame:
        """What proofs up to the last checkpoint stand in."""

    def signer(self) -> Signer | None:
        """Who signs lists of contents; None in a process without the key."""

    def alarm(self) -> str | None:
        """Why the seal has stopped; None while it goes on."""
