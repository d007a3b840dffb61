"""Tar files (POSIX ustar) in one form only, so that no byte of one can be changed without being seen."""

from collections.abc import Iterator
from functools import lru_cache
from typing import BinaryIO

BLOCK = 512
END = bytes(2 * BLOCK)
MOST_BYTES = 8**11 - 1
"""Of one file."""
_NOTHING = bytes(BLOCK)
_MODE, _ZERO7, _ZERO11 = b"0000644\0", b"0000000\0", b"00000000000\0"
_MAGIC = b"ustar\x0000"
_END = b"0" + bytes(100) + _MAGIC + bytes(64) + _ZERO7 + _ZERO7 + bytes(155 + 12)
_REST = sum(_MODE + _ZERO7 + _ZERO7 + _ZERO11 + _END) + 8 * 32
"""What the checksum of every header has besides name and size; its own place counts as spaces."""


class TarDamaged(ValueError):
    """Bytes that are no tar file of this one form; says where."""


def header(name: str, size: int) -> bytes:
    """Of a file that belongs to nobody and was made at no time."""
    encoded = name.encode("ascii")
    if not 0 < len(encoded) <= 99 or not 0 <= size <= MOST_BYTES:
        raise ValueError(name)
    before, checksum = _of_size(size)
    return encoded.ljust(100, b"\0") + before + b"%06o\0 " % (checksum + sum(encoded)) + _END


@lru_cache(maxsize=100)
def _of_size(size: int) -> tuple[bytes, int]:
    """What stands between name and checksum, and the checksum but for the name: neighbours are often of one size."""
    octal = b"%011o" % size
    return _MODE + _ZERO7 + _ZERO7 + octal + b"\0" + _ZERO11, _REST + sum(octal)


def member(name: str, content: bytes) -> bytes:
    return header(name, len(content)) + content + bytes(-len(content) % BLOCK)


def members(file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """Names and contents in order. Raises TarDamaged."""
    offset = 0
    while True:
        head = file.read(BLOCK)
        if head == _NOTHING:
            if file.read() != END[BLOCK:]:
                raise TarDamaged(f"there is something after its end, from byte {offset} on")
            return
        try:
            name = head[:100].rstrip(b"\0").decode("ascii")
            size = int(head[124:135], 8)
            expected = header(name, size)
        except (ValueError, UnicodeDecodeError):
            raise TarDamaged(f"no file begins at byte {offset}") from None
        if head != expected:
            raise TarDamaged(f"the header of '{name}' at byte {offset} is not as it should be")
        padded = size + -size % BLOCK
        content = file.read(padded)
        if len(content) != padded or content[size:] != _NOTHING[: padded - size]:
            raise TarDamaged(f"'{name}' at byte {offset} is cut off, or followed by something")
        yield name, content[:size]
        offset += BLOCK + padded
