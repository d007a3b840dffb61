"""Whether the log still ends with the events that were sealed last.

Somebody with all rights over the database can take the last events away and have others written in their place: every
position is there then, and only the tree knows better.
"""

from adapters.postgres.statements import Connection, Statement, run
from adapters.sealing.events import EVENT, events
from domain.audit.proven import ProvenForest
from domain.audit.tree import leaf_hash

TAIL = 256
"""Events from the end of what is sealed that are compared each time; `audit verify --full` compares all."""
MOST_BYTES = 4 << 20
"""Of these events together: an event may be large, and this is done every second."""

SMALL_ENOUGH = """
SELECT notification_id AS position, sum(octet_length(state)) OVER (ORDER BY notification_id DESC) AS bytes
FROM stored_events WHERE notification_id BETWEEN %(first)s AND %(last)s ORDER BY notification_id DESC
"""
FROM_ON = EVENT + "WHERE notification_id BETWEEN %(first)s AND %(last)s ORDER BY notification_id"


class TailReplaced(Exception):
    """The log does not hold an event that was sealed; says which."""


def compare_tail(connection: Connection, forest: ProvenForest, size: int) -> None:
    """Of the first ``size`` events, which are sealed, the last ones. Raises TailReplaced, TreeDamaged."""
    first = max(1, size - TAIL + 1)
    rows = run(connection, Statement(SMALL_ENOUGH, {"first": first, "last": size})).rows
    there = {row["position"] for row in rows}
    compared = min((row["position"] for row in rows if row["bytes"] <= MOST_BYTES), default=size)
    leaves = {
        event.entry.position: leaf_hash(event.entry.encoded())
        for event in events(connection, FROM_ON, first=compared, last=size)
    }
    for position in range(first, size + 1):
        is_other = position >= compared and leaves.get(position) != forest.hashes(0, position - 1, 1)[0]
        if position not in there or is_other:
            raise _replaced(position)


def _replaced(position: int) -> TailReplaced:
    return TailReplaced(
        f"the log does not hold the event that was sealed at position {position}: events were changed or removed, or "
        "others stand in their place"
    )
