"""Evidence: events, their proofs and a signed list of contents in one file (docs/reference/evidence.md)."""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from domain.audit.entry import Sealed
from domain.audit.lines import line
from domain.audit.notes import Proof, Signer, VerifierKey, signed
from domain.audit.tar import END, member

FORMAT = "schemaledger evidence v1"
KEYS, FIRST, LAST, CONSISTENCY = "keys", "checkpoint-first", "checkpoint-last", "consistency"
ROTATIONS, PROOFS, EVENTS = "rotations/", "proofs/", "events/"
PAGE, MANIFEST = "about.md", "manifest"
PART = 1_000
"""Events of one file, the last one's may be fewer: neither side ever holds more."""


@dataclass(frozen=True)
class Scope:
    """What a file of evidence is about.

    ``period``: all events from one position to another; ``table``: all events of a table and of its migrations and
    operations; ``migration`` and ``operation``: all events of one.
    """

    kind: str
    subject: str

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"


@dataclass(frozen=True)
class Frame:
    """The tree the proofs are of. ``first`` and ``last`` are checkpoints as signed notes."""

    origin: str
    first: str
    last: str
    consistency: Sequence[bytes]
    keys: Sequence[VerifierKey]
    rotations: Sequence[str] = ()


@dataclass
class _Contents:
    """The signed list: every file but the proofs, each of which stands or falls by itself."""

    lines: list[str] = field(default_factory=list)
    events: int = 0

    def file(self, name: str, content: bytes) -> bytes:
        self.lines.append(f"{sha256(content).hexdigest()} {name}")
        return member(name, content)

    def part(self, lines: Sequence[bytes]) -> bytes:
        name = part_name(self.events)
        self.events += len(lines)
        return self.file(name, b"".join(lines))


def written(
    scope: Scope, frame: Frame, events: Iterable[tuple[Sealed, Sequence[bytes]]], page: str, signer: Signer
) -> Iterator[bytes]:
    """The file, piece by piece; ``events`` with the path of each, in the order of positions."""
    contents, part = _Contents(), list[bytes]()
    yield contents.file(KEYS, "".join(f"{key}\n" for key in frame.keys).encode())
    for number, rotation in enumerate(frame.rotations, start=1):
        yield contents.file(f"{ROTATIONS}{number:04}", rotation.encode())
    yield contents.file(FIRST, frame.first.encode())
    yield contents.file(LAST, frame.last.encode())
    yield contents.file(CONSISTENCY, consistency_text(frame.consistency).encode())
    for event, path in events:
        position = event.entry.position
        yield member(proof_name(position), Proof(position - 1, tuple(path), frame.last).text().encode())
        part.append(line(event))
        if len(part) == PART:
            yield contents.part(part)
            part = []
    if part:
        yield contents.part(part)
    yield contents.file(PAGE, page.encode())
    text = "\n".join((FORMAT, frame.origin, str(scope), str(contents.events), *contents.lines)) + "\n"
    yield member(MANIFEST, signed(text, signer).encode())
    yield END


def consistency_text(proof: Sequence[bytes]) -> str:
    return "".join(f"{b64encode(node).decode()}\n" for node in proof)


def proof_name(position: int) -> str:
    return f"{PROOFS}{position:019}.tlog-proof"


def part_name(before: int) -> str:
    """Of the part that so many events stand before."""
    return f"{EVENTS}{before // PART + 1:06}.ndjson"
