"""Verifying a file of evidence far from here: with a key that is trusted, and nothing else."""

import json
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import BinaryIO
from uuid import UUID

from domain.audit.entry import Entry, EntryDamaged, decoded
from domain.audit.evidence import (
    CONSISTENCY,
    EVENTS,
    FIRST,
    FORMAT,
    KEYS,
    LAST,
    MANIFEST,
    PAGE,
    Sealed,
    consistency_text,
    line,
    proof_name,
)
from domain.audit.notes import (
    Checkpoint,
    NoteDamaged,
    VerifierKey,
    Verify,
    opened,
    parse_checkpoint,
    parse_key,
    parse_proof,
)
from domain.audit.tar import TarDamaged, members
from domain.audit.tree import extends, includes, leaf_hash

ROTATION = "schemaledger key rotation"


class EvidenceRefused(ValueError):
    """The evidence does not hold; says which file and event, and why."""


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
    try:
        files = dict[str, bytes]()
        for name, content in members(file):
            if name in files:
                raise EvidenceRefused(f"'{name}' is there twice")
            files[name] = content
    except TarDamaged as damage:
        raise EvidenceRefused(str(damage)) from None
    for name in (KEYS, FIRST, LAST, CONSISTENCY, EVENTS, PAGE, MANIFEST):
        if name not in files:
            raise EvidenceRefused(f"'{name}' is missing")
    keys = _trusted_keys(files, trusted, verify)
    last = _checkpoints(files, keys, verify)
    events = _events(files, last)
    text, by = _open(MANIFEST, files[MANIFEST], keys, verify)
    scope = _manifest(text, files, last.origin, len(events))
    _complete(scope, [event.entry for event in events])
    return Verified(last.origin, scope, len(events), last.size, last.root, by)


def rotated(note: str, trusted: Sequence[VerifierKey], verify: Verify) -> tuple[VerifierKey, ...]:
    """Both keys of a rotation, which have both signed it, when one of them is trusted. Raises NoteDamaged."""
    lines = note.split("\n")
    if len(lines) < 4 or lines[0] != ROTATION:
        raise NoteDamaged("it is no rotation of keys")
    old, new = _parse_keys(lines[1:3])
    if old not in trusted and new not in trusted:
        raise NoteDamaged("neither of its keys is trusted")
    _, by = opened(note, (old, new), verify)
    if set(by) != {old, new}:
        raise NoteDamaged("one of its keys has not signed it")
    return old, new


def _trusted_keys(files: dict[str, bytes], trusted: Sequence[VerifierKey], verify: Verify) -> list[VerifierKey]:
    """Those given, and those they lead to by rotations that old and new key have signed."""
    keys = list(trusted)
    notes = [(name, content) for name, content in files.items() if name.startswith("rotations/")]
    # A chain may be trusted at either end: in its order from the oldest, against it from the newest.
    for name, content in (*notes, *reversed(notes)):
        try:
            found = rotated(content.decode(), keys, verify)
        except (NoteDamaged, UnicodeDecodeError) as damage:
            if (name, content) in notes and "trusted" in str(damage):
                continue
            raise EvidenceRefused(f"'{name}': {damage}") from None
        keys += [key for key in found if key not in keys]
    return keys


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


def _events(files: dict[str, bytes], last: Checkpoint) -> list[Sealed]:
    """Every event of the file, each proven to stand where it says."""
    checkpoint, found = files[LAST].decode(), list[Sealed]()
    # Not splitlines: it would also part at characters that stand within texts.
    for number, text in enumerate(files[EVENTS].split(b"\n")[:-1], start=1):
        event = _event(number, text)
        place = f"event {number} (position {event.entry.position})"
        if found and found[-1].entry.position >= event.entry.position:
            raise EvidenceRefused(f"{place} is out of order")
        _proven(place, event, files.get(proof_name(event.entry.position)), checkpoint, last)
        found.append(event)
    if not files[EVENTS].endswith(b"\n") and files[EVENTS]:
        raise EvidenceRefused(f"'{EVENTS}' is cut off in event {len(found) + 1}")
    if (proofs := sum(name.startswith("proofs/") for name in files)) != len(found):
        raise EvidenceRefused(f"there are {proofs} proofs for {len(found)} events")
    return found


