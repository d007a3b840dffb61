"""Long work on a table that changes no schema."""

from uuid import UUID

from domain.errors import EngineRefused
from domain.facts import Append, Origin
from domain.handlers.house import House
from domain.handlers.migrations import Submitted, operation_id_of, repeated
from domain.handlers.planning import estimate
from domain.maintenance import DESCRIBED, MAINTENANCE
from domain.operation.decider import RequestOperation, Unknown, decide


def maintain_table(
    house: House, table_id: UUID, work: str, idempotency_key: str | None, origin: Origin, retries: UUID | None = None
) -> Submitted:
    """Asks for that work on the table; it waits its turn behind what the table has to do.

    ``work`` is a name of ``MAINTENANCE``. Raises EngineRefused where the engine knows no such work.
    """
    operation_id = operation_id_of(house, table_id, idempotency_key, origin, retries)
    if repeated(house, operation_id, work, idempotency_key if retries is None else str(retries)):
        return Submitted(operation_id=operation_id, replayed=True)
    table, _ = house.table(table_id)
    engine = house.engine(table.engine)
    if work not in engine.profile.maintenance:
        raise EngineRefused(table.engine, f"it knows no work called {work}")
    expected = estimate(house, table, (MAINTENANCE[work],) * len(table.schema.columns), engine.inspect(table.location))
    request = RequestOperation(
        table_id=table_id,
        operation_type=work,
        target_type="table",
        target_id=str(table_id),
        description=DESCRIBED[work].format(table=f"{table.dataset_id}.{table.name}"),
        request_fingerprint=work,
        estimated_ms=expected.expected,
        uncorrected_ms=expected.uncorrected,
        retries=retries,
    )
    facts = decide(request, Unknown(), operation_id)
    house.store.append([Append(stream=operation_id, expected_version=0, facts=facts)], origin)
    return Submitted(operation_id=operation_id, replayed=False)
