"""What readers may ask of the seal."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.audit.entry import Sealed
from domain.audit.evidence import Frame, Scope
from domain.audit.notes import Signer, VerifierKey


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


@dataclass(frozen=True)
class Span:
    """Of the events of a scope under a checkpoint: the first position and the last, and how many they are."""

    first: int
    last: int
    events: int


class Seal(Protocol):
    """Every method may raise LogUnavailable.

    What proves something was compared with what was signed: where it would not verify, NotProvable is raised.
    """

    def head(self) -> int:
        """The last position of the log, sealed or not."""

    def latest(self) -> SignedCheckpoint | None:
        """None: nothing was sealed yet."""

    def known(self) -> SignedCheckpoint | None:
        """The newest of whose events it is known which table each belongs to."""

    def checkpoints(self, limit: int, before: int | None) -> Sequence[SignedCheckpoint]:
        """Newest first, of sizes below ``before``."""

    def checkpoint(self, size: int) -> SignedCheckpoint | None:
        """The one of exactly this size."""

    def covering(self, position: int) -> SignedCheckpoint | None:
        """The first that covers the position."""

    def consistency(self, earlier: int, checkpoint: SignedCheckpoint) -> Sequence[bytes]:
        """Between the tree of the first ``earlier`` events and that of the checkpoint. Raises NotProvable."""

    def root_at(self, size: int, checkpoint: SignedCheckpoint) -> bytes:
        """Of the first so many leaves of the checkpoint's tree. Raises NotProvable."""

    def inclusion(self, position: int, checkpoint: SignedCheckpoint) -> Inclusion:
        """Of a position that the checkpoint covers. Raises NotProvable."""

    def recorded(self, start: datetime, end: datetime, size: int) -> Span | None:
        """The events under the checkpoint of ``size`` that were recorded from ``start`` to before ``end``."""

    def span(self, scope: Scope, size: int) -> Span | None:
        """None: there are none under the checkpoint of ``size``."""

    def table_of(self, stream: UUID) -> UUID | None:
        """The table that a table's, migration's or operation's stream is about."""

    def evidence(self, scope: Scope, checkpoint: SignedCheckpoint) -> Iterator[Inclusion]:
        """Every event of the scope that the checkpoint covers, in order. A table's are known once the views follow.

        Raises NotProvable on the way.
        """

    def events(self, scope: Scope, checkpoint: SignedCheckpoint) -> Iterator[Sealed]:
        """The same without their paths, which is faster."""

    def frame(self, first: SignedCheckpoint, last: SignedCheckpoint) -> Frame:
        """What proofs up to the last checkpoint stand in. Raises NotProvable."""

    def signer(self) -> Signer:
        """Who signs lists of contents. Raises SealKeyMissing in a process without the key, and NotProvable."""

    def keys(self) -> tuple[Sequence[VerifierKey], Sequence[str]]:
        """Those that verify, oldest first, and the notes of their rotations."""

    def alarm(self) -> str | None:
        """Why the seal has stopped; None while it goes on."""

    def problem(self) -> str | None:
        """Why nothing is to be proven now: the alarm, or what would be one if the sealer looked."""
