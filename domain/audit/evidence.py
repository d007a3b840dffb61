"""Evidence: events, their proofs and a signed list of contents in one file (docs/reference/evidence.md)."""

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import UUID

from domain.audit.entry import Entry
from domain.audit.notes import Proof, Signer, VerifierKey, signed
from domain.audit.tar import END, member

FORMAT = "schemaledger evidence v1"
EVENTS, MANIFEST, PAGE, KEYS = "events.ndjson", "manifest", "about.md", "keys"
FIRST, LAST, CONSISTENCY = "checkpoint-first", "checkpoint-last", "consistency"


@dataclass(frozen=True)
class Sealed:
    """An event under the seal: what the tree commits to, and the bytes as they are stored."""

    entry: Entry
    state: bytes


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
    lines: list[str] = field(default_factory=list)

    def file(self, name: str, content: bytes) -> bytes:
        self.lines.append(f"{sha256(content).hexdigest()} {name}")
        return member(name, content)


def written(
    scope: Scope, frame: Frame, events: Iterable[tuple[Sealed, Sequence[bytes]]], page: str, signer: Signer
) -> Iterator[bytes]:
    """The file, piece by piece; ``events`` with the path of each, in the order of positions."""
    contents, readable = _Contents(), []
    yield contents.file(KEYS, "".join(f"{key}\n" for key in frame.keys).encode())
    for number, rotation in enumerate(frame.rotations, start=1):
        yield contents.file(f"rotations/{number:04}", rotation.encode())
    yield contents.file(FIRST, frame.first.encode())
    yield contents.file(LAST, frame.last.encode())
    yield contents.file(CONSISTENCY, consistency_text(frame.consistency).encode())
    for event, path in events:
        position = event.entry.position
        yield contents.file(proof_name(position), Proof(position - 1, tuple(path), frame.last).text().encode())
        readable.append(line(event))
    yield contents.file(EVENTS, "".join(readable).encode())
    yield contents.file(PAGE, page.encode())
    text = "\n".join((FORMAT, frame.origin, str(scope), str(len(readable)), *contents.lines)) + "\n"
    yield member(MANIFEST, signed(text, signer).encode())
    yield END


def consistency_text(proof: Sequence[bytes]) -> str:
    return "".join(f"{b64encode(node).decode()}\n" for node in proof)


def proof_name(position: int) -> str:
    return f"proofs/{position:019}.tlog-proof"


def line(event: Sealed) -> str:
    """An event for people and programs: the bytes that are proven, and the same to read. Ends in a newline."""
    entry = event.entry
    known = {
        "position": entry.position,
        "recordedAtMicroseconds": entry.recorded_at,
        "stream": str(UUID(bytes=entry.stream)),
        "streamVersion": entry.stream_version,
        "topic": entry.topic,
        "entry": b64encode(entry.encoded()).decode(),
        "state": b64encode(event.state).decode(),
        "event": readable(event.state),
    }
    return json.dumps(known, ensure_ascii=False, separators=(",", ":")) + "\n"


def readable(state: bytes) -> object:
    """What the stored bytes say; None where they are not JSON (an older compression, or a cipher)."""
    try:
        return json.loads(state)
    except ValueError:
        return None
