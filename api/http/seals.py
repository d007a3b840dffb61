"""``/audit``: checkpoints, proofs and evidence, for those who do not trust us."""

import time
from base64 import b64encode
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from litestar import MediaType, Request, Response, Router, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Stream

from api.http.access import NARROWED, NEEDS, origin_of
from api.http.exporting import in_threads
from api.http.limits import OpenCalls
from api.http.moments import CODE, conflict, moment_of
from api.http.paging import DEFAULT_SIZE, PageSize, PageToken, begin_at_number, cut
from api.http.seal_wire import CheckpointBody, CheckpointList, ConsistencyBody, KeysBody, ProofBody
from domain.access import Principal, authorize
from domain.access import Scope as AccessScope
from domain.audit.evidence import Scope
from domain.audit.notes import Proof
from domain.audit.seal import SignedCheckpoint
from domain.audit.tree import leaf_hash
from domain.errors import NoEventsFound, ValidationFailed, Violation
from domain.handlers.evidence import Period, consistency_of, evidence_of, latest_checkpoint, place_of, proof_of
from domain.handlers.house import House
from domain.handlers.witnessing import record_read
from domain.trail.events import TrailRead

CHUNK = 256 * 1024
TAR = "application/x-tar"
READ = {NEEDS: AccessScope.AUDIT_READ}

Position = Annotated[int, QueryParameter(ge=1, le=2**62, description="The position of an event in the log.")]
TreeSize = Annotated[
    int | None,
    QueryParameter(name="treeSize", ge=1, le=2**62, required=False, description="Of a checkpoint; default: the last."),
]
FromSize = Annotated[
    int, QueryParameter(name="from", ge=1, le=2**62, description="The earlier checkpoint's tree size.")
]
ToSize = Annotated[int, QueryParameter(name="to", ge=1, le=2**62, description="The later checkpoint's tree size.")]
OfTable = Annotated[str | None, QueryParameter(name="tableId", required=False, description="Everything of the table.")]
OfMigration = Annotated[
    str | None, QueryParameter(name="migrationId", required=False, description="The events of the migration.")
]
OfOperation = Annotated[
    str | None, QueryParameter(name="operationId", required=False, description="The events of the operation.")
]
FromMoment = Annotated[
    str | None, QueryParameter(name="from", required=False, description="All events recorded from this moment on.")
]
ToMoment = Annotated[
    str | None, QueryParameter(name="to", required=False, description="Before this moment; default: now.")
]


@get("/checkpoint", operation_id="getCheckpoint", summary="Get the last checkpoint", opt=READ, sync_to_thread=True)
def last_checkpoint(house: NamedDependency[House]) -> Response[str]:
    """The last checkpoint as a signed note (c2sp.org/tlog-checkpoint)."""
    return Response(latest_checkpoint(house.seal).note, media_type=MediaType.TEXT)


@get("/checkpoints", operation_id="listCheckpoints", summary="List checkpoints", opt=READ, sync_to_thread=True)
def checkpoints(
    house: NamedDependency[House], page_size: PageSize = DEFAULT_SIZE, page_token: PageToken = None
) -> CheckpointList:
    """Newest first."""
    before = begin_at_number(page_token, "checkpoints")
    found, token = cut(house.seal.checkpoints(page_size + 1, before), page_size, lambda each: each.size, "checkpoints")
    return CheckpointList(checkpoints=tuple(map(_checkpoint, found)), next_page_token=token)


@get("/keys", operation_id="listSealKeys", summary="Get the verifier keys", opt=READ, sync_to_thread=True)
def keys(house: NamedDependency[House]) -> KeysBody:
    """The public keys of the seal. Whoever verifies should have them from somebody trusted, not only from here."""
    known, rotations = house.seal.keys()
    return KeysBody(keys=tuple(map(str, known)), rotations=tuple(rotations))


@get(
    "/proof",
    operation_id="getInclusionProof",
    summary="Prove that an event is in the log",
    opt=READ,
    sync_to_thread=True,
)
def proof(house: NamedDependency[House], position: Position, tree_size: TreeSize = None) -> ProofBody:
    """The way from an event's hash to the root of a checkpoint (RFC 6962, section 2.1.1)."""
    found = proof_of(house.seal, position, tree_size)
    entry, index = found.event.entry.encoded(), position - 1
    return ProofBody(
        position=position,
        index=index,
        tree_size=found.checkpoint.size,
        entry=b64encode(entry).decode(),
        leaf_hash=leaf_hash(entry).hex(),
        path=tuple(node.hex() for node in found.path),
        proof=Proof(index, tuple(found.path), found.checkpoint.note).text(),
    )


