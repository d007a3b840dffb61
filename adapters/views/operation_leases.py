"""``operation_leases``, inline: which operations wait for a worker. Who holds which: adapters/leases.py.

``turn`` is the position in the log at which an operation came to be the first of its table: workers take the lowest, so
tables take turns, however many operations wait for one of them. The others of a table have none yet.
"""

from collections.abc import Iterable
from uuid import UUID

from adapters.postgres.database import Statement
from adapters.views.placing import POSITION
from domain.facts import Fact
from domain.operation.events import (
    OperationCancellationRequested,
    OperationCancelled,
    OperationCompleted,
    OperationFailed,
    OperationRequested,
    OperationStarted,
)

INSERT = f"""
INSERT INTO operation_leases (operation_id, position, table_id, turn)
SELECT %(stream)s, {POSITION}, %(table_id)s,
    CASE WHEN EXISTS (SELECT FROM operation_leases WHERE table_id = %(table_id)s) THEN NULL ELSE {POSITION} END
"""  # noqa: S608  # only our own SQL is put together
STARTED = "UPDATE operation_leases SET attempt = greatest(attempt, %(attempt)s) WHERE operation_id = %(stream)s"
# Whoever waits for another attempt need not wait any longer.
HURRY = "UPDATE operation_leases SET not_before = clock_timestamp() WHERE operation_id = %(stream)s"
DELETE = "DELETE FROM operation_leases WHERE operation_id = %(stream)s"
# The first that is left of the table has its turn now, unless it had it before.
NEXT = f"""
UPDATE operation_leases AS following SET turn = {POSITION}
WHERE following.operation_id = (
    SELECT operation_id FROM operation_leases
    WHERE table_id = (SELECT table_id FROM operation_status_v1 WHERE operation_id = %(stream)s)
    ORDER BY position LIMIT 1)
AND following.turn IS NULL
"""  # noqa: S608


def operation_leases(stream: UUID, version: int, fact: Fact) -> Iterable[Statement]:
    match fact:
        case OperationRequested():
            yield Statement(INSERT, {"stream": stream, "version": version, "table_id": fact.table_id})
        case OperationStarted():
            yield Statement(STARTED, {"stream": stream, "attempt": fact.attempt})
        case OperationCancellationRequested():
            yield Statement(HURRY, {"stream": stream})
        case OperationCompleted() | OperationFailed() | OperationCancelled():
            yield Statement(DELETE, {"stream": stream})
            yield Statement(NEXT, {"stream": stream, "version": version})
        case _:
            pass
