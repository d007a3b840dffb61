"""Another verifier of evidence, by a stranger: from docs/reference/evidence.md, with no line of this project.

It takes the whole file at once and walks through it by the numbered steps of the page: so it is short, and it is wrong
elsewhere than ours where it is wrong. ``python -m tests.domain.audit.stranger evidence.tar KEY``
"""

import json
import re
import sys
from base64 import b64decode, b64encode
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Files = list[tuple[str, bytes]]
Keys = dict[bytes, tuple[str, bytes]]
"""By key id: the name, and the public key."""


class Wrong(Exception):
    """What does not hold."""


def must(holds: bool, what: str) -> None:
    if not holds:
        raise Wrong(what)


def bytes_of(text: str) -> bytes:
    try:
        found = b64decode(text, validate=True)
    except ValueError:
        raise Wrong("no Base 64") from None
    must(b64encode(found).decode() == text, "Base 64 that is not canonical")
    return found


# Step 1: the form of the file.


def unpacked(tar: bytes) -> Files:
    files, at = Files(), 0
    while at + 1024 < len(tar):
        name = tar[at : at + 100].rstrip(b"\0").decode("ascii", "replace")
        digits = tar[at + 124 : at + 135]
        must(re.fullmatch(rb"[0-7]{11}", digits) is not None, f"header at byte {at}")
        size = int(digits, 8)
        must(tar[at : at + 512] == header(name, size), f"header of {name} at byte {at}")
        content = tar[at + 512 : at + 512 + size]
        padded = -size % 512
        must(tar[at + 512 + size : at + 512 + size + padded] == bytes(padded), f"padding of {name}")
        files.append((name, content))
        at += 512 + size + padded
    must(tar[at:] == bytes(1024), "the end of the file")
    return files


def header(name: str, size: int) -> bytes:
    plain = bytearray(512)
    for place, text in (
        (0, name),
        (100, "0000644\0"),
        (108, "0000000\0"),
        (116, "0000000\0"),
        (124, f"{size:011o}\0"),
        (136, "00000000000\0"),
        (148, "        "),
        (156, "0"),
        (257, "ustar\x0000"),
        (329, "0000000\0"),
        (337, "0000000\0"),
    ):
        plain[place : place + len(text)] = text.encode()
    plain[148:156] = f"{sum(plain):06o}\0 ".encode()
    return bytes(plain)


# Signed notes and keys.


def key_of(line: str) -> tuple[bytes, tuple[str, bytes]]:
    name, _, rest = line.partition("+")
    key_id, _, material = rest.partition("+")
    raw = bytes_of(material)
    must(len(raw) == 33 and raw[0] == 1, "an Ed25519 key")
    found = sha256(name.encode() + b"\n" + raw).digest()[:4]
    must(found.hex() == key_id, "the id of a key")
    return found, (name, raw[1:])


def read_note(note: bytes, keys: Keys) -> tuple[str, set[bytes]]:
    """The signed text and the ids of the known keys that signed it."""
    try:
        text, parting, tail = note.decode().rpartition("\n\n")
    except UnicodeDecodeError:
        raise Wrong("a note is no UTF-8") from None
    must(
        bool(parting) and tail.endswith("\n") and not re.search(r"[\x00-\x09\x0b-\x1f]", note.decode()),
        "the form of a note",
    )
    by = set[bytes]()
    for line in tail[:-1].split("\n"):
        found = re.fullmatch(r"\u2014 (\S+) (\S+)", line)
        must(found is not None, "the form of a signature")
        assert found
        blob = bytes_of(found[2])
        known = keys.get(blob[:4])
        if known is not None and known[0] == found[1]:
            try:
                Ed25519PublicKey.from_public_bytes(known[1]).verify(blob[4:], f"{text}\n".encode())
            except InvalidSignature:
                raise Wrong("a signature") from None
            by.add(blob[:4])
    must(bool(by), "nobody known has signed a note")
    return f"{text}\n", by


