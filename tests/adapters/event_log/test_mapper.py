"""What is stored of an event, and reading events of old."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from eventsourcing.compressor import ZlibCompressor

from adapters.event_log.mapper import Mapper
from domain.facts import Metadata, Origin
from domain.operation.events import OperationCancelled

STREAM = UUID(int=5)
METADATA = Metadata(event_id=UUID(int=1), moment=datetime(2026, 3, 3, tzinfo=UTC), origin=Origin(actor="a"))
FACT = OperationCancelled(reason="no longer wanted")


def test_an_event_is_stored_under_its_tag_as_plain_json() -> None:
    stored = Mapper().to_stored(STREAM, 3, METADATA, FACT)
    assert stored.topic == "operation.cancelled"
    assert msgspec.json.decode(stored.state)["fact"] == {"type": "operation.cancelled", "reason": "no longer wanted"}
    assert Mapper().from_stored(stored.topic, stored.state) == (METADATA, FACT)


def test_the_librarys_compressor_is_honoured() -> None:
    mapper = Mapper(compressor=ZlibCompressor())
    stored = mapper.to_stored(STREAM, 3, METADATA, FACT)
    assert not stored.state.startswith(b"{")
    assert mapper.from_stored(stored.topic, stored.state) == (METADATA, FACT)


def test_an_event_of_old_is_read_as_one_of_today() -> None:
    def from_stopped(old: dict[str, Any]) -> dict[str, Any]:
        return {"type": "operation.cancelled", "reason": old["why"]}

    mapper = Mapper(upcasters={"operation.stopped": from_stopped})
    state = msgspec.json.encode({"meta": METADATA, "fact": {"type": "operation.stopped", "why": "no longer wanted"}})
    assert mapper.from_stored("operation.stopped", state) == (METADATA, FACT)
