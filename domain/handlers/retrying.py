"""Taking up the work of an operation that ended without success, as an operation of its own."""

from uuid import UUID

import msgspec

from domain.access import SERVICE, Principal
from domain.changes.catalogue import AnyChange
from domain.errors import OperationNotFound, OperationNotRetryable
from domain.facts import Origin
from domain.handlers.house import House
from domain.handlers.migrations import Kind, NewMigration, Submitted, submit_migration
from domain.handlers.operations import load_operation
from domain.handlers.rebuilding import REBUILD, VERIFY, replay_projection
from domain.handlers.upkeep import maintain_table
from domain.migration.events import MigrationRequested
from domain.operation.decider import Cancelled, Failed, Unknown
from domain.operation.events import OperationRequested


def retry_operation(house: House, operation_id: UUID, origin: Origin, by: Principal = SERVICE) -> Submitted:
    """Asks for the same work again, planned on the table as it is now. Retrying twice is once.

    Raises OperationNotFound, OperationNotRetryable unless it failed or was cancelled, and what ``submit_migration``
    raises when the work makes no sense any more.
    """
    state, _ = load_operation(house, operation_id)
    if isinstance(state, Unknown):
        raise OperationNotFound(str(operation_id))
    if not isinstance(state, Failed | Cancelled):
        raise OperationNotRetryable(str(operation_id), type(state).__name__.lower())
    request = state.request
    if request.migration_id is None:
        if request.operation_type in (REBUILD, VERIFY):
            kind = REBUILD if request.operation_type == REBUILD else VERIFY
            return replay_projection(house, kind, request.target_id, None, origin, retries=operation_id)
        return maintain_table(house, request.table_id, request.operation_type, None, origin, retries=operation_id)
    return submit_migration(house, request.table_id, _again(house, operation_id, request), origin, by)


def _again(house: House, operation_id: UUID, request: OperationRequested) -> NewMigration:
    assert request.migration_id is not None
    first = house.store.facts(request.migration_id)[0]
    assert isinstance(first, MigrationRequested)
    index = request.target_id if request.target_type == "index" else None
    return NewMigration(
        changes=msgspec.json.decode(first.operations, type=tuple[AnyChange, ...]),
        operations=first.operations,
        description=first.description,
        reverts=first.reverts,
        retries=operation_id,
        kind=Kind(operation_type=request.operation_type, index=index),
        request_fingerprint=f"retry {operation_id}",
    )
