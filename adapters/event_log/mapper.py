"""Between facts and what is stored: JSON of metadata and fact, under the fact's tag as topic."""

from collections.abc import Mapping
from uuid import UUID

import msgspec
from eventsourcing.persistence import Cipher, Compressor, StoredEvent
from msgspec import Struct

from adapters.event_log.upcasters import UPCASTERS, Upcaster
from domain.all_facts import AnyFact
from domain.facts import Fact, Metadata


class Envelope(Struct, frozen=True, gc=False):
    """What is stored of an event beside its place in the log."""

    meta: Metadata
    fact: AnyFact


class Mapper:
    """Compresses, then encrypts, when it is given the library's compressor or cipher."""

    def __init__(
        self,
        compressor: Compressor | None = None,
        cipher: Cipher | None = None,
        upcasters: Mapping[str, Upcaster] = UPCASTERS,
    ) -> None:
        self._compressor, self._cipher, self._upcasters = compressor, cipher, upcasters
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(Envelope)

    def to_stored(self, stream: UUID, version: int, metadata: Metadata, fact: Fact) -> StoredEvent:
        state = self._encoder.encode({"meta": metadata, "fact": fact})
        if self._compressor is not None:
            state = self._compressor.compress(state)
        if self._cipher is not None:
            state = self._cipher.encrypt(state)
        return StoredEvent(originator_id=stream, originator_version=version, topic=fact.topic, state=state)

    def from_stored(self, topic: str, state: bytes) -> tuple[Metadata, Fact]:
        if self._cipher is not None:
            state = self._cipher.decrypt(state)
        if self._compressor is not None:
            state = self._compressor.decompress(state)
        if upcaster := self._upcasters.get(topic):
            raw = msgspec.json.decode(state)
            state = msgspec.json.encode({**raw, "fact": upcaster(raw["fact"])})
        envelope = self._decoder.decode(state)
        return envelope.meta, envelope.fact
