"""Proofs and evidence for somebody who does not trust us."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.access import WHOLE_SERVICE, Resource
from domain.audit.evidence import Scope, written
from domain.audit.page import about
from domain.audit.seal import Inclusion, Seal, SignedCheckpoint, Span
from domain.errors import CheckpointNotFound, NoEventsFound, NothingSealed, PositionNotSealed
from domain.handlers.house import House

Rest = Callable[[float], object]
"""Sleeps for so many seconds."""

TRIES, PAUSE = 30, 0.1
"""How often, and after how many seconds, to look whether the seal has come so far: three seconds in all."""


@dataclass(frozen=True)
class Period:
    """Of recorded time: from ``start`` to before ``end``."""

    start: datetime
    end: datetime

    def __str__(self) -> str:
        return f"the period from {self.start.isoformat()} to {self.end.isoformat()}"


@dataclass(frozen=True)
class Evidence:
    """``pieces`` are the file; taking them reads the log as they are taken."""

    name: str
    span: Span
    pieces: Iterator[bytes]


def latest_checkpoint(seal: Seal) -> SignedCheckpoint:
    """Raises NothingSealed."""
    if (found := seal.latest()) is None:
        raise NothingSealed
    return found


def checkpoint_of(seal: Seal, size: int) -> SignedCheckpoint:
    """Raises CheckpointNotFound."""
    if (found := seal.checkpoint(size)) is None:
        raise CheckpointNotFound(size)
    return found


def proof_of(seal: Seal, position: int, size: int | None) -> Inclusion:
    """In the tree of a checkpoint, by default the last. Raises PositionNotSealed, CheckpointNotFound, NothingSealed."""
    checkpoint = latest_checkpoint(seal) if size is None else checkpoint_of(seal, size)
    if position > checkpoint.size:
        raise PositionNotSealed(position, checkpoint.size)
    return seal.inclusion(position, checkpoint)


def evidence_of(seal: Seal, asked: Scope | Period, now: datetime, rest: Rest) -> Evidence:
    """Of what was in the log when it was asked for, if the seal comes so far in good time, else of what is sealed.

    Raises NothingSealed, NoEventsFound, SealKeyMissing.
    """
    last = _sealed_by_now(seal, rest)
    scope, span = _found(seal, asked, last)
    first = seal.covering(span.first)
    assert first is not None, "what the last checkpoint covers, some checkpoint covers first"
    frame = seal.frame(first, last)
    events = ((found.event, found.path) for found in seal.evidence(scope, last))
    pieces = written(scope, frame, events, about(scope, frame, span, last, now), seal.signer())
    subject = scope.subject if isinstance(asked, Scope) else f"{span.first}-{span.last}"
    return Evidence(f"evidence-{scope.kind}-{subject}.tar", span, pieces)


def place_of(house: House, asked: Scope | Period) -> Resource:
    """What has to be within reach of whoever asks: the table, or for a period everything."""
    if isinstance(asked, Period):
        return WHOLE_SERVICE
    hidden = NoEventsFound(str(asked))
    table = house.seal.table_of(UUID(asked.subject))
    if table is None:
        return Resource(hidden=hidden)
    return Resource(table_id=table, dataset_id=house.whereabouts.dataset_of(table), hidden=hidden)


def _sealed_by_now(seal: Seal, rest: Rest) -> SignedCheckpoint:
    head = seal.head()
    for _ in range(TRIES):
        found = seal.known()
        if (found is not None and found.size >= head) or seal.alarm() is not None:
            break
        rest(PAUSE)
    found = seal.known()
    if found is None:
        raise NothingSealed
    return found


def _found(seal: Seal, asked: Scope | Period, last: SignedCheckpoint) -> tuple[Scope, Span]:
    match asked:
        case Scope():
            scope, span = asked, seal.span(asked, last.size)
        case Period(start, end):
            span = seal.recorded(start, end, last.size)
            scope = Scope("period", f"{span.first}-{span.last}" if span else "")
    if span is None:
        raise NoEventsFound(str(asked))
    return scope, span
