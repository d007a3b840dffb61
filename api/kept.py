"""What an attempt has prepared: at hand for publishing, and kept durably for the attempt after it."""

import logging
from collections.abc import Iterable, Mapping

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

    def drop(self, names: Iterable[str]) -> Mapping[str, bytes]:
        """Uses these no more. Returns those that nobody else will use either, so that their files may go.

        In this order: a process that is paused in the midst of it would remove what others have published meanwhile.
        """
        dropped = {name: self.outcomes.pop(name) for name in tuple(names) if name in self.outcomes}
        try:
            mine = not dropped or self._workbench.forget(self._lease, list(dropped))
        except LogUnavailable as refusal:
            # Found again, they are seen to be stale again; and what stays for good is tidied away.
            log.warning("units of operation %s are not forgotten: %s", self._lease.operation_id, refusal)
            return {}
        return dropped if mine else {}
