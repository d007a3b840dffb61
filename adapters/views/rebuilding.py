"""Views built anew from the log, aside, while the live ones stay in use; then switched, compared or read."""

import gc
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from uuid import uuid4

import psycopg

from adapters.postgres.connecting import HASTE
from adapters.postgres.database import AWAY, Database, border, reason_of
from adapters.postgres.statements import Statement, run
from adapters.views.aside import Aside
from adapters.views.comparing import first_discrepancy
from adapters.views.folding import Folding, View
from adapters.views.follower import ADVANCE
from adapters.views.freshness import Settled
from adapters.views.reading import PostgresViews
from domain.errors import ProjectionBusy, ProjectionNotFound, RebuildForbidden, Refusal
from domain.facts import Recorded
from domain.ports import EventStore
from domain.replay import Rebuilt, Verified, Watch
from domain.views import Views

log = logging.getLogger("schemaledger.views")

BATCH = 10_000
"""Events of one transaction: enough that the statements around them do not count, few enough to hold in memory."""
OBJECTS = 500_000
"""How many objects may be made before Python looks for cycles among them."""
CLOSE = 500
"""How many events behind the log a rebuilt view may be when the switch begins: they are folded while writers wait."""
TRIES = 100
LOCK_TIMEOUT = "200ms"
"""How long a try to switch waits for reads under way, and keeps others waiting. Below PostgreSQL's patience with
deadlocks (one second), so that it is never a reader who is told to give way."""

HEAD = "SELECT coalesce(max(notification_id), 0) AS position FROM stored_events"
AT = """
SELECT coalesce((
    SELECT notification_id FROM stored_events WHERE recorded_at <= %(moment)s ORDER BY notification_id DESC LIMIT 1
), 0) AS position
"""
STANDS = "SELECT coalesce((SELECT position FROM projections WHERE name = %(name)s), 0) AS position"