# RFC 9162, 2.1.3.2 and 2.1.4.2.


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def root_over(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    must(index < size, "a position after the end of the tree")
    fn, sn, r = index, size - 1, leaf
    for p in path:
        must(sn > 0, "a path that is too long")
        if fn & 1 or fn == sn:
            r = node(p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node(r, p)
        fn, sn = fn >> 1, sn >> 1
    must(sn == 0, "a path that is too short")
    return r


def goes_on(first: int, second: int, old: bytes, new: bytes, path: list[bytes]) -> None:
    if first == second:
        must(not path and old == new, "the same size with another root")
        return
    must(0 < first < second and bool(path), "the consistency proof")
    if first & (first - 1) == 0:
        path = [old, *path]
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        must(sn > 0, "the consistency proof is too long")
        if fn & 1 or fn == sn:
            fr, sr = node(c, fr), node(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node(sr, c)
        fn, sn = fn >> 1, sn >> 1
    must((fr, sr, sn) == (old, new, 0), "the consistency proof")


# The six steps.


def verify(tar: bytes, *trusted: str) -> str:
    """The scope that the evidence is about. Raises Wrong."""
    files = unpacked(tar)
    content = dict(files)
    in_order(files)
    keys = with_rotations(dict(map(key_of, trusted)), [text for name, text in files if name.startswith("rotations/")])
    first, last = (checkpoint(read_note(content[name], keys)[0]) for name in ("checkpoint-first", "checkpoint-last"))
    must(first[0] == last[0], "the checkpoints are of two logs")
    text = content["consistency"].decode("ascii", "replace")
    must(text.endswith("\n") or not text, "the form of the consistency proof")
    goes_on(first[1], last[1], first[2], last[2], [bytes_of(line) for line in text.split("\n")[:-1]])
    entries = list(proven(files, content, last))
    manifest, _ = read_note(content["manifest"], keys)
    lines = manifest.split("\n")
    must(lines[:2] == ["schemaledger evidence v1", last[0]] and lines[-1] == "", "the head of the list of contents")
    must(lines[3] == str(len(entries)), "the number of events")
    listed = [
        f"{sha256(text).hexdigest()} {name}"
        for name, text in files
        if not name.startswith("proofs/") and name != "manifest"
    ]
    must(lines[4:-1] == listed, "the list of contents")
    nothing_is_missing(lines[2], entries)
    return lines[2]


def in_order(files: Files) -> None:
    names = [name for name, _ in files]
    rotations = [
        f"rotations/{number:04}" for number in range(1, sum(name.startswith("rotations/") for name in names) + 1)
    ]
    fixed = ["keys", *rotations, "checkpoint-first", "checkpoint-last", "consistency"]
    must(names[: len(fixed)] == fixed and names[-2:] == ["about.md", "manifest"], "the order of the files")
    part, pending = 0, 0
    middle = names[len(fixed) : -2]
    for at, name in enumerate(middle):
        if name.startswith("proofs/"):
            must(re.fullmatch(r"proofs/\d{19}\.tlog-proof", name) is not None, name)
            pending += 1
        else:
            part += 1
            must(name == f"events/{part:06}.ndjson" and 1 <= pending <= 1000, name)
            must(pending == 1000 or at == len(middle) - 1, f"{name} is too short")
            pending = 0
    must(pending == 0 and len(set(names)) == len(names), "proofs without events")


def with_rotations(keys: Keys, notes: list[bytes]) -> Keys:
    """From an old key to a new one in their order, against it back."""
    for note in (*notes, *reversed(notes)):
        lines = note.decode("utf-8", "replace").split("\n")
        must(len(lines) > 3 and lines[0] == "schemaledger key rotation" and lines[3] == "", "the form of a rotation")
        both = dict([key_of(lines[1]), key_of(lines[2])])
        if both.keys() & keys.keys():
            must(read_note(note, both)[1] == both.keys(), "one of the keys of a rotation has not signed it")
            keys = keys | both
    return keys


def checkpoint(text: str) -> tuple[str, int, bytes]:
    lines = text.split("\n")
    must(len(lines) == 4 and lines[1].isdecimal() and str(int(lines[1])) == lines[1], "the form of a checkpoint")
    return lines[0], int(lines[1]), bytes_of(lines[2])


Entry = tuple[int, str, int]
"""Position, stream, and version in the stream."""


def proven(files: Files, content: dict[str, bytes], last: tuple[str, int, bytes]) -> "list[Entry]":
    found, position, proofs = list[Entry](), 0, {name for name in content if name.startswith("proofs/")}
    for name, text in files:
        if not name.startswith("events/"):
            continue
        must(text.endswith(b"\n"), f"{name} is cut off")
        for line in text[:-1].split(b"\n"):
            entry = proven_line(line, content, proofs, last)
            must(entry[0] > position, f"position {entry[0]} is out of order")
            position = entry[0]
            found.append(entry)
    must(not proofs, f"proofs of no event: {sorted(proofs)[:1]}")
    return found


def proven_line(line: bytes, content: dict[str, bytes], proofs: set[str], last: tuple[str, int, bytes]) -> Entry:
    try:
        told = json.loads(line)
        entry, state = bytes_of(told["entry"]), bytes_of(told["state"])
    except (ValueError, KeyError, TypeError):
        raise Wrong("a line that is no event") from None
    must(len(entry) >= 42 and entry[0] == 1 and len(entry) == 42 + entry[41] + 32, "the form of an entry")
    position, at, version = (int.from_bytes(entry[a:b], "big") for a, b in ((1, 9), (9, 17), (33, 41)))
    raw = entry[17:33].hex()
    stream = "-".join((raw[:8], raw[8:12], raw[12:16], raw[16:20], raw[20:]))
    topic = entry[42:-32].decode("utf-8", "replace")
    head = {
        "position": position,
        "recordedAtMicroseconds": at,
        "stream": stream,
        "streamVersion": version,
        "topic": topic,
    }
    head |= {"entry": told["entry"], "state": told["state"]}
    start = json.dumps(head, separators=(",", ":"))[:-1].encode() + b',"event":'
    must(line in (start + state + b"}", start + b"null}"), f"position {position} says something else than its entry")
    must(sha256(state).digest() == entry[-32:], f"the stored bytes of position {position}")
    name = f"proofs/{position:019}.tlog-proof"
    must(name in proofs, f"no proof of position {position}")
    proofs.discard(name)
    text, _, note = content[name].decode("utf-8", "replace").partition("\n\n")
    lines = text.split("\n")
    must(lines[:2] == ["c2sp.org/tlog-proof@v1", f"index {position - 1}"], f"the head of {name}")
    must(note.encode() == content["checkpoint-last"], f"{name} is of another checkpoint")
    leaf = sha256(b"\x00" + entry).digest()
    root = root_over(leaf, position - 1, last[1], [bytes_of(each) for each in lines[2:]])
    must(root == last[2], f"{name} does not lead to the root")
    return position, stream, version


def nothing_is_missing(scope: str, entries: list[Entry]) -> None:
    kind, _, subject = scope.partition(" ")
    if kind == "period":
        start, end = map(int, subject.split("-"))
        must([position for position, _, _ in entries] == list(range(start, end + 1)), "a position of the period")
        return
    must(kind in ("table", "migration", "operation"), "the scope")
    stands = dict[str, int]()
    for _, stream, version in entries:
        must(version == stands.get(stream, 0) + 1, f"event {stands.get(stream, 0) + 1} of stream {stream} is missing")
        stands[stream] = version
    must(subject in stands, f"the stream of {scope}")


if __name__ == "__main__":
    try:
        print("holds:", verify(Path(sys.argv[1]).read_bytes(), *sys.argv[2:]))
    except Wrong as wrong:
        sys.exit(f"does not hold: {wrong}")
