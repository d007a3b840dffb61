"""The seal as readers ask for it."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

from psycopg.rows import DictRow

from adapters.postgres.database import Database
from adapters.postgres.statements import Connection
from adapters.sealing.events import EVENT, events
from adapters.sealing.signing import KeyFiles
from adapters.sealing.tiles import PostgresForest
from domain.audit.evidence import Frame, Scope
from domain.audit.notes import Signer, VerifierKey
from domain.audit.seal import Inclusion, SignedCheckpoint, Span
from domain.audit.tree import Tree
from domain.errors import SealKeyMissing

STREAMS = "event_streams_v1"
"""The view that says of which table each stream is."""

CHECKPOINT = "SELECT size, root, note, signed_at FROM seal_checkpoints "
LATEST = CHECKPOINT + "ORDER BY size DESC LIMIT 1"
AT = CHECKPOINT + "WHERE size = %(size)s"
COVERING = CHECKPOINT + "WHERE size >= %(size)s ORDER BY size LIMIT 1"
BEFORE = CHECKPOINT + "WHERE size < %(before)s ORDER BY size DESC LIMIT %(limit)s"
KNOWN = """
SELECT size, root, note, signed_at FROM seal_checkpoints
WHERE size <= (SELECT position FROM projections WHERE name = %(streams)s) ORDER BY size DESC LIMIT 1
"""
HEAD = "SELECT coalesce(max(notification_id), 0) AS position FROM stored_events"
TABLE_OF = "SELECT table_id FROM event_streams_v1 WHERE stream = %(stream)s"
ALARM = "SELECT message FROM seal_alarms"

ONE = EVENT + "WHERE notification_id = %(position)s"
WHERE = {
    "period": "WHERE notification_id BETWEEN split_part(%(subject)s, '-', 1)::bigint "
    "AND split_part(%(subject)s, '-', 2)::bigint",
    "table": "WHERE originator_id IN (SELECT stream FROM event_streams_v1 WHERE table_id = %(subject)s::uuid)",
    "migration": "WHERE originator_id = %(subject)s::uuid",
    "operation": "WHERE originator_id = %(subject)s::uuid",
}
SPAN = "SELECT min(notification_id) AS first, max(notification_id) AS last, count(*) AS events FROM stored_events "
RECORDED = SPAN + "WHERE recorded_at >= %(start)s AND recorded_at < %(end)s AND notification_id <= %(size)s"
AFTER = " AND notification_id > %(after)s AND notification_id <= %(size)s ORDER BY notification_id LIMIT %(limit)s"
BATCH = 2_000

MAX = 1 << 62


class PostgresSeal:
    """Implements ``Seal``."""

    def __init__(self, database: Database, keys: KeyFiles) -> None:
        self._database, self._keys = database, keys

    def head(self) -> int:
        row = self._database.row(HEAD, {})
        assert row is not None
        return int(row["position"])

    def latest(self) -> SignedCheckpoint | None:
        return _checkpoint(self._database.row(LATEST, {}))

    def known(self) -> SignedCheckpoint | None:
        return _checkpoint(self._database.row(KNOWN, {"streams": STREAMS}))

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
            batch = events(connection, ONE, position=position)
            assert batch, f"position {position} is missing from the log"
            path = Tree(PostgresForest(connection), checkpoint.size).inclusion(position - 1)
            return Inclusion(batch[0], path, checkpoint)

        return self._database.read(found)

    def recorded(self, start: datetime, end: datetime, size: int) -> Span | None:
        return _span(self._database.row(RECORDED, {"start": start, "end": end, "size": size}))

    def span(self, scope: Scope, size: int) -> Span | None:
        statement = f"{SPAN}{WHERE[scope.kind]} AND notification_id <= %(size)s"
        return _span(self._database.row(statement, {"subject": scope.subject, "size": size}))

    def table_of(self, stream: UUID) -> UUID | None:
        row = self._database.row(TABLE_OF, {"stream": stream})
        return None if row is None else UUID(str(row["table_id"]))

    def evidence(self, scope: Scope, checkpoint: SignedCheckpoint) -> Iterator[Inclusion]:
        """Batch by batch: whoever takes their time with the events holds no connection meanwhile."""
        after = 0
        while batch := self._batch(scope, checkpoint, after):
            yield from batch
            after = batch[-1].event.entry.position

    def frame(self, first: SignedCheckpoint, last: SignedCheckpoint) -> Frame:
        proof = self.consistency(first.size, last.size)
        origin = last.note.partition("\n")[0]
        return Frame(origin, first.note, last.note, proof, *self.keys())

    def signer(self) -> Signer:
        try:
            return self._keys.load()
        except FileNotFoundError:
            raise SealKeyMissing(str(self._keys.private)) from None

    def keys(self) -> tuple[Sequence[VerifierKey], Sequence[str]]:
        return self._keys.known(), self._keys.rotations()

    def alarm(self) -> str | None:
        row = self._database.row(ALARM, {})
        return None if row is None else str(row["message"])

    def _batch(self, scope: Scope, checkpoint: SignedCheckpoint, after: int) -> list[Inclusion]:
        values = {"subject": scope.subject, "after": after, "size": checkpoint.size, "limit": BATCH}

        def found(connection: Connection) -> list[Inclusion]:
            tree = Tree(PostgresForest(connection), checkpoint.size)
            batch = events(connection, EVENT + WHERE[scope.kind] + AFTER, **values)
            return [Inclusion(event, tree.inclusion(event.entry.position - 1), checkpoint) for event in batch]

        return self._database.read(found)


def _checkpoint(row: DictRow | None) -> SignedCheckpoint | None:
    return None if row is None else SignedCheckpoint(row["size"], bytes(row["root"]), row["note"], row["signed_at"])


def _span(row: DictRow | None) -> Span | None:
    return Span(row["first"], row["last"], row["events"]) if row and row["events"] else None
