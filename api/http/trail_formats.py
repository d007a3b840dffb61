"""The audit trail as JSON, as lines of JSON, as CSV and as Parquet: any size of it, a few hundred entries at a time."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from io import StringIO
from typing import Any

import msgspec
from msgspec import Raw

from api.http.answers import id_text, present, schema_shape
from api.http.trail_wire import TrailEntryBody
from api.http.wire import Moment
from domain.facts import Fact
from domain.naming import camel
from domain.schema import Schema
from domain.trail.entry import TrailEntry, code_of, schemas_of

Batches = Iterable[Sequence[TrailEntry]]
Row = Mapping[str, Any]

Parquet = Callable[[Mapping[str, type], Iterable[Sequence[Row]]], Iterator[bytes]]
"""Writes rows as one Parquet file, given the columns with the types of their values: int, datetime or str."""

TOLD_APART = ("type", "before", "after", "schema", "secret_sha256")
"""Members of a fact that an entry shows in places of their own, or that are nobody's business."""

KINDS: Mapping[Any, type] = {int: int, Moment: datetime}
COLUMNS: Mapping[str, type] = {
    field.encode_name: KINDS.get(field.type, str) for field in msgspec.structs.fields(TrailEntryBody)
}

FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""

_encode = msgspec.json.Encoder().encode


def entry_body(entry: TrailEntry) -> TrailEntryBody:
    event, origin = entry.event, entry.event.metadata.origin
    before, after = schemas_of(event.fact)
    return TrailEntryBody(
        position=event.position,
        event_id=str(event.metadata.event_id),
        type=event.fact.topic,
        recorded_at=event.recorded_at,
        occurred_at=event.metadata.moment,
        actor=origin.actor,
        actor_name=present(entry.name),
        on_behalf_of=present(origin.on_behalf_of),
        on_behalf_of_name=present(entry.name_on_behalf_of),
        authentication=origin.authentication,
        source_address=present(origin.source_address),
        request_id=present(origin.request_id),
        correlation_id=id_text(origin.correlation_id),
        causation_id=id_text(origin.causation_id),
        table_id=id_text(entry.table_id),
        stream_id=str(event.stream),
        version=event.version,
        reason=present(entry.reason),
        result=entry.result,
        code=present(code_of(event.fact)),
        details=_details(event.fact),
        before=_shape(before),
        after=_shape(after),
    )


def lines(batches: Batches) -> Iterator[bytes]:
    """One JSON object a line."""
    for batch in batches:
        yield b"".join(_encode(entry_body(entry)) + b"\n" for entry in batch)


def comma_separated(batches: Batches) -> Iterator[bytes]:
    """RFC 4180, with the names of the columns first. What holds more than one value is JSON within its cell.

    A text that a spreadsheet would take for a formula has an apostrophe before it.
    """
    yield _csv([list(COLUMNS)])
    for batch in batches:
        rows = (_flat(entry) for entry in batch)
        yield _csv([_shown(row[name]) for name in COLUMNS] for row in rows)


def parquet(batches: Batches, write: Parquet) -> Iterator[bytes]:
    return write(COLUMNS, ([_flat(entry) for entry in batch] for batch in batches))


def _details(fact: Fact) -> Raw:
    members = msgspec.json.decode(_encode(fact), type=dict[str, Raw])
    return Raw(_encode({camel(name): value for name, value in members.items() if name not in TOLD_APART}))


def _shape(schema: Schema | None) -> Any:
    return present(None if schema is None else schema_shape(schema))


def _flat(entry: TrailEntry) -> Row:
    """Every column by name: a number, a moment, a text, or None."""
    members = msgspec.json.decode(_encode(entry_body(entry)), type=dict[str, Raw])
    return {name: _cell(members.get(name), kind) for name, kind in COLUMNS.items()}


def _cell(raw: Raw | None, kind: type) -> Any:
    if raw is None:
        return None
    text = bytes(raw)
    return text.decode() if text[:1] in b"{[" else msgspec.json.decode(text, type=kind)


def _csv(rows: Iterable[Iterable[object]]) -> bytes:
    text = StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _shown(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULAS) else value
