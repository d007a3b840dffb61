"""Holding on to a lease while the work goes on, from a thread of its own."""

import logging
from contextvars import copy_context
from datetime import timedelta
from threading import Event, Thread
from types import TracebackType

from api.vigil import Vigil
from domain.errors import LogUnavailable
from domain.ports import Lease, Leases

log = logging.getLogger("schemaledger.worker")


class Heartbeat:
    """Renews each third of the term. ``lost`` is set once another worker has the lease, or is to have it.

    That is when the attempt does not get on: the lease runs out then, and fences it off should it wake up.
    """

    def __init__(self, leases: Leases, lease: Lease, term: timedelta, vigil: Vigil) -> None:
        self.lost = Event()
        self._leases, self._lease, self._term, self._vigil = leases, lease, term, vigil
        self._done = Event()
        # In a copy of the context: its lines in the log are about the same operation.
        self._thread = Thread(target=copy_context().run, args=(self._beat,), name="heartbeat", daemon=True)

    def __enter__(self) -> "Heartbeat":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._done.wait(self._term.total_seconds() / 3):
            try:
                if not self._leases.renew(self._lease, self._term):
                    self.lost.set()
                    return
                if self._vigil.is_quiet:
                    log.error("operation %s does not get on: its lease is left to run out", self._lease.operation_id)
                    self.lost.set()
                    return
            except LogUnavailable as refusal:
                # Nobody else can take the lease while the database is away; the log decides once it is back.
                log.warning("lease of operation %s not renewed: %s", self._lease.operation_id, refusal)
