"""Asking for views to be built anew from the log, or compared with it: long work on no table."""

from typing import Literal
from uuid import UUID

from domain.errors import ProjectionNotFound
from domain.facts import Append, Origin
from domain.handlers.house import House
from domain.handlers.migrations import Submitted, operation_id_of, repeated
from domain.operation.decider import RequestOperation, Unknown, decide

REBUILD: Literal["rebuild_projection"] = "rebuild_projection"
VERIFY: Literal["verify_projection"] = "verify_projection"
Replay = Literal["rebuild_projection", "verify_projection"]
DESCRIPTIONS: dict[Replay, str] = {REBUILD: "Rebuild {} from the log", VERIFY: "Compare {} with the log"}
ALL = "all"
"""Stands for every view there is, in one pass over the log."""

VIEWS = UUID("5f0c2f7e-8d0b-4f1e-9a53-2c6f7a1b9d40")
"""What replays have to themselves, as other operations have their table: one at a time, in order. Never changes."""


def replay_projection(
    house: House, kind: Replay, name: str, idempotency_key: str | None, origin: Origin, retries: UUID | None = None
) -> Submitted:
    """Asks for a view, or all, to be built anew or compared with the log. Raises ProjectionNotFound."""
    if name not in (*house.projections, ALL):
        raise ProjectionNotFound(name, ", ".join((*house.projections, ALL)))
    operation_id = operation_id_of(house, VIEWS, idempotency_key, origin, retries)
    fingerprint = f"{kind} {name}"
    if repeated(house, operation_id, fingerprint, idempotency_key if retries is None else str(retries)):
        return Submitted(operation_id=operation_id, replayed=True)
    request = RequestOperation(
        table_id=VIEWS,
        operation_type=kind,
        target_type="projection",
        target_id=name,
        description=DESCRIPTIONS[kind].format("every view" if name == ALL else f"view {name}"),
        request_fingerprint=fingerprint,
        retries=retries,
    )
    facts = decide(request, Unknown(), operation_id)
    house.store.append([Append(stream=operation_id, expected_version=0, facts=facts)], origin)
    return Submitted(operation_id=operation_id, replayed=False)
