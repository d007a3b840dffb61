"""Writing down what the service notices by itself: once for each thing, however often it is seen."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from uuid import UUID, uuid5

from domain.alarm.events import AlarmFact, DriftFound, DriftGone, SealStopped
from domain.errors import Refusal, StreamMoved
from domain.facts import Append, Origin, Recorded
from domain.handlers.house import RACES, House
from domain.handlers.outside import Drift, look_for_drift
from domain.ports import Clock, EventStore
from domain.schema import fingerprint

ALARMS = UUID("c1d2b7f4-5a57-4d0f-8f5b-2a4a6f1f0b77")
"""The namespace of the streams of alarms. Never changes."""
SEAL = uuid5(ALARMS, "seal")
SAME_ALARM = timedelta(hours=1)
"""How long the same alarm of the seal is not written down again: what comes and goes must not fill the log."""


def drift_stream(table_id: UUID) -> UUID:
    return uuid5(ALARMS, f"drift|{table_id}")


def witness_drift(house: House, table_id: UUID, origin: Origin) -> Drift:
    """Looks at the real table, and writes down what was not known: that it drifted, how, or no longer."""
    drift = look_for_drift(house, table_id)
    stream = drift_stream(table_id)
    for _ in range(RACES):
        events = house.store.load(stream)
        fact = _news(house, table_id, drift, events)
        if fact is None:
            break
        try:
            house.store.append([Append(stream=stream, expected_version=len(events), facts=(fact,))], origin)
        except StreamMoved:
            continue
        break
    return drift


def look_for_drift_in(house: House, tables: Iterable[UUID], origin: Origin) -> int:
    """Looks at each of the tables; in how many something was changed outside."""
    drifted = 0
    for table_id in tables:
        try:
            drifted += bool(witness_drift(house, table_id, origin).differences)
        except Refusal:
            # Away just now, or gone: the doctor tells.
            continue
    return drifted


def witness_refused_drift(house: House, table_id: UUID, origin: Origin) -> None:
    """Something was refused because the table drifted. That it cannot be written down changes nothing of that."""
    try:
        witness_drift(house, table_id, origin)
    except Refusal:
        return


def raise_seal_alarm(store: EventStore, clock: Clock, message: str) -> None:
    """Writes down that the seal has stopped, unless just that was written down within the hour.

    Raises LogUnavailable.
    """
    fact = SealStopped(message=message)
    for _ in range(RACES):
        events = store.load(SEAL)
        if events and events[-1].fact == fact and clock.now() - events[-1].recorded_at < SAME_ALARM:
            return
        try:
            store.append([Append(stream=SEAL, expected_version=len(events), facts=(fact,))], Origin())
        except StreamMoved:
            continue
        return


def _news(house: House, table_id: UUID, drift: Drift, events: Sequence[Recorded]) -> AlarmFact | None:
    """What the last word on the table does not say yet."""
    last = events[-1].fact if events else None
    dataset_id = house.whereabouts.dataset_of(table_id) or ""
    if not drift.differences:
        # Another version came of it: it was adopted, or a migration went on from there.
        is_open = isinstance(last, DriftFound) and last.version == drift.version
        return DriftGone(table_id=table_id, dataset_id=dataset_id, version=drift.version) if is_open else None
    found = DriftFound(
        table_id=table_id,
        dataset_id=dataset_id,
        version=drift.version,
        found_fingerprint=fingerprint(drift.found),
        differences=len(drift.differences),
    )
    return None if last == found else found
