"""What callers may ask of an operation that is there."""

from collections.abc import Iterable
from uuid import UUID

from domain.errors import OperationNotFound, StreamMoved
from domain.facts import Append, Fact, Origin
from domain.handlers.house import RACES, House
from domain.migration import decider as migrations
from domain.migration.events import MigrationFact
from domain.operation.decider import Cancelled, OperationSituation, Pending, RequestCancellation, decide, fold
from domain.operation.events import OperationFact
from domain.operation.telling import told
from domain.table import decider as tables
from domain.views import OperationView


def load_operation(house: House, operation_id: UUID) -> tuple[OperationSituation, int]:
    """An operation's situation and the version of its stream; version 0 when there is none."""
    facts, version = house.store.standing(operation_id)
    return fold(operation_facts(facts)), version


def operation_facts(facts: Iterable[Fact]) -> tuple[OperationFact, ...]:
    return tuple(fact for fact in facts if isinstance(fact, OperationFact))


def operation_view(house: House, operation_id: UUID) -> OperationView:
    """The operation as readers see it; from the log, when it is no longer listed. Raises OperationNotFound."""
    if listed := house.views.operation(operation_id):
        return listed
    view: OperationView | None = None
    for event in house.reader.load(operation_id):
        if not isinstance(event.fact, OperationFact):
            break
        view = told(view, event)
    if view is None:
        raise OperationNotFound(str(operation_id))
    return view


def cancel_operation(house: House, operation_id: UUID, reason: str, origin: Origin) -> bool:
    """Asks for an operation to be cancelled. True: it was cancelled already; asking twice is asking once.

    One that nobody has begun ends at once, and its table is free for the next. Raises OperationNotFound, and
    OperationNotCancellable when it has ended or is being published.
    """
    for _ in range(RACES):
        state, version = load_operation(house, operation_id)
        facts = decide(RequestCancellation(reason=reason), state, operation_id)
        if not facts:
            return isinstance(state, Cancelled)
        appends = [Append(stream=operation_id, expected_version=version, facts=facts)]
        if isinstance(state, Pending) and state.request.migration_id is not None:
            appends += _withdrawn(house, state.request.table_id, state.request.migration_id, reason)
        try:
            house.store.append(appends, origin)
        except StreamMoved:
            continue
        return False
    raise StreamMoved(f"operation {operation_id}")


def _withdrawn(house: House, table_id: UUID, migration_id: UUID, reason: str) -> list[Append]:
    """The migration cancelled, and out of its table's queue."""
    facts = house.store.facts(migration_id)
    state = migrations.fold(tuple(fact for fact in facts if isinstance(fact, MigrationFact)))
    cancelled = migrations.decide(migrations.CancelMigration(reason=reason), state)
    appends = [Append(stream=migration_id, expected_version=len(facts), facts=cancelled)]
    if isinstance(state, migrations.Awaiting):
        # It has no place in the queue yet, and its table may be gone.
        return appends
    table, version = house.table(table_id)
    withdrawn = tables.decide(tables.WithdrawMigration(migration_id=migration_id), table, table_id)
    return [*appends, Append(stream=table_id, expected_version=version, facts=withdrawn)] if withdrawn else appends
