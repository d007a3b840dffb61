"""What an attempt has prepared: at hand for publishing, and kept durably for the attempt after it."""

import logging
from collections.abc import Iterable

from domain.errors import LogUnavailable
from domain.ports import Lease, Workbench

log = logging.getLogger("schemaledger.worker")


class Kept:
    """``outcomes`` are by unit name; ``inherited`` are the names of those that an earlier attempt prepared."""

    def __init__(self, workbench: Workbench, lease: Lease) -> None:
        self._workbench, self._lease = workbench, lease
        self.outcomes = workbench.kept(lease.operation_id)
        self.inherited = frozenset(self.outcomes)

    def add(self, name: str, outcome: bytes) -> None:
        self.outcomes[name] = outcome
        try:
            self._workbench.keep(self._lease, name, outcome)
        except LogUnavailable as refusal:
            # It is at hand all the same; only an attempt after a kill would have to do it again.
            log.warning("unit %s of operation %s is not kept: %s", name, self._lease.operation_id, refusal)

    def drop(self, names: Iterable[str]) -> None:
        dropped = [name for name in names if self.outcomes.pop(name, None) is not None]
        try:
            self._workbench.forget(self._lease, dropped)
        except LogUnavailable as refusal:
            # Found again, it is seen to be stale again.
            log.warning("units of operation %s are not forgotten: %s", self._lease.operation_id, refusal)
