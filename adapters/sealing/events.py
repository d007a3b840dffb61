"""Events of the log as the seal commits to them."""

from typing import Any

from adapters.postgres.statements import Connection, Statement, tuples
from domain.audit.entry import Sealed, entry_of

EVENT = """
SELECT notification_id, (extract(epoch FROM recorded_at) * 1000000)::bigint AS microseconds, originator_id,
    originator_version, topic, state
FROM stored_events
"""
NEXT = EVENT + "WHERE notification_id > %(after)s ORDER BY notification_id LIMIT %(limit)s"


def events(connection: Connection, sql: str, **values: Any) -> list[Sealed]:
    """What a query that begins as ``EVENT`` finds; without a dictionary for each row, because logs are long."""
    return [
        Sealed(entry_of(position, recorded_at, stream.bytes, version, topic, state), state)
        for position, recorded_at, stream, version, topic, state in tuples(connection, Statement(sql, values))
    ]
