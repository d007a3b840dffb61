"""Tables as they were when last asked for: what the log once said stays said, so only what came later is read."""

from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple
from uuid import UUID

from domain.facts import Fact
from domain.table.decider import TableSituation, Unknown, evolve
from domain.table.events import TableFact

MOST_TABLES = 20_000
"""How many are remembered before all are forgotten."""


class Known(NamedTuple):
    """A table's situation at a version of its stream."""

    state: TableSituation
    version: int


NOTHING = Known(Unknown(), 0)


class TableMemory:
    """Of one process, over one log, for any number of threads. A memory is never wrong: at worst it is older."""

    def __init__(self, most: int = MOST_TABLES) -> None:
        self._known, self._most = dict[UUID, Known](), most

    def of(self, table_id: UUID) -> Known:
        return self._known.get(table_id, NOTHING)

    def caught_up(self, table_id: UUID, known: Known, later: Sequence[Fact]) -> Known:
        """What is known once the facts that followed are known, too."""
        if not later:
            return known
        facts = [fact for fact in later if isinstance(fact, TableFact)]
        state = reduce(lambda state, fact: evolve(state, fact, table_id), facts, known.state)
        now = Known(state, known.version + len(later))
        if now.version > self.of(table_id).version:
            if len(self._known) >= self._most:
                self._known.clear()
            self._known[table_id] = now
        return now
