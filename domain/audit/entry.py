"""What the tree commits to of one event: a fixed binary entry, the same in every version of this software."""

import struct
from hashlib import sha256
from typing import NamedTuple

VERSION = 1
_FIXED = struct.Struct(">BQQ16sQB")
"""Version, position, microseconds since 1970 in UTC, stream, version within the stream, bytes of the topic."""
_DIGEST = 32


class EntryDamaged(ValueError):
    """Bytes that are no entry."""


class Entry(NamedTuple):
    """``recorded_at`` is the database's clock in microseconds since 1970, UTC; ``digest`` is of the stored bytes."""

    position: int
    recorded_at: int
    stream: bytes
    stream_version: int
    topic: str
    digest: bytes

    def encoded(self) -> bytes:
        return encoded(
            self.position, self.recorded_at, self.stream, self.stream_version, self.topic.encode(), self.digest
        )


class Sealed(NamedTuple):
    """An event under the seal: what the tree commits to, and the bytes as they are stored."""

    entry: Entry
    state: bytes


def encoded(position: int, recorded_at: int, stream: bytes, stream_version: int, topic: bytes, digest: bytes) -> bytes:
    """Raises struct.error for what has no place in an entry."""
    return _FIXED.pack(VERSION, position, recorded_at, stream, stream_version, len(topic)) + topic + digest


def entry_of(position: int, recorded_at: int, stream: bytes, stream_version: int, topic: str, state: bytes) -> Entry:
    return Entry(position, recorded_at, stream, stream_version, topic, sha256(state).digest())


def decoded(entry: bytes) -> Entry:
    """Raises EntryDamaged."""
    try:
        version, position, recorded_at, stream, stream_version, length = _FIXED.unpack_from(entry)
        topic = entry[_FIXED.size : _FIXED.size + length].decode()
    except (struct.error, UnicodeDecodeError) as error:
        raise EntryDamaged(str(error)) from None
    if version != VERSION:
        raise EntryDamaged(f"version {version} is not known")
    if len(entry) != _FIXED.size + length + _DIGEST:
        raise EntryDamaged("it has not the length it should have")
    return Entry(position, recorded_at, stream, stream_version, topic, entry[-_DIGEST:])
