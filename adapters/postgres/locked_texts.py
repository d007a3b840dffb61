"""Free text under its writer's key (AES-256-GCM): locked before it is stored anywhere, unlocked as it is read.

A locked text is itself a text, which may stand within another one and be copied: log and views hold it alike, and
whoever deletes the key has erased it in all of them at once. cryptography 46.
"""

import os
import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import NamedTuple, TypeVar
from uuid import UUID, uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.postgres.database import Database
from adapters.postgres.statements import Statement, run
from domain.subject.texts import ERASED

K = TypeVar("K")
V = TypeVar("V")

OPENING, CLOSING = "\ue0a1", "\ue0a2"
"""What a locked text stands between: characters for private use, which no script has."""
LOCKED = re.compile(f"{OPENING}([A-Za-z0-9_-]+={{0,2}}){CLOSING}")

VERSION = 1
NONCE = 12
HEAD = 1 + 16 + 16 + NONCE
"""Bytes before the ciphertext: version, key id, event id, nonce."""

SECONDS_REMEMBERED = 5.0
"""How long a process goes on with a key before it looks whether it is still there."""
MOST_REMEMBERED = 50_000

MAKE = """
INSERT INTO subject_keys (key_id, subject, secret) VALUES (%(key_id)s, %(subject)s, %(secret)s)
ON CONFLICT (subject) DO NOTHING
"""
OF_SUBJECT = "SELECT key_id, secret FROM subject_keys WHERE subject = %(subject)s"
OF_ID = "SELECT key_id, secret FROM subject_keys WHERE key_id = %(key_id)s"
CHECK = "SELECT subject_key_is_there(%(key_id)s)"
KEY_GONE = "SLK01"
"""The SQLSTATE of an append with a text under a key that is there no more (tables.sql)."""


class Key(NamedTuple):
    key_id: UUID
    cipher: AESGCM


class LockedTexts:
    """One data key for each subject, made when it first writes, kept in a table that is deleted from."""

    def __init__(self, database: Database, seconds: Callable[[], float] = time.monotonic) -> None:
        self._database, self._seconds = database, seconds
        self._writing = dict[str, tuple[float, Key]]()
        self._reading = dict[UUID, tuple[float, Key | None]]()

    def lock(self, text: str, subject: str, event_id: UUID) -> str:
        """The text as it is to be stored; one that is locked already stays its first writer's."""
        if LOCKED.fullmatch(text):
            return text
        key, nonce = self.key_of(subject), os.urandom(NONCE)
        locked = key.cipher.encrypt(nonce, text.encode(errors="surrogatepass"), event_id.bytes)
        head = bytes([VERSION]) + key.key_id.bytes + event_id.bytes + nonce
        return f"{OPENING}{urlsafe_b64encode(head + locked).decode()}{CLOSING}"

    def unlock(self, text: str) -> str:
        """The text as people may read it: whatever is locked in it is opened, or marked as erased."""
        return LOCKED.sub(lambda found: self._opened(found[1]), text) if OPENING in text else text

    def check(self, subject: str) -> Statement:
        """Refuses an append when the key was deleted since the text was locked with it."""
        return Statement(CHECK, {"key_id": self.key_of(subject).key_id})

    def key_of(self, subject: str) -> Key:
        """The key that the subject's texts are locked with now."""
        until, key = self._writing.get(subject, (0.0, None))
        if key is not None and self._seconds() < until:
            return key
        row = self._database.row(OF_SUBJECT, {"subject": subject})
        if row is None:
            new = {"key_id": uuid4(), "subject": subject, "secret": AESGCM.generate_key(256)}
            self._database.write(lambda connection: run(connection, Statement(MAKE, new)))
            return self.key_of(subject)
        key = Key(row["key_id"], AESGCM(bytes(row["secret"])))
        _room_in(self._writing)[subject] = (self._seconds() + SECONDS_REMEMBERED, key)
        return key

    def forget(self, subject: str) -> None:
        """Looks again at the next text of the subject."""
        self._writing.pop(subject, None)
        self._reading.clear()

    def _opened(self, found: str) -> str:
        try:
            bytes_ = urlsafe_b64decode(found)
            key = self._key(UUID(bytes=bytes_[1:17]))
            if key is None or bytes_[0] != VERSION:
                return ERASED
            clear = key.cipher.decrypt(bytes_[HEAD - NONCE : HEAD], bytes_[HEAD:], bytes_[17:33])
        except (ValueError, IndexError, InvalidTag):
            # Nothing that was ever locked here: somebody made it up, or damaged it.
            return ERASED
        return clear.decode(errors="surrogatepass")

    def _key(self, key_id: UUID) -> Key | None:
        until, key = self._reading.get(key_id, (0.0, None))
        if self._seconds() < until:
            return key
        row = self._database.row(OF_ID, {"key_id": key_id})
        key = None if row is None else Key(key_id, AESGCM(bytes(row["secret"])))
        # Ids of keys are never used again: one that is gone is gone for good.
        lasts = SECONDS_REMEMBERED if key is not None else float("inf")
        _room_in(self._reading)[key_id] = (self._seconds() + lasts, key)
        return key


def _room_in(known: dict[K, V]) -> dict[K, V]:
    if len(known) >= MOST_REMEMBERED:
        known.clear()
    return known
