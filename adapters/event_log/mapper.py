"""Between facts and what is stored: JSON of metadata and fact, under the fact's tag as topic."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import starmap, zip_longest
from typing import Any, get_args
from uuid import UUID

import msgspec
from eventsourcing.persistence import Cipher, Compressor, StoredEvent
from msgspec import Struct
from msgspec.structs import replace

from adapters.event_log.upcasters import UPCASTERS, Upcaster
from adapters.postgres.locked_texts import LockedTexts
from adapters.postgres.statements import Statement
from domain.all_facts import AnyFact
from domain.facts import Append, Fact, Metadata, Origin, with_free_text, writer_of

SUPERSEDING = frozenset(kind.__struct_config__.tag for kind in get_args(AnyFact) if kind.supersedes_itself)
"""The topics of facts that supersede themselves: what the next one supersedes need not even be decoded."""


class Envelope(Struct, frozen=True, gc=False):
    """What is stored of an event beside its place in the log."""

    meta: Metadata
    fact: AnyFact


class FactAlone(Struct, frozen=True, gc=False):
    """The same without the metadata, which is passed over unread."""

    fact: AnyFact


class Mapper:
    """Compresses, then encrypts, when it is given the library's compressor or cipher; ``texts`` lock free text."""

    def __init__(
        self,
        compressor: Compressor | None = None,
        cipher: Cipher | None = None,
        texts: LockedTexts | None = None,
        upcasters: Mapping[str, Upcaster] = UPCASTERS,
    ) -> None:
        self._compressor, self._cipher, self._upcasters = compressor, cipher, upcasters
        self.texts = texts
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(Envelope)
        self._fact_decoder = msgspec.json.Decoder(FactAlone)

    def locked(self, metadata: Metadata, fact: Fact) -> tuple[Metadata, Fact]:
        """The event as it is stored and shown to views: its free text under the writer's key."""
        writer = writer_of(metadata.origin)
        if self.texts is None or writer is None:
            return metadata, fact
        lock = partial(self.texts.lock, subject=writer, event_id=metadata.event_id)
        origin = with_free_text(metadata.origin, lock)
        metadata = metadata if origin is metadata.origin else replace(metadata, origin=origin)
        return metadata, with_free_text(fact, lock)

    def checks(self, origin: Origin, given: Sequence[Append], locked: Sequence[Append]) -> Iterable[Statement]:
        """What refuses the append, should the key to a text in it have been deleted meanwhile."""
        writer = writer_of(origin)
        if self.texts is not None and writer is not None and (given != locked or origin.reason is not None):
            yield self.texts.check(writer)

    def forget(self, origin: Origin) -> None:
        """Looks the writer's key up anew."""
        writer = writer_of(origin)
        if self.texts is not None and writer is not None:
            self.texts.forget(writer)

    def to_stored(self, stream: UUID, version: int, metadata: Metadata, fact: Fact) -> StoredEvent:
        state = self._encoder.encode({"meta": metadata, "fact": fact})
        if self._compressor is not None:
            state = self._compressor.compress(state)
        if self._cipher is not None:
            state = self._cipher.encrypt(state)
        return StoredEvent(originator_id=stream, originator_version=version, topic=fact.topic, state=state)

    def from_stored(self, topic: str, state: bytes) -> tuple[Metadata, Fact]:
        envelope = self._decoder.decode(self._clear(topic, state))
        return envelope.meta, envelope.fact

    def fact(self, topic: str, state: bytes) -> Fact:
        return self._fact_decoder.decode(self._clear(topic, state)).fact

    def lasting(self, rows: Sequence[tuple[Any, ...]]) -> tuple[Fact, ...]:
        """The facts of a stream, of which topics and states are given, but for those that the next one supersedes."""
        nexts = [topic for topic, _ in rows[1:]]
        counting = (row for row, then in zip_longest(rows, nexts) if row[0] != then or then not in SUPERSEDING)
        return tuple(starmap(self.fact, counting))

    def _clear(self, topic: str, state: bytes) -> bytes:
        """The JSON of the event in its present form."""
        if self._cipher is not None:
            state = self._cipher.decrypt(state)
        if self._compressor is not None:
            state = self._compressor.decompress(state)
        if upcaster := self._upcasters.get(topic):
            raw = msgspec.json.decode(state)
            state = msgspec.json.encode({**raw, "fact": upcaster(raw["fact"])})
        return state
