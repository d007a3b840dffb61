"""The sealer: grows the tree over the log, batch by batch, and signs what it has become. One of all processes does.

No writer waits for it. It signs nothing that does not go on from what was published before, here or outside: it stops
then, and says so until somebody looks. It looks also while nothing is new.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from adapters.postgres.statements import Connection, Statement, run
from adapters.sealing.copy import OutsideCopy, size_of
from adapters.sealing.events import NEXT, events
from adapters.sealing.signing import KeyFiles, SigningKey
from adapters.sealing.standing import LAST, SealStopped, Standing, checkpoint_of, compare_log, signing_key, standing
from adapters.sealing.tiles import PostgresForest, grown, store
from domain.audit.notes import Checkpoint, NoteDamaged, signed
from domain.audit.tree import Tree, leaf_hash

log = logging.getLogger("schemaledger.seal")

NAME = "seal"
"""Of its progress among that of the views."""
BATCH = 5_000
"""Events between two checkpoints at most."""

PUBLISH = "INSERT INTO seal_checkpoints (size, root, note) VALUES (%(size)s, %(root)s, %(note)s)"
ADVANCE = """
INSERT INTO projections (name, position) VALUES (%(name)s, %(position)s)
ON CONFLICT (name) DO UPDATE SET position = excluded.position
"""
COPIED = """
INSERT INTO seal_copies (size, bytes) VALUES (%(size)s, %(bytes)s)
ON CONFLICT (single) DO UPDATE SET size = excluded.size, bytes = excluded.bytes
"""
NOTES = "SELECT note FROM seal_checkpoints ORDER BY size"
ALARM = "SELECT message FROM seal_alarms"
STOPPED = """
INSERT INTO seal_alarms (message) VALUES (%(message)s)
ON CONFLICT (single) DO UPDATE SET message = excluded.message, raised_at = clock_timestamp()
"""
GOING_ON = "DELETE FROM seal_alarms"


@dataclass(frozen=True)
class Sealer:
    """``alarm`` is told why it has stopped, at least once, before anybody else is."""

    keys: KeyFiles
    outside: OutsideCopy
    alarm: Callable[[str], object] = str

    def advance(self, connection: Connection) -> bool:
        """Seals one batch. False: nothing was left to seal, or it has stopped."""
        return self._sealed(connection) > 0

    def has_more(self, connection: Connection) -> bool:
        """Seals one batch, and whether another waits already: what comes within a second is sealed at once."""
        return self._sealed(connection) == BATCH

    def problem(self, connection: Connection) -> str | None:
        """Why nothing could be sealed now; None: all is well. Changes nothing."""
        try:
            self._look(connection)
        except (SealStopped, LookupError, NoteDamaged, OSError) as stop:
            return str(stop)
        return None

    def write_copy_anew(self, connection: Connection) -> Path | None:
        """The outside copy, from what the database has: what was known only outside is in it no more.

        Where the file before is kept, if there was one. Raises OSError, also where there is no folder, and SealStopped
        where the database itself does not go on from what was signed.
        """
        signing_key(self.keys)
        if row := run(connection, Statement(LAST, {})).first:
            compare_log(connection, checkpoint_of(row["note"], self.keys))
        before = self.outside.write_anew(row["note"] for row in run(connection, Statement(NOTES, {})).rows)
        last = self.outside.last()
        self._note_copied(connection, size_of(last) if last else 0)
        return before

    def _sealed(self, connection: Connection) -> int:
        """How many events were sealed."""
        try:
            return self._seal(connection)
        except (SealStopped, LookupError, NoteDamaged, OSError) as stop:
            self._stopped(connection, str(stop))
            return 0

    def _stopped(self, connection: Connection, message: str) -> None:
        known = run(connection, Statement(ALARM, {})).first
        if known is None or known["message"] != message:
            log.error("the seal has stopped: %s", message)
            self.alarm(message)
            run(connection, Statement(STOPPED, {"message": message}))

    def _look(self, connection: Connection) -> tuple[Standing, SigningKey]:
        key = signing_key(self.keys)
        return standing(connection, self.keys, self.outside), key

    def _seal(self, connection: Connection) -> int:
        found, key = self._look(connection)
        if found.is_first:
            self.outside.begin()
            self._note_copied(connection, 0)
        elif not found.is_copied and found.last is not None and found.note is not None:
            self._copy(connection, found.last.size, found.note)
        size = found.last.size if found.last else 0
        entries = [event.entry for event in events(connection, NEXT, after=size, limit=BATCH)]
        if [entry.position for entry in entries] != list(range(size + 1, size + 1 + len(entries))):
            raise SealStopped(f"positions are missing from the log after {size}")
        if entries:
            leaves = [leaf_hash(entry.encoded()) for entry in entries]
            note = self._publish(connection, key, size, leaves)
            self._copy(connection, size + len(entries), note)
        run(connection, Statement(GOING_ON, {}))
        return len(entries)

    def _publish(self, connection: Connection, key: SigningKey, size: int, leaves: list[bytes]) -> str:
        tiles = grown(PostgresForest(connection), size, leaves)
        size += len(leaves)
        root = Tree(PostgresForest(connection, tiles), size).root()
        note = signed(Checkpoint(key.vkey.name, size, root).text(), key)
        with connection.transaction():
            store(connection, tiles)
            run(connection, Statement(PUBLISH, {"size": size, "root": root, "note": note}))
            run(connection, Statement(ADVANCE, {"name": NAME, "position": size}))
        return note

    def _copy(self, connection: Connection, size: int, note: str) -> None:
        # It is there when a process ended before it could say so.
        if self.outside.last() != note:
            self.outside.add(note)
        self._note_copied(connection, size)

    def _note_copied(self, connection: Connection, size: int) -> None:
        run(connection, Statement(COPIED, {"size": size, "bytes": self.outside.length()}))
