"""``/audit/report``: the changes of a table or of a period, for somebody who has to answer for them."""

from typing import Annotated, Any

from litestar import Request, Response, Router, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from api.http.access import NARROWED, NEEDS, origin_of
from api.http.formats import Format, chosen
from api.http.ids import table_uuid
from api.http.moments import conflict
from api.http.report_html import page
from api.http.report_markdown import markdown
from api.http.trails import Since, Until, admit, given, moment_in
from domain.access import Principal, Scope
from domain.errors import ValidationFailed
from domain.handlers.house import House
from domain.handlers.reporting import report_of
from domain.trail.entry import TrailFilter
from domain.trail.events import TrailRead

FORMATS = {"html": "text/html", "markdown": "text/markdown"}
LAYOUTS = {"html": page, "markdown": markdown}
OfTable = Annotated[str | None, QueryParameter(name="tableId", required=False, description="The changes of one table.")]


@get(
    "/report",
    operation_id="getAuditReport",
    summary="Get a compliance report",
    opt={NEEDS: Scope.AUDIT_READ, NARROWED: True},
    sync_to_thread=True,
)
def report(
    request: Request[Principal, Any, Any],
    house: NamedDependency[House],
    table_id: OfTable = None,
    from_moment: Since = None,
    to_moment: Until = None,
    format_name: Format = None,
) -> Response[str]:
    """Schema versions and every change, with who, when, why, approval, before and after, result and proof.

    Of a table, a period, or a table in a period: as one page of HTML that prints well, or with `format=markdown`.
    """
    wanted = chosen(request, format_name, FORMATS)
    if table_id is None and from_moment is None:
        raise ValidationFailed((conflict("tableId", "give it, or 'from' with or without 'to'"),))
    where = TrailFilter(
        table_id=None if table_id is None else table_uuid(table_id),
        since=moment_in("from", from_moment),
        until=moment_in("to", to_moment),
    )
    admit(request, house, where, Scope.AUDIT_READ)
    read = TrailRead(what="report", format=wanted, filters=given(request))
    found = report_of(house, where, read, origin_of(request))
    headers = {"Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    return Response(LAYOUTS[wanted](found), media_type=FORMATS[wanted], headers=headers)


router = Router("/audit", route_handlers=[report], tags=["Audit"])
