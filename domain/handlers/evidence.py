"""Proofs and evidence for somebody who does not trust us."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.access import WHOLE_SERVICE, Resource
from domain.audit.entry import Sealed
from domain.audit.evidence import Scope, written
from domain.audit.page import about
from domain.audit.seal import Inclusion, Seal, SignedCheckpoint, Span
from domain.errors import CheckpointNotFound, NoEventsFound, NothingSealed, NotProvable, PositionNotSealed
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
class Consistency:
    """``earlier`` and ``later`` are the checkpoints as signed notes; one that is no longer kept here is empty."""

    path: Sequence[bytes]
    earlier: str
    later: str


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
    """In the tree of a checkpoint, by default the last.

    Raises PositionNotSealed, CheckpointNotFound, NothingSealed, NotProvable.
    """
    checkpoint = latest_checkpoint(seal) if size is None else checkpoint_of(seal, size)
    if position > checkpoint.size:
        raise PositionNotSealed(position, checkpoint.size)
    _refuse_while_stopped(seal)
    return seal.inclusion(position, checkpoint)


def consistency_of(seal: Seal, earlier: int, size: int) -> Consistency:
    """That the log of ``size`` events, of which there is a checkpoint, only grew since it had ``earlier``.

    Raises CheckpointNotFound, NotProvable.
    """
    later = checkpoint_of(seal, size)
    _refuse_while_stopped(seal)
    kept = seal.checkpoint(earlier)
    if kept is not None:
        seal.frame(kept, later)
    return Consistency(seal.consistency(earlier, later), kept.note if kept else "", later.note)


def evidence_of(seal: Seal, asked: Scope | Period, now: datetime, rest: Rest) -> Evidence:
    """Of what was in the log when it was asked for, if the seal comes so far in good time, else of what is sealed.

    All of it is compared with what was signed before the first piece, and again as it is taken: what would not verify
    is refused, with why, and what changes on the way breaks off.

    Raises NothingSealed, NoEventsFound, SealKeyMissing, NotProvable.
    """
    last = _sealed_by_now(seal, rest)
    scope, span = _found(seal, asked, last)
    signer = seal.signer()
    _refuse_while_stopped(seal)
    first = seal.covering(span.first)
    assert first is not None, "what the last checkpoint covers, some checkpoint covers first"
    frame = seal.frame(first, last)
    refuse_incomplete(scope, seal.events(scope, last))
    events = ((found.event, found.path) for found in seal.evidence(scope, last))
    pieces = written(scope, frame, events, about(scope, frame, span, last, now), signer)
    subject = scope.subject if isinstance(asked, Scope) else f"{span.first}-{span.last}"
    return Evidence(f"evidence-{scope.kind}-{subject}.tar", span, pieces)


def refuse_incomplete(scope: Scope, events: Iterable[Sealed]) -> None:
    """Raises NotProvable where an event is missing that whoever verifies will miss. Reads all of them."""
    versions, position = dict[bytes, int](), int(scope.subject.partition("-")[0]) - 1 if scope.kind == "period" else 0
    for event, _ in events:
        if scope.kind == "period" and event.position != position + 1:
            raise NotProvable(f"position {position + 1} is missing from the log")
        position, before = event.position, versions.get(event.stream, 0)
        if scope.kind != "period" and event.stream_version != before + 1:
            raise NotProvable(f"event {before + 1} of stream {UUID(bytes=event.stream)} is missing from the log")
        versions[event.stream] = event.stream_version
    if scope.kind != "period" and UUID(scope.subject).bytes not in versions:
        raise NotProvable(f"the events of {scope} are missing from the log")


def _refuse_while_stopped(seal: Seal) -> None:
    if (problem := seal.problem()) is not None:
        raise NotProvable(problem)


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