@get(
    "/consistency",
    operation_id="getConsistencyProof",
    summary="Prove that the log only grew",
    opt=READ,
    sync_to_thread=True,
)
def consistency(house: NamedDependency[House], from_size: FromSize, to_size: ToSize) -> ConsistencyBody:
    """That the log of one checkpoint is the beginning of that of another (RFC 6962, section 2.1.2)."""
    if from_size > to_size:
        raise ValidationFailed((conflict("from", "it is above 'to'"),))
    found = consistency_of(house.seal, from_size, to_size)
    return ConsistencyBody(
        from_size=from_size,
        to_size=to_size,
        path=tuple(node.hex() for node in found.path),
        from_checkpoint=found.earlier,
        to_checkpoint=found.later,
    )


@get(
    "/evidence",
    operation_id="getEvidence",
    summary="Get evidence that verifies offline",
    opt={NEEDS: AccessScope.AUDIT_EXPORT, NARROWED: True},
    sync_to_thread=True,
)
def evidence(
    request: Request[Principal, Any, Any],
    house: NamedDependency[House],
    open_calls: NamedDependency[OpenCalls],
    table_id: OfTable = None,
    migration_id: OfMigration = None,
    operation_id: OfOperation = None,
    from_moment: FromMoment = None,
    to_moment: ToMoment = None,
) -> Stream:
    """A file (tar) with events, proofs and checkpoints of a table, a migration, an operation or a period."""
    now = datetime.now(UTC)
    asked = _asked(table_id, migration_id, operation_id, from_moment, to_moment, now)
    authorize(request.user, AccessScope.AUDIT_EXPORT, place_of(house, asked))
    open_calls.refuse_more(request.user.caller)
    record_read(house, TrailRead(what="evidence", format="tar", filters={"of": str(asked)}), origin_of(request))
    found = evidence_of(house.seal, asked, now, time.sleep)
    headers = {"Content-Disposition": f'attachment; filename="{found.name}"'}
    told = open_calls.during(request.user.caller, in_threads(_chunks(found.pieces)))
    return Stream(told, media_type=TAR, headers=headers)


def _asked(
    table: str | None, migration: str | None, operation: str | None, start: str | None, end: str | None, now: datetime
) -> Scope | Period:
    given = {"tableId": table, "migrationId": migration, "operationId": operation, "from": start}
    names = [name for name, value in given.items() if value is not None]
    if len(names) != 1 or (end is not None and start is None):
        place = names[1] if len(names) > 1 else "to" if end is not None else "tableId"
        asked = "give one of 'tableId', 'migrationId', 'operationId', or 'from' with or without 'to'"
        raise ValidationFailed((conflict(place, asked),))
    if start is not None:
        return Period(_moment("from", start), now if end is None else _moment("to", end))
    return _scope(names[0].removesuffix("Id"), given[names[0]] or "")


def _scope(kind: str, text: str) -> Scope:
    try:
        return Scope(kind, str(UUID(text)))
    except ValueError:
        raise NoEventsFound(f"{kind} {text}") from None


def _moment(name: str, text: str) -> datetime:
    try:
        return moment_of(text)
    except ValueError as error:
        raise _wrong(name, str(error)) from None


def _wrong(name: str, message: str) -> ValidationFailed:
    return ValidationFailed((Violation(pointer=f"/{name}", code=CODE, message=f"Parameter '{name}': {message}."),))


def _chunks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Few large pieces: each is a hop from thread to thread."""
    waiting, size = list[bytes](), 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= CHUNK:
            yield b"".join(waiting)
            waiting, size = [], 0
    yield b"".join(waiting)


def _checkpoint(found: SignedCheckpoint) -> CheckpointBody:
    return CheckpointBody(tree_size=found.size, root_hash=found.root.hex(), signed_at=found.signed_at, note=found.note)


router = Router(
    "/audit", route_handlers=[last_checkpoint, checkpoints, keys, proof, consistency, evidence], tags=["Audit"]
)