class PostgresReplays:
    """Implements ``Replays``. ``lock`` is the statement that keeps appends away until the transaction ends.

    ``show`` is what people are to read of a text in a row.
    """

    def __init__(
        self,
        url: str,
        database: Database,
        store: EventStore,
        views: Sequence[View],
        lock: str,
        show: Callable[[str], str] = str,
    ) -> None:
        self._show = show
        self._url, self._database, self._store, self._lock = url, database, store, lock
        self._views = {view.name: view for view in views}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._views)

    def rebuild(self, names: Sequence[str], key: str, watch: Watch) -> Rebuilt:
        views = self._of(names)
        with border(), self._aside(key, views, keep=True) as aside:
            folding, position = Folding(views), aside.make()
            position = self._fold(aside, folding, position, None, watch)
            aside.finish()
            for _ in range(TRIES):
                position = self._fold(aside, folding, position, None, watch)
                try:
                    position = self._switch(aside, views, folding, position)
                except psycopg.errors.LockNotAvailable:
                    log.info("views %s are being read; trying again", ", ".join(names))
                    continue
                return Rebuilt(views=tuple(names), events=position, position=position)
            raise ProjectionBusy(", ".join(names))

    def verify(self, names: Sequence[str], watch: Watch) -> Sequence[Verified]:
        views = self._of(names)
        with border(), self._aside(uuid4().hex, views) as aside:
            end = min(self._stands(view, self._number(HEAD)) for view in views)
            position = self._fold(aside, Folding(views), aside.make(), end, watch)
            # One snapshot shows the live rows and where they stand; what is missing aside is made up for within it.
            aside.connection.execute("SET default_transaction_isolation = 'repeatable read'")
            with aside.connection.transaction(force_rollback=True):
                return [self._compared(aside, view, position) for view in views]

    def position_at(self, moment: datetime | None) -> int:
        return self._number(HEAD) if moment is None else self._number(AT, moment=moment)

    @contextmanager
    def as_of(self, position: int, watch: Watch) -> Iterator[Views]:
        views = list(self._views.values())
        with border(), self._aside(uuid4().hex, views, beside=("operation_leases",)) as aside:
            self._fold(aside, Folding(views), aside.make(), position, watch)
            aside.finish()
            database = Database(aside.url, size=2)
            try:
                yield PostgresViews(database.shown(self._show), Settled(database))
            finally:
                database.close()

    def _of(self, names: Sequence[str]) -> list[View]:
        """The views of these names. Raises ProjectionNotFound."""
        for name in names:
            if name not in self._views:
                raise ProjectionNotFound(name, ", ".join(self._views))
        return [self._views[name] for name in names]

    @contextmanager
    def _aside(
        self, key: str, views: Sequence[View], *, keep: bool = False, beside: Sequence[str] = ()
    ) -> Iterator[Aside]:
        """Held, and cleared away at the end; kept after an interruption, if so asked, to be gone on with."""
        aside = Aside(self._url, key, [*(table for view in views for table in view.tables), *beside])
        if not aside.hold():
            aside.close(keep=True)
            raise ProjectionBusy(", ".join(view.name for view in views))
        try:
            yield aside
        except psycopg.errors.InsufficientPrivilege as error:
            aside.close()
            raise RebuildForbidden(reason_of(error)) from error
        except (Refusal, *AWAY) as error:
            aside.close(keep=keep and getattr(error, "retryable", True))
            raise
        except BaseException:
            aside.close()
            raise
        aside.close()

    def _fold(self, aside: Aside, folding: Folding, position: int, end: int | None, watch: Watch) -> int:
        """Goes over the log from the position to the end, or till it is close to its head; where it ended."""
        with ThreadPoolExecutor(1) as ahead, unhurried_collector():
            reading = ahead.submit(self._batch, position, end)
            while events := reading.result():
                reading = ahead.submit(self._batch, events[-1].position, end)
                with aside.connection.transaction():
                    folding.take(aside.connection, events)
                    position = events[-1].position
                    aside.advance(position)
                watch(position, max(position, end or self._number(HEAD)))
                if end is None and len(events) < CLOSE:
                    break
            reading.result()
        return position

    def _batch(self, after: int, end: int | None) -> tuple[Recorded, ...]:
        limit = BATCH if end is None else min(BATCH, end - after)
        return self._store.read(after, limit) if limit > 0 else ()

    def _switch(self, aside: Aside, views: Sequence[View], folding: Folding, position: int) -> int:
        """In one transaction: the last events, the tables, and where their followers go on from."""
        connection = aside.connection
        with connection.transaction():
            connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'".encode())
            connection.execute(b"SET LOCAL synchronous_commit = on")
            # Paused now, this process would keep everybody from writing.
            connection.execute(HASTE.encode())
            # An inline view's writers hold this lock while they write it; a follower its row of ``projections``.
            connection.execute(self._lock.encode())
            for name in (view.followed for view in views if view.followed):
                run(connection, Statement(ADVANCE, {"name": name, "position": position}))
            while events := self._store.read(position, BATCH):
                folding.take(connection, events)
                position = events[-1].position
            for name in (view.followed for view in views if view.followed):
                run(connection, Statement(ADVANCE, {"name": name, "position": position}))
            aside.switch()
        return position

    def _compared(self, aside: Aside, view: View, position: int) -> Verified:
        row = run(aside.connection, Statement(HEAD, {})).first
        assert row is not None
        end, folding = self._stands_in(aside, view, row["position"]), Folding([view])
        reached = position
        while events := self._batch(reached, end):
            folding.take(aside.connection, events)
            reached = events[-1].position
        rows, discrepancy = first_discrepancy(aside, view.tables)
        return Verified(view=view.name, position=end, rows=rows, discrepancy=discrepancy)

    def _stands(self, view: View, head: int) -> int:
        return head if view.followed is None else self._number(STANDS, name=view.followed)

    def _stands_in(self, aside: Aside, view: View, head: int) -> int:
        if view.followed is None:
            return head
        row = run(aside.connection, Statement(STANDS, {"name": view.followed})).first
        assert row is not None
        return int(row["position"])

    def _number(self, sql: str, **given: object) -> int:
        row = self._database.row(sql, given)
        assert row is not None
        return int(row["position"])


@contextmanager
def unhurried_collector() -> Iterator[None]:
    """Events and rows are many and have no cycles: looking for some takes as long as decoding them does."""
    before = gc.get_threshold()
    gc.set_threshold(OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
