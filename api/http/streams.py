"""``/operations/{operationId}/events``: watching an operation, as server-sent events."""

import asyncio
import re
from typing import Any
from uuid import UUID

from litestar import Request, Response, Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream

from api.http.access import NEEDS
from api.http.following import Following
from api.http.ids import operation_uuid, table_uuid
from api.http.limits import OpenCalls
from api.http.looking import found_operation
from api.http.wire import FINISHED
from domain.access import Principal, Scope
from domain.errors import HeaderInvalid
from domain.handlers.house import House

_VERSION = re.compile(r"[0-9]{1,18}")

HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""Neither a cache nor a proxy may hold back what has happened."""

Events = Stream | Response[None]
Asking = Request[Principal, Any, Any]


@get(
    "/operations/{operation_id:str}/events",
    operation_id="followOperation",
    summary="Watch an operation",
    opt={NEEDS: Scope.OPERATIONS_READ},
)
async def follow_operation(
    request: Asking,
    operation_id: FromPath[str],
    house: NamedDependency[House],
    following: NamedDependency[Following],
    open_calls: NamedDependency[OpenCalls],
) -> Events:
    """Every event of the operation as it happens, as server-sent events, until its end.

    `id` is the event's version, `event` its kind, `data` the operation as it was then. A stream that was cut goes on
    after `Last-Event-ID`, on any process of the service. `keep-alive` comes when nothing has happened for a while.
    """
    return await _events(request, house, following, open_calls, operation_uuid(operation_id))


@get(
    "/dataset-tables/{table_id:str}/operations/{operation_id:str}/events",
    operation_id="followTableOperation",
    summary="Watch an operation of a table",
    opt={NEEDS: Scope.OPERATIONS_READ},
)
async def follow_table_operation(
    request: Asking,
    table_id: FromPath[str],
    operation_id: FromPath[str],
    house: NamedDependency[House],
    following: NamedDependency[Following],
    open_calls: NamedDependency[OpenCalls],
) -> Events:
    """The events of an operation of this table, as under `/operations`."""
    table = table_uuid(table_id)
    return await _events(request, house, following, open_calls, operation_uuid(operation_id), table)


async def _events(
    request: Asking,
    house: House,
    following: Following,
    open_calls: OpenCalls,
    operation_id: UUID,
    table_id: UUID | None = None,
) -> Events:
    seen = _last_seen(request)
    view = await asyncio.to_thread(found_operation, house, operation_id, table_id)
    if view.status in FINISHED and seen >= view.version:
        return Response(None, status_code=204)
    told = open_calls.during(request.user.caller, following.stream(operation_id, seen))
    return Stream(told, media_type="text/event-stream", headers=HEADERS)


def _last_seen(request: Asking) -> int:
    given = request.headers.get("last-event-id", "").strip()
    if not given:
        return 0
    if _VERSION.fullmatch(given) is None:
        raise HeaderInvalid("Last-Event-ID", "the id of an event of this stream is expected, such as 3")
    return int(given)


router = Router("/", route_handlers=[follow_operation, follow_table_operation], tags=["Operations"])
