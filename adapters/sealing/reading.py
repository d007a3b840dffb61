"""The seal as readers ask for it."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from psycopg.rows import DictRow

from adapters.postgres.database import Database
from adapters.postgres.statements import Connection, Statement, run
from adapters.sealing.copy import OutsideCopy
from adapters.sealing.events import EVENT, events
from adapters.sealing.proving import ProvenTree, provable
from adapters.sealing.signing import KeyFiles
from adapters.sealing.standing import SealStopped, checkpoint_of, compare_log, signing_key, standing
from domain.audit.entry import Sealed
from domain.audit.evidence import Frame, Scope
from domain.audit.notes import Checkpoint, NoteDamaged, Signer, VerifierKey, parse_checkpoint
from domain.audit.seal import Inclusion, SignedCheckpoint, Span
from domain.errors import NotProvable, SealKeyMissing

T = TypeVar("T")

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
    """Implements ``Seal``. ``outside`` is looked at where it can be reached from here."""

    def __init__(self, database: Database, keys: KeyFiles, outside: OutsideCopy | None = None) -> None:
        self._database, self._keys, self._outside = database, keys, outside

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

    def consistency(self, earlier: int, checkpoint: SignedCheckpoint) -> Sequence[bytes]:
        return self._in_tree(checkpoint, lambda _, tree: tree.consistency(earlier))

    def root_at(self, size: int, checkpoint: SignedCheckpoint) -> bytes:
        return self._in_tree(checkpoint, lambda _, tree: tree.root_at(size))

    def inclusion(self, position: int, checkpoint: SignedCheckpoint) -> Inclusion:
        found = self._in_tree(checkpoint, _proven(checkpoint, ONE, position=position))
        if not found:
            raise NotProvable(f"position {position} is missing from the log")
        return found[0]

    def recorded(self, start: datetime, end: datetime, size: int) -> Span | None:
        return _span(self._database.row(RECORDED, {"start": start, "end": end, "size": size}))

    def span(self, scope: Scope, size: int) -> Span | None:
        statement = f"{SPAN}{WHERE[scope.kind]} AND notification_id <= %(size)s"
        return _span(self._database.row(statement, {"subject": scope.subject, "size": size}))

    def table_of(self, stream: UUID) -> UUID | None:
        row = self._database.row(TABLE_OF, {"stream": stream})
        return None if row is None else UUID(str(row["table_id"]))

    def evidence(self, scope: Scope, checkpoint: SignedCheckpoint) -> Iterator[Inclusion]:
        """Batch by batch: a reader that takes its time with the events holds no connection meanwhile."""
        after, sql, values = 0, *_of(scope, checkpoint)
        while batch := self._in_tree(checkpoint, _proven(checkpoint, sql, **values, after=after)):
            yield from batch
            after = batch[-1].event.entry.position

    def events(self, scope: Scope, checkpoint: SignedCheckpoint) -> Iterator[Sealed]:
        after, sql, values = 0, *_of(scope, checkpoint)
        while batch := self._in_tree(checkpoint, _compared(sql, **values, after=after)):
            yield from batch
            after = batch[-1].entry.position

    def frame(self, first: SignedCheckpoint, last: SignedCheckpoint) -> Frame:
        if self._signed(first).root != self.root_at(first.size, last):
            raise NotProvable(f"the checkpoint of {first.size} events was signed for another log")
        proof = self.consistency(first.size, last)
        return Frame(self._signed(last).origin, first.note, last.note, proof, *self.keys())

    def signer(self) -> Signer:
        if not self._keys.private.exists():
            raise SealKeyMissing(str(self._keys.private))
        try:
            return signing_key(self._keys)
        except SealStopped as stop:
            raise NotProvable(str(stop)) from None

    def keys(self) -> tuple[Sequence[VerifierKey], Sequence[str]]:
        return self._keys.known(), self._keys.rotations()

    def alarm(self) -> str | None:
        row = self._database.row(ALARM, {})
        return None if row is None else str(row["message"])

    def problem(self) -> str | None:
        """As the sealer last said, or as it would now."""
        if (alarm := self.alarm()) is not None:
            return alarm
        try:
            self._database.read(self._look)
        except NotProvable as found:
            return found.reason
        except (SealStopped, OSError) as found:
            return str(found)
        return None

    def _look(self, connection: Connection) -> None:
        outside = self._outside
        # A process elsewhere may reach no copy. That one is lost is for the sealer to say, who writes it.
        if outside is not None and self._keys.are_expected and outside.path.exists():
            standing(connection, self._keys, outside)
        elif (last := _checkpoint(run(connection, Statement(LATEST, {})).first)) is not None:
            compare_log(connection, self._signed(last))

    def _in_tree(self, checkpoint: SignedCheckpoint, work: Callable[[Connection, ProvenTree], T]) -> T:
        """What is found in the tree that was signed. Raises NotProvable where another one is stored."""
        signed = self._signed(checkpoint)
        with provable():
            return self._database.read(lambda connection: work(connection, ProvenTree(connection, signed)))

    def _signed(self, checkpoint: SignedCheckpoint) -> Checkpoint:
        """What the note says, which was signed; not what stands beside it. Raises NotProvable."""
        try:
            if self._keys.known():
                return checkpoint_of(checkpoint.note, self._keys)
            return parse_checkpoint(checkpoint.note.rpartition("\n\n")[0] + "\n")
        except (SealStopped, NoteDamaged) as damage:
            raise NotProvable(str(damage)) from None


def _proven(
    checkpoint: SignedCheckpoint, sql: str, **values: Any
) -> Callable[[Connection, ProvenTree], list[Inclusion]]:
    def found(connection: Connection, tree: ProvenTree) -> list[Inclusion]:
        return [Inclusion(event, tree.path(event), checkpoint) for event in events(connection, sql, **values)]

    return found


def _compared(sql: str, **values: Any) -> Callable[[Connection, ProvenTree], list[Sealed]]:
    return lambda connection, tree: [tree.compared(event) for event in events(connection, sql, **values)]


def _of(scope: Scope, checkpoint: SignedCheckpoint) -> tuple[str, dict[str, Any]]:
    """The events of a scope that the checkpoint covers, but for where to go on."""
    return EVENT + WHERE[scope.kind] + AFTER, {"subject": scope.subject, "size": checkpoint.size, "limit": BATCH}


def _checkpoint(row: DictRow | None) -> SignedCheckpoint | None:
    return None if row is None else SignedCheckpoint(row["size"], bytes(row["root"]), row["note"], row["signed_at"])


def _span(row: DictRow | None) -> Span | None:
    return Span(row["first"], row["last"], row["events"]) if row and row["events"] else None
