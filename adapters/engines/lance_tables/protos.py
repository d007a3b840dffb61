"""Lance schemas with field ids of our choosing.

Lance keeps a column's identity in its field id and offers no call that makes a schema with given ids. A LanceSchema
does pickle, as the serialized ``lance.format.Field`` messages of all its fields in pre-order (pylance 14,
``_from_protos``); this takes them apart and puts them together, changing nothing but name, id, parent id,
nullability and metadata. The field numbers are those of Lance's published file format (protos/file.proto): 2 name,
3 id, 4 parent_id, 6 nullable, 10 metadata (entries of 1 key, 2 value).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from lance.schema import LanceSchema

NAME, ID, PARENT, NULLABLE, METADATA = 2, 3, 4, 6, 10
KEY, VALUE = 1, 2
VARINT, BYTES = 0, 2
NO_PARENT = (1 << 64) - 1
"""-1 as protobuf encodes a negative int32."""

Message = dict[int, list[tuple[int, int | bytes]]]


@dataclass(frozen=True)
class Root:
    """One top-level field with everything nested in it, in pre-order."""

    name: str
    messages: tuple[bytes, ...]

    def named(self, name: str, *, nullable: bool) -> "Root":
        """The same field under another name, nullable or not."""
        top = _parse(self.messages[0])
        top[NAME] = [(BYTES, name.encode())]
        top[NULLABLE] = [(VARINT, 1)] if nullable else []
        return Root(name, (_serialize(top), *self.messages[1:]))

    def noted(self, key: bytes, value: bytes | None) -> "Root":
        """The same field with that entry in its metadata, or without one of that key."""
        top = _parse(self.messages[0])
        kept = [entry for entry in top.get(METADATA, []) if _parse(_bytes(entry))[KEY][-1][1] != key]
        if value is not None:
            kept.append((BYTES, _serialize({KEY: [(BYTES, key)], VALUE: [(BYTES, value)]})))
        top[METADATA] = kept
        return Root(self.name, (_serialize(top), *self.messages[1:]))

    def renumbered(self, first_id: int) -> "Root":
        """The same field with field ids from ``first_id`` on."""
        ids = {old: new for new, old in enumerate(field_ids(self), start=first_id)}
        return Root(self.name, tuple(_renumbered(message, ids) for message in self.messages))


def roots_of(schema: LanceSchema) -> dict[str, Root]:
    """The top-level fields by name, in order."""
    messages = pickled_state(schema)[1]
    found = dict[str, Root]()
    for message in messages:
        parsed = _parse(message)
        if _number(parsed, PARENT) == NO_PARENT:
            name = _text(parsed, NAME)
            found[name] = Root(name, (message,))
        else:
            last = next(reversed(found.values()))
            found[last.name] = Root(last.name, (*last.messages, message))
    return found


def fresh_roots(fields: Sequence[pa.Field], first_id: int) -> tuple[Root, ...]:
    """New fields with ids from ``first_id`` on, numbered as Lance numbers columns it appends."""
    made = list[Root]()
    for root in roots_of(LanceSchema.from_pyarrow(pa.schema(fields))).values():
        made.append(root.renumbered(first_id))
        first_id += len(root.messages)
    return tuple(made)


def schema_from(roots: Sequence[Root], metadata: str) -> LanceSchema:
    """A schema of these fields in this order, with that metadata, a JSON object of byte arrays."""
    messages = [message for root in roots for message in root.messages]
    return LanceSchema._from_protos(metadata, *messages)


def metadata_of(schema: LanceSchema) -> str:
    """A schema's metadata, a JSON object of byte arrays."""
    return pickled_state(schema)[0]


def pickled_state(schema: LanceSchema) -> tuple[str, tuple[bytes, ...]]:
    state: tuple[Any, ...] = tuple(schema.__reduce__()[1])
    return state[0], state[1:]


def field_ids(root: Root) -> list[int]:
    """The ids of the field and of all nested in it, in pre-order."""
    return [_number(_parse(message), ID) for message in root.messages]


def _renumbered(message: bytes, ids: Mapping[int, int]) -> bytes:
    parsed = _parse(message)
    parsed[ID] = [(VARINT, ids[_number(parsed, ID)])]
    parent = _number(parsed, PARENT)
    if parent != NO_PARENT:
        parsed[PARENT] = [(VARINT, ids[parent])]
    return _serialize(parsed)


def _bytes(entry: tuple[int, int | bytes]) -> bytes:
    assert isinstance(entry[1], bytes)
    return entry[1]


def _number(message: Message, field: int) -> int:
    value = message[field][-1][1] if message.get(field) else 0
    assert isinstance(value, int)
    return value


def _text(message: Message, field: int) -> str:
    value = message[field][-1][1] if message.get(field) else b""
    assert isinstance(value, bytes)
    return value.decode()


def _parse(message: bytes) -> Message:
    found: Message = {}
    for field, wire, value in _entries(message):
        found.setdefault(field, []).append((wire, value))
    return found


def _entries(message: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    at = 0
    while at < len(message):
        key, at = _read_varint(message, at)
        field, wire = key >> 3, key & 7
        if wire == VARINT:
            number, at = _read_varint(message, at)
            yield field, wire, number
        elif wire == BYTES:
            length, at = _read_varint(message, at)
            yield field, wire, message[at : at + length]
            at += length
        else:
            raise ValueError(f"Lance field message with wire type {wire}")


def _serialize(message: Message) -> bytes:
    out = bytearray()
    for field in sorted(message):
        for wire, value in message[field]:
            out += _varint(field << 3 | wire)
            if isinstance(value, bytes):
                out += _varint(len(value)) + value
            else:
                out += _varint(value)
    return bytes(out)


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
