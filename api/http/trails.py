"""``/audit/events``: the audit trail, page by page or all of it at once."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any, Literal

from litestar import Request, Response, Router, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Stream
from msgspec.structs import replace

from api.http.access import NARROWED, NEEDS, origin_of
from api.http.exporting import in_threads
from api.http.formats import Format, chosen
from api.http.ids import table_uuid
from api.http.limits import OpenCalls
from api.http.moments import CODE, moment_of
from api.http.paging import DEFAULT_SIZE, PageSize, PageToken, begin_at_number, cut
from api.http.trail_formats import Batches, Parquet, comma_separated, entry_body, lines, parquet
from api.http.trail_wire import TrailList
from api.logs import without_tokens
from domain.access import Principal, Resource, Scope, authorize
from domain.errors import TableNotFound, ValidationFailed, Violation
from domain.handlers.house import House
from domain.handlers.trails import export
from domain.handlers.witnessing import record_read
from domain.trail.entry import TrailFilter
from domain.trail.events import TrailRead

FORMATS = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
}
LAST_POSITION = "Last-Position"
"""The header of an export that says how far in the log it goes."""

Asking = Request[Principal, Any, Any]
OfTable = Annotated[str | None, QueryParameter(name="tableId", required=False, description="Only about this table.")]
By = Annotated[str | None, QueryParameter(name="actor", required=False, description="Only what this subject did.")]
OfType = Annotated[str | None, QueryParameter(name="type", required=False, description="Only events of this type.")]
Since = Annotated[
    str | None, QueryParameter(name="from", required=False, description="Recorded at this moment or later (RFC 3339).")
]
Until = Annotated[str | None, QueryParameter(name="to", required=False, description="Recorded before this moment.")]
After = Annotated[
    int,
    QueryParameter(
        name="afterPosition", ge=0, le=2**62, required=False, description="Only what stands in the log after it."
    ),
]
Order = Annotated[
    Literal["oldest", "newest"],
    QueryParameter(name="order", required=False, description="Which entry comes first; exports begin with the oldest."),
]


@get(
    "/events",
    operation_id="listAuditEvents",
    summary="Read the audit trail",
    opt={NEEDS: Scope.AUDIT_READ, NARROWED: True},
    sync_to_thread=True,
)
def list_events(
    request: Asking,
    house: NamedDependency[House],
    parquet_writer: NamedDependency[Parquet],
    open_calls: NamedDependency[OpenCalls],
    table_id: OfTable = None,
    actor: By = None,
    event_type: OfType = None,
    from_moment: Since = None,
    to_moment: Until = None,
    after_position: After = 0,
    order: Order = "oldest",
    page_size: PageSize = DEFAULT_SIZE,
    page_token: PageToken = None,
    format_name: Format = None,
) -> Response[TrailList] | Stream:
    """One entry for every event of the log, denied commands among them.

    As JSON a page at a time. With `Accept` or `format` as lines of JSON (`ndjson`), as `csv` or as `parquet` all of it,
    of any size, which needs the scope `audit:export`. Every read is an event of the trail itself, once for all pages.
    """
    wanted = chosen(request, format_name, FORMATS)
    where = TrailFilter(
        table_id=None if table_id is None else table_uuid(table_id),
        actor=actor,
        type=event_type,
        since=moment_in("from", from_moment),
        until=moment_in("to", to_moment),
        after_position=after_position,
    )
    admit(request, house, where, Scope.AUDIT_READ if wanted == "json" else Scope.AUDIT_EXPORT)
    read = TrailRead(what="events", format=wanted, filters=given(request))
    if wanted != "json":
        open_calls.refuse_more(request.user.caller)
        last, batches = export(house, where, read, origin_of(request))
        return _stream(wanted, last, open_calls.during(request.user.caller, _pieces(wanted, batches, parquet_writer)))
    return Response(_page(request, house, where, read, order, page_size, page_token))


def admit(request: Asking, house: House, where: TrailFilter, scope: Scope) -> None:
    """Lets in whoever holds the scope for the table that is asked about, or else for the whole service."""
    if where.table_id is None:
        authorize(request.user, scope)
        return
    dataset, hidden = house.whereabouts.dataset_of(where.table_id), TableNotFound(str(where.table_id))
    authorize(request.user, scope, Resource(table_id=where.table_id, dataset_id=dataset, hidden=hidden))


def moment_in(name: str, text: str | None) -> datetime | None:
    """Raises ValidationFailed for a text that is no moment."""
    try:
        return None if text is None else moment_of(text)
    except ValueError as error:
        sentence = f"Parameter '{name}': {error}."
        raise ValidationFailed((Violation(pointer=f"/{name}", code=CODE, message=sentence),)) from None


def given(request: Asking) -> dict[str, str]:
    """What was asked for, for the record of it."""
    return {name: without_tokens(value)[:200] for name, value in request.query_params.items() if name != "pageToken"}


def _page(
    request: Asking, house: House, where: TrailFilter, read: TrailRead, order: str, size: int, token: str | None
) -> TrailList:
    # Bound to the caller: with another's token one would read on unseen.
    filters = ("audit", request.user.subject, where, order)
    begin, newest = begin_at_number(token, *filters), order == "newest"
    if begin is None:
        record_read(house, read, origin_of(request))
    last = house.trail.head()
    if begin is not None:
        where = replace(where, last_position=begin - 1) if newest else replace(where, after_position=begin)
    rows = house.trail.entries(where, size + 1, newest=newest)
    page, following = cut(rows, size, lambda row: row.event.position, *filters)
    return TrailList(events=tuple(map(entry_body, page)), last_position=last, next_page_token=following)


def _pieces(wanted: str, batches: Batches, writer: Parquet) -> AsyncIterator[bytes]:
    written = {
        "ndjson": lambda: lines(batches),
        "csv": lambda: comma_separated(batches),
        "parquet": lambda: parquet(batches, writer),
    }[wanted]()
    return in_threads(written)


def _stream(wanted: str, last: int, pieces: AsyncIterator[bytes]) -> Stream:
    headers = {"Content-Disposition": f'attachment; filename="audit-events.{wanted}"', LAST_POSITION: str(last)}
    return Stream(pieces, media_type=FORMATS[wanted], headers=headers)


router = Router("/audit", route_handlers=[list_events], tags=["Audit"])
