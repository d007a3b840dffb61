"""Looking through the whole log: whether it is what was sealed, here and outside."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from heapq import merge
from typing import NamedTuple

from adapters.postgres.statements import Connection, Statement, run
from adapters.sealing.copy import OutsideCopy, size_of
from adapters.sealing.events import NEXT, events
from adapters.sealing.signing import KeyFiles, verify_ed25519
from adapters.sealing.tiles import PostgresForest
from domain.audit.notes import NoteDamaged, opened, parse_checkpoint
from domain.audit.tree import EMPTY, TILE_WIDTH, Growing, Tree, leaf_hash

DATABASE, OUTSIDE = "the database", "the outside copy"
BATCH = 20 * TILE_WIDTH
"""Events read at once."""

NOTES = "SELECT size, note FROM seal_checkpoints WHERE size > %(after)s ORDER BY size LIMIT 1000"
COPIED = "SELECT size FROM seal_copies"
COUNT = "SELECT count(*) AS events, coalesce(max(notification_id), 0) AS last FROM stored_events"

Tell = Callable[[int, int], object]
"""Told how many events were looked at, of how many."""


class _Kept(NamedTuple):
    size: int
    place: str
    note: str


class _Leaf(NamedTuple):
    """Of a position: what its event hashes to now, and what the stored tree holds; None where there is nothing."""

    position: int
    now: bytes | None
    then: bytes | None

    @property
    def changed(self) -> bool:
        return self.then is not None and self.now != self.then


@dataclass
class Inspection:
    """``problems`` yields what does not fit, a sentence each; the counts say afterwards what was looked at."""

    connection: Connection
    keys: KeyFiles
    outside: OutsideCopy
    events: int = 0
    checkpoints: int = 0
    sealed: int = 0
    _root: bytes = EMPTY
    """Of the last checkpoint."""
    _now: Growing = field(default_factory=Growing)
    _then: Growing = field(default_factory=Growing)
    _copied: int = 0
    """The last checkpoint that the outside copy was given."""
    _outside_at: int = 0
    """The last one found there."""
    _suspects: list[_Leaf] = field(default_factory=list)
    """Changed leaves since the last checkpoint: it tells whether the event or the tree was changed."""

    def problems(self, tell: Tell) -> Iterator[str]:
        # Of equal sizes the outside one comes first: what is here is missed there only after it.
        kept = merge(self._outside(), self._here(), key=lambda each: each.size)
        awaited = next(kept, None)
        yield from self._begun()
        for leaf in self._leaves(tell):
            if leaf.now is None:
                yield f"position {leaf.position} is missing from the log"
            if leaf.changed:
                self._suspects.append(leaf)
            self._now.add(leaf.now or leaf.then or b"")
            self._then.add(leaf.then or leaf.now or b"")
            while awaited is not None and awaited.size <= leaf.position:
                yield from self._compared(awaited)
                awaited = next(kept, None)
        yield from (f"the event of position {leaf.position} is not the one the tree holds" for leaf in self._suspects)
        while awaited is not None:
            yield f"{_named(awaited)} covers more than the log holds, which ends with position {self._now.size}"
            awaited = next(kept, None)
        yield from self._upper_tiles()

    def _compared(self, kept: _Kept) -> Iterator[str]:
        self.checkpoints += 1
        yield from self._lacked(kept)
        try:
            text, _ = opened(kept.note, self.keys.known(), verify_ed25519)
            checkpoint = parse_checkpoint(text)
        except NoteDamaged as damage:
            yield f"{_named(kept)} is not one of ours: {damage}"
            return
        self.sealed, self._root = checkpoint.size, checkpoint.root
        fits = [(checkpoint.size, checkpoint.root) == (each.size, each.root()) for each in (self._now, self._then)]
        match fits:
            case [_, True]:
                for leaf in self._suspects:
                    yield f"the event of position {leaf.position} is not the one that was sealed"
            case [True, _]:
                for leaf in self._suspects:
                    yield f"the stored tree is damaged: it has another hash for position {leaf.position}"
            case _:
                yield f"{_named(kept)} was signed for another log: events were changed, and the tree with them"
        self._suspects.clear()

    def _lacked(self, kept: _Kept) -> Iterator[str]:
        """That the outside copy has all that the database has, but what is copied just now."""
        if kept.place == OUTSIDE:
            self._outside_at = kept.size
        elif kept.size != self._outside_at and kept.size <= self._copied:
            yield f"the outside copy lacks the checkpoint of {kept.size} events, which the database has"

    def _begun(self) -> Iterator[str]:
        row = run(self.connection, Statement(COPIED, {})).first
        self._copied = row["size"] if row else 0
        if self.keys.are_expected and not self.keys.private.exists():
            yield f"the signing key {self.keys.private} is not there"

    def _leaves(self, tell: Tell) -> Iterator[_Leaf]:
        row = run(self.connection, Statement(COUNT, {})).first
        assert row is not None
        forest, after, due = PostgresForest(self.connection), 0, 1
        while batch := events(self.connection, NEXT, after=after, limit=BATCH):
            for entry, _ in batch:
                for missing in range(due, entry.position):
                    yield _Leaf(missing, None, _tile_leaf(forest, missing))
                yield _Leaf(entry.position, leaf_hash(entry.encoded()), _tile_leaf(forest, entry.position))
                due = entry.position + 1
            after = batch[-1].entry.position
            self.events += len(batch)
            tell(self.events, row["events"])

    def _here(self) -> Iterator[_Kept]:
        after = 0
        while rows := run(self.connection, Statement(NOTES, {"after": after})).rows:
            yield from (_Kept(row["size"], DATABASE, row["note"]) for row in rows)
            after = rows[-1]["size"]

    def _outside(self) -> Iterator[_Kept]:
        yield from (_Kept(size_of(note), OUTSIDE, note) for note in self.outside.notes())

    def _upper_tiles(self) -> Iterator[str]:
        try:
            whole = Tree(PostgresForest(self.connection), self.sealed).root()
        except LookupError as missing:
            yield f"the stored tree is damaged: {missing}"
            return
        if whole != self._root:
            yield f"the stored tree is not that of the checkpoint of {self.sealed} events: proofs from it do not hold"


def _tile_leaf(forest: PostgresForest, position: int) -> bytes | None:
    try:
        return forest.hashes(0, position - 1, 1)[0]
    except LookupError:
        return None


def _named(kept: _Kept) -> str:
    return f"the checkpoint of {kept.size} events in {kept.place}"
