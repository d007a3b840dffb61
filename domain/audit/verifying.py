"""Verifying a file of evidence far from here: with a key that is trusted, and nothing else.

It reads the file once, in order, and holds no more of it than one part.
"""

from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO
from uuid import UUID

from domain.audit.entry import EntryDamaged
from domain.audit.evidence import (
    CONSISTENCY,
    EVENTS,
    FIRST,
    FORMAT,
    KEYS,
    LAST,
    MANIFEST,
    PAGE,
    PART,
    PROOFS,
    ROTATIONS,
    consistency_text,
    part_name,
    proof_name,
)
from domain.audit.files import EvidenceRefused, Files
from domain.audit.lines import Line, parse_line
from domain.audit.neighbours import Neighbours
from domain.audit.notes import (
    Checkpoint,
    NoteDamaged,
    VerifierKey,
    Verify,
    opened,
    parse_checkpoint,
    parse_proof,
)
from domain.audit.rotations import led_to
from domain.audit.tree import extends, includes, leaf_hash


@dataclass(frozen=True)
class Verified:
    """What the evidence shows, and up to which state of the log."""

    origin: str
    scope: str
    events: int
    size: int
    root: bytes
    signed_by: tuple[VerifierKey, ...]


def verify_evidence(file: BinaryIO, trusted: Sequence[VerifierKey], verify: Verify) -> Verified:
    """Raises EvidenceRefused with the first thing that does not hold."""
    files = Files(file)
    kept = {KEYS: files.take(KEYS)}
    while files.name.startswith(ROTATIONS):
        name = files.name
        kept[name] = files.take(name)
    for name in (FIRST, LAST, CONSISTENCY):
        kept[name] = files.take(name)
    keys = _trusted_keys(kept, trusted, verify)
    last = _checkpoints(kept, keys, verify)
    events = _Events(kept[LAST], last)
    while files.name.startswith((PROOFS, EVENTS)):
        events.part(files)
    files.take(PAGE)
    seen = list(files.seen)
    text, by = _open(MANIFEST, files.take(MANIFEST), keys, verify)
    if files.name:
        raise EvidenceRefused(f"there is something after '{MANIFEST}': '{files.name}'")
    scope = _scope(text, last.origin)
    _complete(scope, events)
    _manifest(text, seen, events.count)
    return Verified(last.origin, scope, events.count, last.size, last.root, by)


def _trusted_keys(kept: dict[str, bytes], trusted: Sequence[VerifierKey], verify: Verify) -> list[VerifierKey]:
    try:
        notes = [content.decode() for name, content in kept.items() if name.startswith(ROTATIONS)]
        return led_to(notes, trusted, verify)
    except (NoteDamaged, UnicodeDecodeError) as damage:
        raise EvidenceRefused(f"a note of '{ROTATIONS}' does not hold: {damage}") from None


def _checkpoints(files: dict[str, bytes], keys: Sequence[VerifierKey], verify: Verify) -> Checkpoint:
    first, last = (_checkpoint(name, files[name], keys, verify) for name in (FIRST, LAST))
    if first.origin != last.origin:
        raise EvidenceRefused(f"'{FIRST}' is of another log than '{LAST}'")
    text = files[CONSISTENCY].decode("ascii", "replace")
    try:
        proof = [b64decode(each, validate=True) for each in text.split("\n")[:-1]]
    except ValueError:
        raise EvidenceRefused(f"'{CONSISTENCY}' is damaged") from None
    if consistency_text(proof) != text or not extends(first.size, last.size, first.root, last.root, proof):
        raise EvidenceRefused(f"'{CONSISTENCY}' does not show that '{LAST}' goes on from '{FIRST}'")
    return last


def _checkpoint(name: str, content: bytes, keys: Sequence[VerifierKey], verify: Verify) -> Checkpoint:
    text, _ = _open(name, content, keys, verify)
    try:
        return parse_checkpoint(text)
    except NoteDamaged as damage:
        raise EvidenceRefused(f"'{name}': {damage}") from None


