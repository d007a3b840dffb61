"""Ed25519 keys in files, outside the database: one to sign with, a list of those to verify with. cryptography 50."""

import os
import secrets
from base64 import b64decode, b64encode
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from domain.audit.notes import ED25519, NoteDamaged, VerifierKey, parse_key
from domain.audit.rotations import rotation

PRIVATE = "PRIVATE+KEY+"
"""How the file of a signing key begins, as in Go's golang.org/x/mod/sumdb/note."""


def verify_ed25519(public: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


class SigningKey:
    """Implements ``Signer``."""

    def __init__(self, name: str, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self._seed = seed
        self.vkey = VerifierKey(name, self._key.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)

    def private_text(self) -> str:
        """What the file holds; tell it to nobody."""
        encoded = b64encode(ED25519 + self._seed).decode()
        return f"{PRIVATE}{self.vkey.name}+{self.vkey.key_id.hex()}+{encoded}\n"


@dataclass(frozen=True)
class KeyFiles:
    """``private`` is readable by its owner only; beside it lie ``.pub`` (verifier keys, oldest first) and rotations."""

    private: Path

    @property
    def public(self) -> Path:
        return self.private.with_name(f"{self.private.name}.pub")

    @property
    def are_expected(self) -> bool:
        """Whether this machine signs, or did."""
        return self.private.exists() or self.public.exists()

    @property
    def _rotations(self) -> Path:
        return self.private.with_name(f"{self.private.name}.rotations")

    def make(self, name: str | None = None) -> SigningKey:
        """A key of a name nobody has. Raises FileExistsError, also where only the signing key is lost, and NoteDamaged
        where the file of one holds none.

        A log that was sealed does not begin anew by itself.
        """
        if self.public.exists():
            raise FileExistsError(self.public)
        key = SigningKey(name or f"schemaledger/{secrets.token_hex(8)}", secrets.token_bytes(32))
        self.private.parent.mkdir(parents=True, exist_ok=True)
        # Both files appear whole or not at all: whoever is ended in between leaves what the next one can go on with.
        beside = self._written(key)
        try:
            os.link(beside, self.private)
        except FileExistsError:
            self._write_public(self.load())
            raise
        finally:
            beside.unlink()
        self._write_public(key)
        return key

    def load(self) -> SigningKey:
        """Raises FileNotFoundError, NoteDamaged."""
        text = self.private.read_text().strip()
        name, _, rest = text.removeprefix(PRIVATE).partition("+")
        material = b64decode(rest.partition("+")[2])
        if not text.startswith(PRIVATE) or material[:1] != ED25519 or len(material) != 33:
            raise NoteDamaged(f"{self.private} holds no signing key")
        return SigningKey(name, material[1:])

    def rotate(self) -> SigningKey:
        """A new key of the same name; old and new sign that one follows the other. The old one is gone then."""
        old = self.load()
        new = SigningKey(old.vkey.name, secrets.token_bytes(32))
        self._rotations.mkdir(exist_ok=True)
        number = len(self.rotations()) + 1
        (self._rotations / f"{number:04}").write_text(rotation(old, new))
        with self.public.open("a") as file:
            file.write(f"{new.vkey}\n")
        # Whatever happens, there is one whole key: the old one or the new one.
        self._written(new).replace(self.private)
        return new

    def known(self) -> list[VerifierKey]:
        """Those there were, oldest first."""
        return [parse_key(line) for line in self.public.read_text().splitlines()] if self.public.exists() else []

    def rotations(self) -> list[str]:
        return [path.read_text() for path in sorted(self._rotations.glob("*"))] if self._rotations.exists() else []

    def _written(self, key: SigningKey) -> Path:
        """A file beside with the key."""
        place = self.private.with_name(f"{self.private.name}.{secrets.token_hex(4)}.new")
        descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(key.private_text())
            file.flush()
            os.fsync(file.fileno())
        return place

    def _write_public(self, key: SigningKey) -> None:
        beside = self.public.with_name(f"{self.public.name}.{secrets.token_hex(4)}.new")
        beside.write_text(f"{key.vkey}\n")
        beside.replace(self.public)
