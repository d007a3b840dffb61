"""What callers may ask of an operation that is there."""

from uuid import UUID

from domain.errors import StreamMoved
from domain.facts import Append, Origin
from domain.handlers.house import RACES, House
from domain.operation.decider import Cancelled, OperationSituation, RequestCancellation, decide, fold
from domain.operation.events import OperationFact


def load_operation(house: House, operation_id: UUID) -> tuple[OperationSituation, int]:
    """An operation's situation and the version of its stream; version 0 when there is none."""
    facts = tuple(event.fact for event in house.store.load(operation_id))
    return fold(tuple(fact for fact in facts if isinstance(fact, OperationFact))), len(facts)


def cancel_operation(house: House, operation_id: UUID, reason: str, origin: Origin) -> bool:
    """Asks for an operation to be cancelled. True: it is cancelled already; asking twice is asking once.

    Raises OperationNotFound, and OperationNotCancellable when it has ended or is being published.
    """
    for _ in range(RACES):
        state, version = load_operation(house, operation_id)
        facts = decide(RequestCancellation(reason=reason), state, operation_id)
        if not facts:
            return isinstance(state, Cancelled)
        try:
            house.store.append([Append(stream=operation_id, expected_version=version, facts=facts)], origin)
        except StreamMoved:
            continue
        return False
    raise StreamMoved(f"operation {operation_id}")
