"""Long work on a table that changes no schema: compaction."""

from uuid import UUID

from domain.facts import Append, Origin
from domain.handlers.house import House
from domain.handlers.migrations import Submitted, operation_id_of, repeated
from domain.handlers.planning import estimate
from domain.operation.decider import RequestOperation, Unknown, decide
from domain.steps import Compact

COMPACT = "compact"


def compact_table(
    house: House, table_id: UUID, idempotency_key: str | None, origin: Origin, retries: UUID | None = None
) -> Submitted:
    """Asks for the table's files to be compacted; it waits its turn behind what the table has to do."""
    operation_id = operation_id_of(house, table_id, idempotency_key, origin, retries)
    if repeated(house, operation_id, COMPACT, idempotency_key if retries is None else str(retries)):
        return Submitted(operation_id=operation_id, replayed=True)
    table, _ = house.table(table_id)
    found = house.engine(table.engine).inspect(table.location)
    expected = estimate(house, table, (Compact(),) * len(table.schema.columns), found)
    request = RequestOperation(
        table_id=table_id,
        operation_type=COMPACT,
        target_type="table",
        target_id=str(table_id),
        description=f"Compact {table.dataset_id}.{table.name}",
        request_fingerprint=COMPACT,
        estimated_ms=expected.expected,
        uncorrected_ms=expected.uncorrected,
        retries=retries,
    )
    facts = decide(request, Unknown(), operation_id)
    house.store.append([Append(stream=operation_id, expected_version=0, facts=facts)], origin)
    return Submitted(operation_id=operation_id, replayed=False)
