"""Views as folds of many events at once: the other way to the rows that inline and followed views write one by one.

What a view becomes is written down twice, in SQL for one event and here for many, and the tests hold the two together
over random histories. That is what makes the comparison of a live view with a rebuilt one worth something.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from adapters.postgres.statements import Connection, Statement, storable
from domain.facts import Fact, Recorded

Effects = Mapping[type[Fact], Callable[[Recorded, Any], None]]
"""What an event with each kind of fact does to the rows, told both; kinds that are not named do nothing."""


class Fold(Protocol):
    """One view's rows while events go over them, in batches. Every statement is for the connection's search path."""

    effects: Effects

    def begin(self, connection: Connection, streams: Collection[UUID]) -> None:
        """Reads the rows of the streams that go on in the batch, having begun before it."""

    def end(self, connection: Connection) -> None:
        """Writes what became of them."""


class View(NamedTuple):
    """A view that can be built anew. ``tables`` are all that its fold writes.

    ``followed`` is the name under which its live rows are tracked; None where they are written inline.
    """

    name: str
    tables: tuple[str, ...]
    fold: Callable[[], Fold]
    followed: str | None = None


class OneByOne:
    """The fold of a view that is only known by its statements for one event: equal neighbours are sent together."""

    def __init__(self, statements: Callable[[Recorded], Iterable[Statement]], facts: Iterable[type[Fact]]) -> None:
        self._statements = statements
        self._asked = list[Statement]()
        self.effects: Effects = dict.fromkeys(facts, self._ask)

    def begin(self, connection: Connection, streams: Collection[UUID]) -> None:
        self._asked.clear()

    def end(self, connection: Connection) -> None:
        with connection.cursor() as cursor:
            for sql, asked in groupby(self._asked, lambda statement: statement.sql):
                cursor.executemany(sql.encode(), [storable(statement.parameters) for statement in asked])

    def _ask(self, event: Recorded, fact: Fact) -> None:
        self._asked.extend(self._statements(event))


class Folding:
    """Several views in one pass over the log."""

    def __init__(self, views: Sequence[View]) -> None:
        self._folds = [view.fold() for view in views]
        self._acts = dict[type[Fact], list[Callable[[Recorded, Any], None]]]()
        for fold in self._folds:
            for kind, act in fold.effects.items():
                self._acts.setdefault(kind, []).append(act)

    def take(self, connection: Connection, events: Sequence[Recorded]) -> None:
        """Everything that the events do to the views, in the connection's transaction."""
        going_on = {event.stream.int: event.stream for event in events if event.version > 1}
        for event in events:
            if event.version == 1:
                going_on.pop(event.stream.int, None)
        for fold in self._folds:
            fold.begin(connection, going_on.values())
        acts = self._acts
        for event in events:
            for act in acts.get(type(event.fact), ()):
                act(event, event.fact)
        for fold in self._folds:
            fold.end(connection)


def once(inline: Callable[[UUID, int, Fact], Iterable[Statement]]) -> Callable[[Recorded], Iterable[Statement]]:
    """What an inline view writes for one event, asked as a followed view is."""
    return lambda event: inline(event.stream, event.version, event.fact)