def _event(number: int, text: bytes) -> Sealed:
    try:
        said = json.loads(text)
        event = Sealed(decoded(b64decode(said["entry"], validate=True)), b64decode(said["state"], validate=True))
        again = line(event).encode()
    except (ValueError, KeyError, TypeError, EntryDamaged) as damage:
        raise EvidenceRefused(f"event {number} is damaged: {damage}") from None
    if again != text + b"\n":
        raise EvidenceRefused(f"event {number} (position {event.entry.position}) says something else than its entry")
    return event


def _proven(place: str, event: Sealed, proof: bytes | None, checkpoint: str, last: Checkpoint) -> None:
    if sha256(event.state).digest() != event.entry.digest:
        raise EvidenceRefused(f"{place} was altered: its stored bytes are not those that were sealed")
    if proof is None:
        raise EvidenceRefused(f"{place} has no proof")
    try:
        found = parse_proof(proof.decode())
    except (NoteDamaged, UnicodeDecodeError) as damage:
        raise EvidenceRefused(f"the proof of {place} is damaged: {damage}") from None
    if found.checkpoint != checkpoint or found.text().encode() != proof:
        raise EvidenceRefused(f"the proof of {place} is of another checkpoint")
    leaf = leaf_hash(event.entry.encoded())
    index = event.entry.position - 1
    if found.index != index or not includes(index, last.size, leaf, found.path, last.root):
        raise EvidenceRefused(f"{place} is not in the sealed log: its proof does not lead to the checkpoint's root")


def _manifest(text: str, files: dict[str, bytes], origin: str, events: int) -> str:
    """The scope. Raises EvidenceRefused unless the files are those that were signed, and no others."""
    lines = text.split("\n")[:-1]
    if len(lines) < 4 or lines[0] != FORMAT:
        raise EvidenceRefused(f"'{MANIFEST}' is no list of contents of {FORMAT}")
    if lines[1] != origin or lines[3] != str(events):
        raise EvidenceRefused(f"'{MANIFEST}' is of another log, or of {lines[3]} events instead of {events}")
    names = [name for name in files if name != MANIFEST]
    if (list(files) or [""])[-1] != MANIFEST or [each.partition(" ")[2] for each in lines[4:]] != names:
        raise EvidenceRefused(f"the files are not those of '{MANIFEST}'")
    for name, each in zip(names, lines[4:], strict=True):
        if each.partition(" ")[0] != sha256(files[name]).hexdigest():
            raise EvidenceRefused(f"'{name}' was altered")
    return lines[2]


def _complete(scope: str, entries: Sequence[Entry]) -> None:
    """That nothing between the first and the last is missing, as far as the events themselves can tell."""
    kind, _, subject = scope.partition(" ")
    if kind == "period":
        start, _, end = subject.partition("-")
        if [entry.position for entry in entries] != list(range(int(start), int(end) + 1)):
            raise EvidenceRefused(f"the events are not those from position {start} to {end}")
        return
    standing = dict[bytes, int]()
    for entry in entries:
        before = standing.get(entry.stream, 0)
        if entry.stream_version != before + 1:
            missing = f"event {before + 1} of stream {UUID(bytes=entry.stream)}"
            raise EvidenceRefused(f"{missing} is missing before position {entry.position}")
        standing[entry.stream] = entry.stream_version
    if UUID(subject).bytes not in standing:
        raise EvidenceRefused(f"there is no event of {scope}")


def _open(
    name: str, content: bytes, keys: Sequence[VerifierKey], verify: Verify
) -> tuple[str, tuple[VerifierKey, ...]]:
    try:
        return opened(content.decode(), keys, verify)
    except (NoteDamaged, UnicodeDecodeError) as damage:
        raise EvidenceRefused(f"'{name}': {damage}") from None


def _parse_keys(lines: Sequence[str]) -> tuple[VerifierKey, VerifierKey]:
    old, new = map(parse_key, lines)
    return old, new
