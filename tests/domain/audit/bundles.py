"""Small logs in memory, and files of evidence about them."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from adapters.sealing.signing import SigningKey, verify_ed25519
from domain.audit.entry import Sealed, entry_of
from domain.audit.evidence import Frame, Scope, written
from domain.audit.notes import Checkpoint, Signer, VerifierKey, signed
from domain.audit.tree import TILE_WIDTH, Tree, leaf_hash, root_of
from domain.audit.verifying import Verified, verify_evidence

TABLE, MIGRATION, OTHER = UUID(int=1), UUID(int=2), UUID(int=3)
KEY = SigningKey("schemaledger/test", bytes(32))
PAGE = "# What this is\n"


@dataclass
class Log:
    """``streams``: of which stream each event is, in the order of positions."""

    streams: Sequence[UUID]
    key: Signer = KEY
    events: list[Sealed] = field(default_factory=list)

    def __post_init__(self) -> None:
        versions = dict[UUID, int]()
        for position, stream in enumerate(self.streams, start=1):
            versions[stream] = versions.get(stream, 0) + 1
            state = f'{{"type":"happened","position":{position},"why":"größer ✓"}}'.encode()
            entry = entry_of(position, position * 1_000_000, stream.bytes, versions[stream], "happened", state)
            self.events.append(Sealed(entry, state))
        self._leaves = [leaf_hash(event.entry.encoded()) for event in self.events]

    def hashes(self, level: int, start: int, count: int) -> Sequence[bytes]:
        width = TILE_WIDTH**level
        return [root_of(self._leaves[i * width : (i + 1) * width]) for i in range(start, start + count)]

    def tree(self, size: int) -> Tree:
        return Tree(self, size)

    def note(self, size: int) -> str:
        return signed(Checkpoint(self.key.vkey.name, size, self.tree(size).root()).text(), self.key)

    def frame(self, rotations: Sequence[str] = ()) -> Frame:
        size = len(self.events)
        first = max(1, size // 2)
        proof = self.tree(size).consistency(first)
        return Frame(self.key.vkey.name, self.note(first), self.note(size), proof, [self.key.vkey], rotations)

    def bundle(self, scope: Scope, events: Iterable[Sealed] | None = None, frame: Frame | None = None) -> bytes:
        tree = self.tree(len(self.events))
        chosen = [(event, tree.inclusion(event.entry.position - 1)) for event in events or self.events]
        return b"".join(written(scope, frame or self.frame(), chosen, PAGE, self.key))

    def of(self, *streams: UUID) -> list[Sealed]:
        return [event for event in self.events if UUID(bytes=event.entry.stream) in streams]


def verified(bundle: bytes, *trusted: VerifierKey) -> Verified:
    """With the usual key when none is given. Raises EvidenceRefused."""
    return verify_evidence(io.BytesIO(bundle), trusted or (KEY.vkey,), verify_ed25519)
