"""``operation_leases``, inline: which operations wait for a worker. Who holds which: adapters/leases.py."""

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
INSERT INTO operation_leases (operation_id, position, table_id) VALUES (%(stream)s, {POSITION}, %(table_id)s)
"""  # noqa: S608  # only our own SQL is put together
STARTED = "UPDATE operation_leases SET attempt = greatest(attempt, %(attempt)s) WHERE operation_id = %(stream)s"
# Whoever waits for another attempt need not wait any longer.
HURRY = "UPDATE operation_leases SET not_before = clock_timestamp() WHERE operation_id = %(stream)s"
DELETE = "DELETE FROM operation_leases WHERE operation_id = %(stream)s"


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
        case _:
            pass
