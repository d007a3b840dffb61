"""Lines of evidence: an event as the bytes that are proven, and the same to read for people and programs."""

import json
import re
import struct
from base64 import b64decode, b64encode
from binascii import b2a_base64, unhexlify
from hashlib import sha256
from typing import NamedTuple

from domain.audit.entry import EntryDamaged, Sealed, decoded, encoded

_LINE = re.compile(rb'\{"position":\d+,[^{}]*"entry":"([^"]+)","state":"([^"]*)","event":')
_USUAL = re.compile(
    rb'\{"position":(0|[1-9]\d{,19}),"recordedAtMicroseconds":(0|[1-9]\d{,19}),'
    rb'"stream":"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})","streamVersion":(0|[1-9]\d{,19}),'
    rb'"topic":"([ !#-\[\]-~]*)","entry":"([^"]+)","state":"([^"]*)","event":'
)
"""What could be written in one way only: numbers without leading zeroes, a topic without anything to escape."""


class Line(NamedTuple):
    """What a line says. ``fits``: its stored bytes are those that its entry commits to."""

    position: int
    stream: bytes
    stream_version: int
    entry: bytes
    fits: bool


def line(event: Sealed) -> bytes:
    """Ends in a newline.

    What is stored stands there once more as it is where it is JSON on one line, else null (a compression, a cipher).
    """
    return _head(event) + (event.state if _is_json(event.state) else b"null") + b"}\n"


def parse_line(text: bytes) -> Line:
    """A line (without its newline) that says nothing else than entry and stored bytes. Raises EntryDamaged."""
    return _at_a_glance(text) or _looked_into(text)


def _at_a_glance(text: bytes) -> Line | None:
    """Of a line that is as nearly all are: its entry is the only one that follows from what it says and shows.

    None says nothing about a line, but that it has to be looked into.
    """
    found = _USUAL.match(text)
    if found is None:
        return None
    in_position, recorded_at, in_stream, in_version, topic, in_entry, in_state = found.groups()
    state = text[found.end() : -1]
    position, stream, version = int(in_position), unhexlify(in_stream.replace(b"-", b"")), int(in_version)
    try:
        entry = encoded(position, int(recorded_at), stream, version, topic, sha256(state).digest())
    except struct.error:
        return None
    if text[-1:] != b"}" or b2a_base64(state, newline=False) != in_state:
        return None
    if b2a_base64(entry, newline=False) != in_entry:
        return None
    return Line(position, stream, version, entry, fits=True)


def _looked_into(text: bytes) -> Line:
    found = _LINE.match(text)
    if found is None:
        raise EntryDamaged("the line has not the form of an event")
    try:
        entry = decoded(in_bytes := b64decode(found[1], validate=True))
        state = b64decode(found[2], validate=True)
    except ValueError as damage:
        raise EntryDamaged(str(damage)) from None
    head = _head(Sealed(entry, state))
    if text not in (head + state + b"}", head + b"null}"):
        raise EntryDamaged(f"position {entry.position} says something else than its entry and stored bytes")
    fits = sha256(state).digest() == entry.digest
    return Line(entry.position, entry.stream, entry.stream_version, in_bytes, fits)


def _head(event: Sealed) -> bytes:
    entry, stream = event.entry, event.entry.stream.hex()
    return (
        f'{{"position":{entry.position},"recordedAtMicroseconds":{entry.recorded_at},'
        f'"stream":"{stream[:8]}-{stream[8:12]}-{stream[12:16]}-{stream[16:20]}-{stream[20:]}","streamVersion":{entry.stream_version},'
        f'"topic":{json.dumps(entry.topic)},"entry":"{b64encode(entry.encoded()).decode()}",'
        f'"state":"{b64encode(event.state).decode()}","event":'
    ).encode()


def _is_json(state: bytes) -> bool:
    try:
        json.loads(state)
    except ValueError:
        return False
    return b"\n" not in state
