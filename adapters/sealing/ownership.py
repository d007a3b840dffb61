"""Whose log it is: one database has one installation, whose keys signed its first checkpoint."""

import logging

from adapters.postgres.database import connected
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


def may_seal(url: str, keys: KeyFiles) -> bool:
    """Whether who has the keys stands for the seal's election: with those of another log, who can sign would lose it.

    Raises LogUnavailable.
    """
    if not keys.are_expected:
        return False
    with connected(url) as connection:
        owner = log_sealed_by_others(connection, keys)
    if owner is not None:
        log.error(
            "the log is sealed as %s, and %s is the key of another one: it is not sealed here", owner, keys.private
        )
    return owner is None