class _Events:
    """Every event of the file, each proven to stand where it says, and none missing before it in its stream."""

    def __init__(self, note: bytes, last: Checkpoint) -> None:
        self._note, self._last, self._neighbours = note, last, Neighbours(last.size, note)
        self.count, self.first, self.last = 0, 0, 0
        self.streams = dict[bytes, int]()
        """The version each stream stands at."""
        self.gap = ""
        """The first event that is missing from its stream, if one is."""
        self.hole = 0
        """The first position that is missing between the first and the last, if one is."""

    def part(self, files: Files) -> None:
        """The proofs of a part and the part itself."""
        proofs = files.proofs()
        name = part_name(self.count)
        content = files.take(name)
        if not content.endswith(b"\n"):
            raise EvidenceRefused(f"'{name}' is cut off")
        for text in content[:-1].split(b"\n"):
            self._event(text, proofs)
        if proofs:
            raise EvidenceRefused(f"'{next(iter(proofs))}' is the proof of no event of '{name}'")
        if files.name.startswith((PROOFS, EVENTS)) and self.count % PART:
            raise EvidenceRefused(f"'{name}' has not the {PART} events of a part that is not the last")

    def _event(self, text: bytes, proofs: dict[str, bytes]) -> None:
        try:
            line = parse_line(text)
        except EntryDamaged as damage:
            number = self.count + 1
            raise EvidenceRefused(f"event {number}, after position {self.last}, is damaged: {damage}") from None
        position = line.position
        if position <= self.last:
            raise EvidenceRefused(f"{self._place(line)} is out of order")
        self._proven(line, proofs.pop(proof_name(position), None))
        self._follow(line)
        if self.count and position != self.last + 1:
            self.hole = self.hole or self.last + 1
        self.count, self.last, self.first = self.count + 1, position, self.first or position

    def _place(self, line: Line) -> str:
        return f"event {self.count + 1} (position {line.position})"

    def _proven(self, line: Line, proof: bytes | None) -> None:
        if not line.fits:
            raise EvidenceRefused(f"{self._place(line)} was altered: its stored bytes are not those that were sealed")
        if proof is None:
            raise EvidenceRefused(f"{self._place(line)} has no proof")
        index, leaf = line.position - 1, leaf_hash(line.entry)
        if not self._neighbours.holds(index, leaf, proof):
            self._neighbours.begin(index, leaf, self._path(self._place(line), index, leaf, proof))

    def _path(self, place: str, index: int, leaf: bytes, proof: bytes) -> Sequence[bytes]:
        """Of a proof that holds by itself."""
        try:
            found = parse_proof(proof.decode())
        except (NoteDamaged, UnicodeDecodeError) as damage:
            raise EvidenceRefused(f"the proof of {place} is damaged: {damage}") from None
        # An 'extra' line would be free to change: ours have none.
        if found.checkpoint.encode() != self._note or b"\nextra " in proof:
            raise EvidenceRefused(f"the proof of {place} is of another checkpoint")
        if found.index != index or not includes(index, self._last.size, leaf, found.path, self._last.root):
            raise EvidenceRefused(f"{place} is not in the sealed log: its proof does not lead to the checkpoint's root")
        return found.path

    def _follow(self, line: Line) -> None:
        before = self.streams.get(line.stream, 0)
        if line.stream_version != before + 1 and not self.gap:
            stream = UUID(bytes=line.stream)
            self.gap = f"event {before + 1} of stream {stream} is missing before position {line.position}"
        self.streams[line.stream] = line.stream_version


def _scope(text: str, origin: str) -> str:
    lines = text.split("\n")
    if len(lines) < 5 or lines[0] != FORMAT:
        raise EvidenceRefused(f"'{MANIFEST}' is no list of contents of {FORMAT}")
    if lines[1] != origin:
        raise EvidenceRefused(f"'{MANIFEST}' is of another log, '{lines[1]}'")
    return lines[2]


def _manifest(text: str, seen: Sequence[str], events: int) -> None:
    """Raises EvidenceRefused unless the files are those that were signed, and no others."""
    lines = text.split("\n")[3:-1]
    for listed, found in zip(lines[1:], seen, strict=False):
        if listed != found:
            name = found.partition(" ")[2]
            raise EvidenceRefused(f"'{name}' was altered: it is not the file that '{MANIFEST}' lists in its place")
    if len(lines) - 1 != len(seen) or lines[0] != str(events):
        raise EvidenceRefused(f"'{MANIFEST}' lists {len(lines) - 1} files and {lines[0]} events, not those found here")


def _complete(scope: str, events: _Events) -> None:
    """That nothing between the first and the last is missing, as far as the events themselves can tell."""
    kind, _, subject = scope.partition(" ")
    if kind == "period":
        start, end = (int(each) for each in subject.split("-"))
        if (events.first, events.last, events.count) != (start, end, end - start + 1):
            missing = events.hole or (start if events.first != start else events.last + 1)
            raise EvidenceRefused(f"position {missing} of the period from {start} to {end} is missing")
    elif events.gap:
        raise EvidenceRefused(events.gap)
    elif UUID(subject).bytes not in events.streams:
        raise EvidenceRefused(f"there is no event of {scope}")


def _open(
    name: str, content: bytes, keys: Sequence[VerifierKey], verify: Verify
) -> tuple[str, tuple[VerifierKey, ...]]:
    try:
        return opened(content.decode(), keys, verify)
    except (NoteDamaged, UnicodeDecodeError) as damage:
        raise EvidenceRefused(f"'{name}': {damage}") from None
