"""What is stored of an event, and reading events of old."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from eventsourcing.compressor import ZlibCompressor
from hypothesis import given
from hypothesis import strategies as st

from adapters.event_log.mapper import Mapper
from domain.facts import Metadata, Origin
from domain.operation.decider import fold
from domain.operation.events import (
    OperationCancellationRequested,
    OperationCancelled,
    OperationFact,
    OperationProgressed,
    OperationPublishing,
    OperationRequested,
    OperationStarted,
)

STREAM = UUID(int=5)
METADATA = Metadata(event_id=UUID(int=1), moment=datetime(2026, 3, 3, tzinfo=UTC), origin=Origin(actor="a"))
FACT = OperationCancelled(reason="no longer wanted")
REQUESTED = OperationRequested(
    table_id=STREAM, operation_type="migration", target_type="table", target_id=str(STREAM), description="why"
)
LIFE: list[OperationFact] = [
    OperationStarted(attempt=1, worker="w"),
    OperationStarted(attempt=2, worker="w"),
    *(
        OperationProgressed(percent=percent, message="m", units_done=1, units_total=2, rows_done=1, rows_total=2)
        for percent in (10.0, 20.0, 30.0)
    ),
    OperationCancellationRequested(reason="no longer wanted"),
    OperationPublishing(),
]


def test_an_event_is_stored_under_its_tag_as_plain_json() -> None:
    stored = Mapper().to_stored(STREAM, 3, METADATA, FACT)
    assert stored.topic == "operation.cancelled"
    assert msgspec.json.decode(stored.state)["fact"] == {"type": "operation.cancelled", "reason": "no longer wanted"}
    assert Mapper().from_stored(stored.topic, stored.state) == (METADATA, FACT)


@given(st.lists(st.sampled_from(LIFE)))
def test_what_is_passed_over_changes_no_situation(then: list[OperationFact]) -> None:
    facts = [REQUESTED, *then]
    events = [Mapper().to_stored(STREAM, version, METADATA, fact) for version, fact in enumerate(facts, start=1)]
    assert fold(Mapper().lasting([(event.topic, event.state) for event in events])) == fold(facts)


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
