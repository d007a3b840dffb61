"""What workers do beside their work: mend leases, look for drift, tidy tables, forget what is old. One of all does."""

import logging
from collections.abc import Callable
from datetime import timedelta
from threading import Event, Thread

from domain.errors import LogUnavailable
from domain.facts import Origin
from domain.handlers.alarms import look_for_drift_in
from domain.handlers.approving import expire_approvals
from domain.handlers.house import House
from domain.handlers.housekeeping import all_tables, tidy_tables
from domain.handlers.witnessing import settle_tallies
from domain.ports import Chores

log = logging.getLogger("schemaledger.housekeeper")

SECONDS_BETWEEN_LOOKS = 30.0
LEASES, OPERATIONS, TABLES = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
APPROVALS = timedelta(minutes=1)
TALLIES = timedelta(minutes=10)
WEBHOOKS = timedelta(hours=1)
CHECKPOINTS = timedelta(hours=1)
"""How often each chore is due, over all processes."""


KEEP_DELIVERIES = timedelta(days=30)
"""How long it is known what became of a webhook's messages."""


class Housekeeper:
    """``keep_operations``: how long operations that ended are listed, None for ever.

    ``approve_within``: how long a migration waits for approval before it is rejected by itself. ``drift_every``: how
    often all tables are compared with the log, None for never.
    """

    def __init__(
        self,
        house: House,
        chores: Chores,
        keep_operations: timedelta | None,
        approve_within: timedelta = timedelta(days=7),
        drift_every: timedelta | None = None,
    ) -> None:
        self._house, self._chores, self._keep_operations = house, chores, keep_operations
        self._approve_within, self._drift_every = approve_within, drift_every
        self._stop = Event()
        self._thread = Thread(target=self._work, name="housekeeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Does not wait: a chore that is cut off is done at its next turn."""
        self._stop.set()

    def round(self) -> None:
        """Does what is due."""
        self._chore("leases", LEASES, self._mend)
        self._chore("operations", OPERATIONS, self._forget)
        self._chore("approvals", APPROVALS, self._expire)
        self._chore("tallies", TALLIES, self._settle)
        self._chore("webhooks", WEBHOOKS, self._clear)
        self._chore("checkpoints", CHECKPOINTS, self._thin)
        if self._drift_every is not None:
            self._chore("drift", self._drift_every, self._compare)
        self._chore("tables", TABLES, self._tidy)

    def _work(self) -> None:
        while not self._stop.wait(SECONDS_BETWEEN_LOOKS):
            try:
                self.round()
            except LogUnavailable as refusal:
                log.warning("%s", refusal)
            except Exception:
                # A chore is nobody's operation: it must not end the worker, and it comes again.
                log.exception("housekeeping")

    def _chore(self, name: str, every: timedelta, act: Callable[[], None]) -> None:
        if self._chores.due(name, every):
            act()

    def _mend(self) -> None:
        if mended := self._chores.mend_leases():
            log.warning("%s leases were not as the operations say, and are mended", mended)

    def _expire(self) -> None:
        if expired := expire_approvals(self._house, self._approve_within):
            log.info("%s migrations were not approved in time, and are rejected", expired)

    def _forget(self) -> None:
        if self._keep_operations is not None and (gone := self._chores.forget_operations(self._keep_operations)):
            log.info("%s operations that ended long ago are no longer listed", gone)

    def _settle(self) -> None:
        if settled := settle_tallies(self._house):
            log.warning("%s times a caller was refused, or read the trail, so often that the rest was counted", settled)

    def _clear(self) -> None:
        forgotten, secrets = (
            self._house.webhooks.forget_deliveries(KEEP_DELIVERIES),
            self._house.webhooks.forget_secrets(),
        )
        if forgotten or secrets:
            log.info("%s old deliveries and %s secrets that sign nothing are forgotten", forgotten, secrets)

    def _thin(self) -> None:
        if thinned := self._chores.thin_checkpoints():
            log.info("%s old checkpoints are no longer kept here: later ones cover what they did", thinned)

    def _compare(self) -> None:
        tables = (table.table_id for table in all_tables(self._house))
        if drifted := look_for_drift_in(self._house, tables, Origin()):
            log.warning("%s tables were changed outside", drifted)

    def _tidy(self) -> None:
        tidied = tidy_tables(self._house)
        log.info("%s tables tidied, %s bytes removed", tidied.tables, tidied.bytes_removed)
