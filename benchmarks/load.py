"""From the rows of an operation of 1,000 events to its situation, as the service loads one, beside the library's
decorated aggregates with its stock transcoder and as many events.

Ours passes over reports of progress that others follow before they are decoded, theirs applies each. Both end with what
the last one said."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import DatetimeAsISO, JSONTranscoder, Mapper, UUIDAsHex

from adapters.event_log.mapper import Mapper as OurMapper
from benchmarks.measure import Result, in_turns
from domain.facts import Metadata, Origin
from domain.operation.decider import Running, fold
from domain.operation.events import OperationProgressed, OperationRequested, OperationStarted

EVENTS = 1_000


class Decorated(Aggregate):
    @event("Started")
    def __init__(self) -> None:
        self.percent = 0.0

    @event("Progressed")
    def progress(self, percent: float, message: str) -> None:
        self.percent = percent


def measure() -> Result:
    ours, peer = _ours(), _peer()
    seconds = in_turns(ours, peer)
    milliseconds = seconds[0] * 1000, seconds[1] * 1000
    met = milliseconds[0] <= 0.1 * milliseconds[1]
    return Result("load", *milliseconds, "decorated Aggregate", "ms", "at most 0.1 x", met)


def _ours():  # type: ignore[no-untyped-def]
    mapper, stream = OurMapper(), uuid4()
    metadata = Metadata(event_id=UUID(int=1), moment=datetime.now(UTC), origin=Origin())
    asked = OperationRequested(table_id=stream, operation_type="m", target_type="table", target_id="t", description="d")
    facts = [asked, OperationStarted(attempt=1, worker="w")]
    facts += [
        OperationProgressed(percent=n / 20, message="m", units_done=n, units_total=1000, rows_done=n, rows_total=1000)
        for n in range(EVENTS - 2)
    ]
    stored = [mapper.to_stored(stream, n, metadata, fact) for n, fact in enumerate(facts, 1)]
    rows = [(event.topic, event.state) for event in stored]

    def load() -> None:
        state = fold(mapper.lasting(rows))
        assert isinstance(state, Running)
        assert state.percent == (EVENTS - 3) / 20

    return load


def _peer():  # type: ignore[no-untyped-def]
    transcoder = JSONTranscoder()
    transcoder.register(UUIDAsHex())
    transcoder.register(DatetimeAsISO())
    mapper = Mapper(transcoder)
    aggregate = Decorated()
    for number in range(EVENTS - 1):
        aggregate.progress(number / 20, "m")
    stored = [mapper.to_stored_event(event) for event in aggregate.collect_events()]

    def load() -> None:
        state = None
        for event_stored in stored:
            state = mapper.to_domain_event(event_stored).mutate(state)
        assert state is not None
        assert state.percent == (EVENTS - 2) / 20

    return load
