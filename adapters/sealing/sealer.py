"""The sealer: grows the tree over the log, batch by batch, and signs what it has become. One of all processes does.

No writer waits for it. It signs nothing that does not go on from what was published before, here or outside: it stops
then, and says so until somebody looks.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from adapters.postgres.statements import Connection, Statement, run
from adapters.sealing.copy import OutsideCopy
from adapters.sealing.events import NEXT, events
from adapters.sealing.signing import KeyFiles, verify_ed25519
from adapters.sealing.tiles import PostgresForest, grown, store
from domain.audit.notes import Checkpoint, NoteDamaged, opened, parse_checkpoint, signed
from domain.audit.tree import Tree, leaf_hash

log = logging.getLogger("schemaledger.seal")

NAME = "seal"
"""Of its progress among that of the views."""
BATCH = 5_000
"""Events between two checkpoints at most."""

LAST = "SELECT size, note FROM seal_checkpoints ORDER BY size DESC LIMIT 1"
PUBLISH = "INSERT INTO seal_checkpoints (size, root, note) VALUES (%(size)s, %(root)s, %(note)s)"
ADVANCE = """
INSERT INTO projections (name, position) VALUES (%(name)s, %(position)s)
ON CONFLICT (name) DO UPDATE SET position = excluded.position
"""
ALARM = "SELECT message FROM seal_alarms"
STOPPED = """
INSERT INTO seal_alarms (message) VALUES (%(message)s)
ON CONFLICT (single) DO UPDATE SET message = excluded.message, raised_at = clock_timestamp()
"""
GOING_ON = "DELETE FROM seal_alarms"


class SealStopped(Exception):
    """The log is not what was sealed before. Says what does not fit."""


@dataclass(frozen=True)
class Sealer:
    """``alarm`` is told why it has stopped, at least once, before anybody else is."""

    keys: KeyFiles
    outside: OutsideCopy
    alarm: Callable[[str], object] = str

    def advance(self, connection: Connection) -> bool:
        """Seals one batch. False: nothing was left to seal, or it has stopped."""
        try:
            return self._advance(connection)
        except (SealStopped, LookupError, NoteDamaged, OSError) as stop:
            self._stopped(connection, str(stop))
            return False

    def _stopped(self, connection: Connection, message: str) -> None:
        known = run(connection, Statement(ALARM, {})).first
        if known is None or known["message"] != message:
            log.error("the seal has stopped: %s", message)
            self.alarm(message)
            run(connection, Statement(STOPPED, {"message": message}))

    def _advance(self, connection: Connection) -> bool:
        last = self._last(connection)
        size = last.size if last else 0
        entries = [event.entry for event in events(connection, NEXT, after=size, limit=BATCH)]
        if [entry.position for entry in entries] != list(range(size + 1, size + 1 + len(entries))):
            raise SealStopped(f"positions are missing from the log after {size}")
        if not entries:
            run(connection, Statement(GOING_ON, {}))
            return False
        key = self.keys.load()
        forest = PostgresForest(connection)
        self._check(forest, last)
        tiles = grown(forest, size, [leaf_hash(entry.encoded()) for entry in entries])
        size += len(entries)
        root = Tree(PostgresForest(connection, tiles), size).root()
        note = signed(Checkpoint(key.vkey.name, size, root).text(), key)
        with connection.transaction():
            store(connection, tiles)
            run(connection, Statement(PUBLISH, {"size": size, "root": root, "note": note}))
            run(connection, Statement(ADVANCE, {"name": NAME, "position": size}))
            run(connection, Statement(GOING_ON, {}))
        self.outside.add(note)
        return True

    def _last(self, connection: Connection) -> Checkpoint | None:
        """The last checkpoint of the database. Raises SealStopped unless it is ours and that of the outside copy."""
        row = run(connection, Statement(LAST, {})).first
        here = self._opened(row["note"]) if row else None
        note = self.outside.last()
        there = self._opened(note) if note else None
        if there is not None and (here is None or there.size > here.size):
            raise SealStopped(
                f"the outside copy ends with a checkpoint of {there.size} events, the database with one of "
                f"{here.size if here else 0}: events that were sealed are gone, after a restore perhaps"
            )
        if here is not None and there is not None and here.size == there.size and here != there:
            raise SealStopped(f"the outside copy has another root for {here.size} events than the database")
        if row and here is not None and (there is None or there.size < here.size):
            self.outside.add(row["note"])
        return here

    def _opened(self, note: str) -> Checkpoint:
        known = self.keys.known()
        try:
            text, by = opened(note, known, verify_ed25519)
            checkpoint = parse_checkpoint(text)
        except NoteDamaged as damage:
            raise SealStopped(
                f"the last checkpoint was not signed with a key of {self.keys.public}: {damage}"
            ) from None
        if checkpoint.origin != by[0].name:
            raise SealStopped(f"the last checkpoint is of log {checkpoint.origin}, signed with the key of {by[0].name}")
        return checkpoint

    def _check(self, forest: PostgresForest, last: Checkpoint | None) -> None:
        if last is not None and Tree(forest, last.size).root() != last.root:
            raise SealStopped(f"the tree is no longer the one that the checkpoint of {last.size} events was signed for")
