"""The seal as readers ask for it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from psycopg.rows import DictRow

from adapters.postgres.database import Connection, Database, Statement, border, run
from adapters.sealing.sealer import entry_of_row
from adapters.sealing.signing import KeyFiles
from adapters.sealing.tiles import PostgresForest
from domain.audit.evidence import Frame, Scope, Sealed
from domain.audit.notes import Signer
from domain.audit.seal import Inclusion, SignedCheckpoint
from domain.audit.tree import Tree

CHECKPOINT = "SELECT size, root, note, signed_at FROM seal_checkpoints "
LATEST = CHECKPOINT + "ORDER BY size DESC LIMIT 1"
AT = CHECKPOINT + "WHERE size = %(size)s"
COVERING = CHECKPOINT + "WHERE size >= %(size)s ORDER BY size LIMIT 1"
BEFORE = CHECKPOINT + "WHERE size < %(before)s ORDER BY size DESC LIMIT %(limit)s"
ALARM = "SELECT message FROM seal_alarms"

EVENT = "SELECT notification_id, recorded_at, originator_id, originator_version, topic, state FROM stored_events "
ONE = EVENT + "WHERE notification_id = %(position)s"
WHERE = {
    "period": "WHERE notification_id BETWEEN split_part(%(subject)s, '-', 1)::bigint "
    "AND split_part(%(subject)s, '-', 2)::bigint",
    "table": "WHERE originator_id IN (SELECT stream FROM event_streams_v1 WHERE table_id = %(subject)s::uuid)",
    "migration": "WHERE originator_id = %(subject)s::uuid",
    "operation": "WHERE originator_id = %(subject)s::uuid",
}
AFTER = " AND notification_id > %(after)s AND notification_id <= %(size)s ORDER BY notification_id LIMIT %(limit)s"
BATCH = 2_000

MAX = 1 << 62


class PostgresSeal:
    """Implements ``Seal``."""

    def __init__(self, database: Database, keys: KeyFiles) -> None:
        self._database, self._keys = database, keys

    def latest(self) -> SignedCheckpoint | None:
        return _checkpoint(self._database.row(LATEST, {}))

    def checkpoints(self, limit: int, before: int | None) -> Sequence[SignedCheckpoint]:
        rows = self._database.rows(BEFORE, {"before": before or MAX, "limit": limit})
        return [found for row in rows if (found := _checkpoint(row))]

    def checkpoint(self, size: int) -> SignedCheckpoint | None:
        return _checkpoint(self._database.row(AT, {"size": size}))

    def covering(self, position: int) -> SignedCheckpoint | None:
        return _checkpoint(self._database.row(COVERING, {"size": position}))

    def consistency(self, earlier: int, size: int) -> Sequence[bytes]:
        return self._database.read(lambda connection: Tree(PostgresForest(connection), size).consistency(earlier))

    def inclusion(self, position: int, checkpoint: SignedCheckpoint) -> Inclusion:
        def found(connection: Connection) -> Inclusion:
            row = run(connection, Statement(ONE, {"position": position})).fetchone()
            assert row is not None, f"position {position} is missing from the log"
            path = Tree(PostgresForest(connection), checkpoint.size).inclusion(position - 1)
            return Inclusion(_sealed(row), path, checkpoint)

        return self._database.read(found)

    def evidence(self, scope: Scope, checkpoint: SignedCheckpoint) -> Iterator[Inclusion]:
        """Holds a connection until the last event is taken."""
        with self._connection() as connection:
            tree, after = Tree(PostgresForest(connection), checkpoint.size), 0
            while rows := self._events(connection, scope, after, checkpoint.size):
                for row in rows:
                    event = _sealed(row)
                    yield Inclusion(event, tree.inclusion(event.entry.position - 1), checkpoint)
                after = rows[-1]["notification_id"]

    def frame(self, first: SignedCheckpoint, last: SignedCheckpoint) -> Frame:
        proof = self.consistency(first.size, last.size)
        origin = last.note.partition("\n")[0]
        return Frame(origin, first.note, last.note, proof, self._keys.known(), self._keys.rotations())

    def signer(self) -> Signer | None:
        return self._keys.load() if self._keys.private.exists() else None

    def alarm(self) -> str | None:
        row = self._database.row(ALARM, {})
        return None if row is None else str(row["message"])

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        with border(), self._database.pool.connection() as connection:
            yield connection

    def _events(self, connection: Connection, scope: Scope, after: int, size: int) -> list[DictRow]:
        values = {"subject": scope.subject, "after": after, "size": size, "limit": BATCH}
        return run(connection, Statement(EVENT + WHERE[scope.kind] + AFTER, values)).fetchall()


def _checkpoint(row: DictRow | None) -> SignedCheckpoint | None:
    return None if row is None else SignedCheckpoint(row["size"], bytes(row["root"]), row["note"], row["signed_at"])


def _sealed(row: DictRow) -> Sealed:
    return Sealed(entry_of_row(row), bytes(row["state"]))
