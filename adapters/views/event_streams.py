"""``event_streams``, asynchronous: of which table each stream of the log is."""

from collections.abc import Iterable

from adapters.postgres.statements import Statement
from domain.facts import Recorded
from domain.migration.events import MigrationAdopted, MigrationRequested
from domain.operation.events import OperationRequested
from domain.table.events import TableRegistered

PUT = """
INSERT INTO event_streams_v1 (stream, table_id) VALUES (%(stream)s, %(table_id)s) ON CONFLICT (stream) DO NOTHING
"""
BEGINS = (TableRegistered, MigrationRequested, MigrationAdopted, OperationRequested)
"""The facts that streams begin with."""


def event_streams(event: Recorded) -> Iterable[Statement]:
    match event.fact:
        case TableRegistered():
            yield Statement(PUT, {"stream": event.stream, "table_id": event.stream})
        case MigrationRequested() | MigrationAdopted() | OperationRequested() as fact:
            yield Statement(PUT, {"stream": event.stream, "table_id": fact.table_id})
        case _:
            pass
