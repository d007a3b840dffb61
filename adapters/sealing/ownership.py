"""Whose log it is: one database has one installation, whose keys signed its first checkpoint."""

import logging

from adapters.postgres.statements import Connection, Statement, run
from adapters.sealing.signing import KeyFiles

log = logging.getLogger("schemaledger.seal")

FIRST = "SELECT note FROM seal_checkpoints ORDER BY size LIMIT 1"
"""No role that the service runs as can change it."""


def log_sealed_by_others(connection: Connection, keys: KeyFiles) -> str | None:
    """The name under which the log is sealed, if that is none of the keys'. None: it is ours, or not sealed yet."""
    first = run(connection, Statement(FIRST, {})).first
    if first is None:
        return None
    name = str(first["note"]).partition("\n")[0]
    return None if name in {key.name for key in keys.known()} else name


class Owner:
    """Who stands for the seal's election: with the keys of another log it would keep from it who can sign."""

    def __init__(self, keys: KeyFiles) -> None:
        self._keys, self._told = keys, False

    def stands(self, connection: Connection) -> bool:
        owner = log_sealed_by_others(connection, self._keys)
        if owner is not None and not self._told:
            self._told = True
            key = self._keys.private
            log.error("the log is sealed as %s, and %s is the key of another one: it is not sealed here", owner, key)
        return owner is None
