"""Signed notes, verifier keys, checkpoints and proofs, byte for byte as C2SP writes them.

c2sp.org/signed-note, c2sp.org/tlog-checkpoint, c2sp.org/tlog-proof@v1. Ed25519 itself is handed in.
"""

import re
from base64 import b64encode
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

ED25519 = b"\x01"
PROOF = "c2sp.org/tlog-proof@v1"
MOST_SIGNATURES = 100

_NAME = re.compile(r"[^\s+]+")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_SIGNATURE = re.compile(r"— (\S+) (\S+)")

Verify = Callable[[bytes, bytes, bytes], bool]
"""Whether an Ed25519 signature is good: public key, signature, message."""


class NoteDamaged(ValueError):
    """Text that is no note, key, checkpoint or proof, or one that nobody we know has signed."""


class Signer(Protocol):
    """Signs with a private key; ``vkey`` is what verifies it."""

    vkey: "VerifierKey"

    def sign(self, message: bytes) -> bytes: ...


@dataclass(frozen=True)
class VerifierKey:
    """An Ed25519 public key and the name of whoever signs with it."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{b64encode(ED25519 + self.public).decode()}"


@dataclass(frozen=True)
class Checkpoint:
    """A statement of the log's size and root. ``origin`` is the log's name."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"


@dataclass(frozen=True)
class Proof:
    """That an entry stands at ``index``, counted from 0, of the tree that the signed ``checkpoint`` speaks of."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: str

    def text(self) -> str:
        lines = [PROOF, f"index {self.index}", *(b64encode(node).decode() for node in self.path)]
        return "\n".join(lines) + f"\n\n{self.checkpoint}"


def parse_key(text: str) -> VerifierKey:
    """Raises NoteDamaged."""
    name, _, rest = text.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    material = _base64(encoded)
    key = VerifierKey(name, material[1:])
    if not _NAME.fullmatch(name) or material[:1] != ED25519 or len(material) != 33:
        raise NoteDamaged("no Ed25519 verifier key of the form name+id+key")
    if key.key_id.hex() != key_id:
        raise NoteDamaged("the verifier key does not fit its id")
    return key


def signed(text: str, *signers: Signer) -> str:
    """The text, which ends in a newline, as a note."""
    lines = []
    for signer in signers:
        signature = signer.vkey.key_id + signer.sign(text.encode())
        lines.append(f"— {signer.vkey.name} {b64encode(signature).decode()}\n")
    return f"{text}\n{''.join(lines)}"


def opened(note: str, keys: Sequence[VerifierKey], verify: Verify) -> tuple[str, tuple[VerifierKey, ...]]:
    """The text of a note and those of the keys that signed it, one at least.

    Raises NoteDamaged, also when a signature by a known key is no good. Signatures of others are passed over.
    """
    text, parting, tail = note.rpartition("\n\n")
    if not parting or not tail.endswith("\n") or _CONTROL.search(note):
        raise NoteDamaged("it is no signed note")
    text += "\n"
    lines = tail[:-1].split("\n")
    if len(lines) > MOST_SIGNATURES:
        raise NoteDamaged("it has too many signatures")
    known = {(key.name, key.key_id): key for key in keys}
    good = []
    for line in lines:
        found = _SIGNATURE.fullmatch(line)
        if found is None:
            raise NoteDamaged("a line of its signatures is no signature")
        blob = _base64(found[2])
        key = known.get((found[1], blob[:4]))
        if key is None:
            continue
        if not verify(key.public, blob[4:], text.encode()):
            raise NoteDamaged(f"the signature of {key.name} is not good")
        good.append(key)
    if not good:
        raise NoteDamaged("nobody whose key is known has signed it")
    return text, tuple(good)


def parse_checkpoint(text: str) -> Checkpoint:
    """Of a note's text. Raises NoteDamaged."""
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] or not lines[0] or not _NUMBER.fullmatch(lines[1]) or "" in lines[3:-1]:
        raise NoteDamaged("it is no checkpoint")
    root = _base64(lines[2])
    if len(root) != 32:
        raise NoteDamaged("its root is no SHA-256")
    return Checkpoint(lines[0], int(lines[1]), root)


def parse_proof(text: str) -> Proof:
    """Raises NoteDamaged. An ``extra`` line, which ours do not have, is passed over."""
    head, _, checkpoint = text.partition("\n\n")
    lines = head.split("\n")
    if lines[0] != PROOF:
        raise NoteDamaged(f"it is no {PROOF}")
    rest = lines[2:] if len(lines) > 1 and lines[1].startswith("extra ") else lines[1:]
    if not rest or not rest[0].startswith("index ") or not _NUMBER.fullmatch(rest[0][6:]):
        raise NoteDamaged("it has no index")
    return Proof(int(rest[0][6:]), tuple(map(hash_of, rest[1:])), checkpoint)


def hash_of(line: str) -> bytes:
    """The node that a line of a proof is. Raises NoteDamaged."""
    found = _base64(line)
    if len(found) != 32:
        raise NoteDamaged("a hash of it is no SHA-256")
    return found


def _base64(text: str) -> bytes:
    """In its one canonical form: another text for the same bytes is damage."""
    try:
        found = a2b_base64(text, strict_mode=True)
    except ValueError:
        raise NoteDamaged("it holds something that is no base64") from None
    if b2a_base64(found, newline=False).decode() != text:
        raise NoteDamaged("it holds base64 in a form that is not the canonical one")
    return found
