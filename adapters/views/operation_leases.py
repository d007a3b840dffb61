"""``operation_leases``, inline: which operations wait for a worker. Who holds which: adapters/leases.py.

``turn`` is the position in the log at which an operation came to be the first of its table: workers take the lowest, so
tables take turns, however many operations wait for one of them. The others of a table have none yet. What is ``held``
awaits something: it has no turn, nobody may take it, and it stands in nobody's way.
"""

from collections.abc import Iterable
from uuid import UUID

from adapters.postgres.statements import Statement
from adapters.views.placing import POSITION
from domain.facts import Fact
from domain.operation.events import (
    OperationCancellationRequested,
    OperationCancelled,
    OperationCompleted,
    OperationFailed,
    OperationReleased,
    OperationRequested,
    OperationStarted,
)

INSERT = f"""
INSERT INTO operation_leases (operation_id, position, table_id, held, turn)
SELECT %(stream)s, {POSITION}, %(table_id)s, %(held)s,
    CASE WHEN %(held)s OR EXISTS (SELECT FROM operation_leases WHERE table_id = %(table_id)s AND NOT held)
        THEN NULL ELSE {POSITION} END
"""  # noqa: S608  # only our own SQL is put together
# It comes after those that came to wait meanwhile, and is the first when there are none.
RELEASED = f"""
UPDATE operation_leases AS released SET held = false, position = {POSITION}, not_before = clock_timestamp(),
    turn = CASE WHEN EXISTS (
        SELECT FROM operation_leases AS other
        WHERE other.table_id = released.table_id AND NOT other.held AND other.operation_id <> released.operation_id)
    THEN NULL ELSE {POSITION} END
WHERE operation_id = %(stream)s AND held
"""  # noqa: S608
STARTED = "UPDATE operation_leases SET attempt = greatest(attempt, %(attempt)s) WHERE operation_id = %(stream)s"
# Whoever waits for another attempt need not wait any longer.
HURRY = "UPDATE operation_leases SET not_before = clock_timestamp() WHERE operation_id = %(stream)s"
DELETE = "DELETE FROM operation_leases WHERE operation_id = %(stream)s"
# The first that is left of the table has its turn now, unless it had it before.
NEXT = f"""
UPDATE operation_leases AS following SET turn = {POSITION}
WHERE following.operation_id = (
    SELECT operation_id FROM operation_leases
    WHERE table_id = (SELECT table_id FROM operation_status_v1 WHERE operation_id = %(stream)s) AND NOT held
    ORDER BY position LIMIT 1)
AND following.turn IS NULL
"""  # noqa: S608


def operation_leases(stream: UUID, version: int, fact: Fact) -> Iterable[Statement]:
    match fact:
        case OperationRequested():
            yield Statement(
                INSERT,
                {"stream": stream, "version": version, "table_id": fact.table_id, "held": fact.awaits is not None},
            )
        case OperationReleased():
            yield Statement(RELEASED, {"stream": stream, "version": version})
        case OperationStarted():
            yield Statement(STARTED, {"stream": stream, "attempt": fact.attempt})
        case OperationCancellationRequested():
            yield Statement(HURRY, {"stream": stream})
        case OperationCompleted() | OperationFailed() | OperationCancelled():
            yield Statement(DELETE, {"stream": stream})
            yield Statement(NEXT, {"stream": stream, "version": version})
        case _:
            pass
