"""A line of evidence has one form, and whoever reads it sees any other at once or when looking into it."""

from collections.abc import Callable
from uuid import UUID

import pytest

from domain.audit import lines
from domain.audit.entry import EntryDamaged, Sealed, entry_of
from domain.audit.lines import Line, line, parse_line

STREAM = UUID("0fedcba9-8765-4321-0123-456789abcdef")
Read = Callable[[bytes], Line]


def sealed(topic: str = "happened", state: bytes = b'{"why":"gr\xc3\xb6\xc3\x9fer"}', position: int = 10) -> Sealed:
    return Sealed(entry_of(position, 1_700_000_000_000_000, STREAM.bytes, 3, topic, state), state)


def found(read: Read, text: bytes) -> Line | str:
    try:
        return read(text)
    except EntryDamaged as damage:
        return str(damage)


@pytest.mark.parametrize(
    ("event", "at_a_glance"),
    [
        (sealed(), True),
        (sealed(topic=""), True),
        (sealed(state=b"null"), True),
        (sealed(position=(1 << 64) - 1), True),
        (sealed(state=b"\xff compressed \n"), False),
        (sealed(state=b""), False),
        (sealed(topic='with "quotes" and \\'), False),
        (sealed(topic="größer"), False),
    ],
)
def test_what_was_written_is_read(event: Sealed, at_a_glance: bool) -> None:
    text, entry = line(event)[:-1], event.entry
    expected = Line(entry.position, STREAM.bytes, 3, entry.encoded(), fits=True)
    assert parse_line(text) == lines._looked_into(text) == expected
    assert lines._at_a_glance(text) == (expected if at_a_glance else None)


def test_no_byte_is_free() -> None:
    text = line(sealed())[:-1]
    for at in range(len(text)):
        for bit in range(8):
            changed = text[:at] + bytes([text[at] ^ 1 << bit]) + text[at + 1 :]
            assert lines._at_a_glance(changed) is None
            assert found(parse_line, changed) == found(lines._looked_into, changed)
            read = found(parse_line, changed)
            assert isinstance(read, str) or not read.fits
        for changed in (text[:at] + text[at + 1 :], text[:at] + b"0" + text[at:], text[:at] + b"\n" + text[at:]):
            assert lines._at_a_glance(changed) is None or changed == text


def test_stored_bytes_that_are_not_those_of_the_entry_do_not_fit() -> None:
    event = sealed()
    text = line(Sealed(event.entry, b"{}"))[:-1]
    assert lines._at_a_glance(text) is None
    assert not parse_line(text).fits


def test_numbers_without_a_place_in_an_entry_are_damage() -> None:
    text = line(sealed())[:-1]
    for number in (1 << 64, 10**19 * 9):
        changed = text.replace(b'"position":10', b'"position":%d' % number)
        assert found(parse_line, changed) == "position 10 says something else than its entry and stored bytes"
    changed = text.replace(b'"topic":"happened"', b'"topic":"%b"' % (b"x" * 256))
    assert found(parse_line, changed) == "position 10 says something else than its entry and stored bytes"
