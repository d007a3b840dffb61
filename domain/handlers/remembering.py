"""Tables as they were when last asked for: what the log once said stays said, so only what came later is read."""

from collections import OrderedDict
from collections.abc import Sequence
from functools import reduce
from threading import Lock
from typing import NamedTuple
from uuid import UUID

from domain.facts import Recorded
from domain.table.decider import TableSituation, Unknown, evolve
from domain.table.events import TableFact

MOST_TABLES = 5_000
"""How many are remembered; whoever was not asked for longest is forgotten first."""


class Known(NamedTuple):
    """A table's situation at a version of its stream."""

    state: TableSituation
    version: int


NOTHING = Known(Unknown(), 0)


class TableMemory:
    """Of one process, over one log. A memory is never wrong: at worst it is older than the log."""

    def __init__(self, most: int = MOST_TABLES) -> None:
        self._known, self._most, self._guard = OrderedDict[UUID, Known](), most, Lock()

    def of(self, table_id: UUID) -> Known:
        with self._guard:
            if (known := self._known.get(table_id)) is None:
                return NOTHING
            self._known.move_to_end(table_id)
            return known

    def caught_up(self, table_id: UUID, known: Known, later: Sequence[Recorded]) -> Known:
        """What is known once the events that followed are known, too."""
        if not later:
            return known
        facts = [event.fact for event in later if isinstance(event.fact, TableFact)]
        state = reduce(lambda state, fact: evolve(state, fact, table_id), facts, known.state)
        now = Known(state, known.version + len(later))
        with self._guard:
            if self._known.get(table_id, NOTHING).version < now.version:
                self._known[table_id] = now
                self._known.move_to_end(table_id)
            if len(self._known) > self._most:
                self._known.popitem(last=False)
        return now
