"""``/operations``: following long work, cancelling it, and asking for it again."""

from typing import Annotated, Any

from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, RawBody

from api.http.access import BODY, NARROWED, NEEDS, WRITES, origin_of
from api.http.answers import operation_body
from api.http.bodies import CancelBody, decode
from api.http.ids import operation_uuid, table_uuid
from api.http.looking import Looking, found_operation
from api.http.paging import DEFAULT_SIZE, PageSize, PageToken, begin_at_id, cut
from api.http.submitting import accepted
from api.http.tables import found_table
from api.http.wire import OperationBody, OperationList, OperationStatus
from domain.access import Principal, Scope, reach
from domain.handlers.house import House
from domain.handlers.operations import cancel_operation
from domain.handlers.retrying import retry_operation
from domain.views import OperationFilter

Asking = Request[Principal, Any, Any]
LONGEST_WAIT = 30

Wait = Annotated[
    int,
    QueryParameter(
        name="wait", ge=0, le=LONGEST_WAIT, required=False, description="Seconds to wait for the operation to change."
    ),
]
Status = Annotated[OperationStatus | None, QueryParameter(name="status", required=False)]
Kind = Annotated[str | None, QueryParameter(name="operationType", required=False)]
Target = Annotated[str | None, QueryParameter(name="targetId", required=False)]


@get(
    "/operations/{operation_id:str}",
    operation_id="getOperation",
    summary="Get an operation",
    opt={NEEDS: Scope.OPERATIONS_READ},
)
async def get_operation(
    request: Asking, operation_id: FromPath[str], looking: NamedDependency[Looking], wait: Wait = 0
) -> OperationBody:
    """One operation. With `wait`, the answer comes when the operation changes, or after that many seconds."""
    return operation_body(await looking.operation(request, operation_uuid(operation_id), wait))


@get(
    "/dataset-tables/{table_id:str}/operations/{operation_id:str}",
    operation_id="getTableOperation",
    summary="Get an operation of a table",
    opt={NEEDS: Scope.OPERATIONS_READ},
)
async def get_table_operation(
    request: Asking,
    table_id: FromPath[str],
    operation_id: FromPath[str],
    looking: NamedDependency[Looking],
    wait: Wait = 0,
) -> OperationBody:
    """One operation of this table, as under `/operations`."""
    table = table_uuid(table_id)
    return operation_body(await looking.operation(request, operation_uuid(operation_id), wait, table))


@get(
    "/operations",
    operation_id="listOperations",
    summary="List operations",
    sync_to_thread=True,
    opt={NEEDS: Scope.OPERATIONS_READ, NARROWED: True},
)
def list_operations(
    request: Asking,
    house: NamedDependency[House],
    status: Status = None,
    operation_type: Kind = None,
    target_id: Target = None,
    page_size: PageSize = DEFAULT_SIZE,
    page_token: PageToken = None,
) -> OperationList:
    """All operations that the token may see, newest first."""
    within = reach(request.user, Scope.OPERATIONS_READ)
    where = OperationFilter(status=status, operation_type=operation_type, target_id=target_id, reach=within)
    return _page(house, where, page_size, page_token)


@get(
    "/dataset-tables/{table_id:str}/operations",
    operation_id="listTableOperations",
    summary="List a table's operations",
    sync_to_thread=True,
    opt={NEEDS: Scope.OPERATIONS_READ},
)
def list_table_operations(
    table_id: FromPath[str],
    house: NamedDependency[House],
    status: Status = None,
    operation_type: Kind = None,
    target_id: Target = None,
    page_size: PageSize = DEFAULT_SIZE,
    page_token: PageToken = None,
) -> OperationList:
    """The table's operations, newest first."""
    table = found_table(house, table_uuid(table_id))
    where = OperationFilter(table_id=table.table_id, status=status, operation_type=operation_type, target_id=target_id)
    return _page(house, where, page_size, page_token)


@post(
    "/operations/{operation_id:str}/cancel",
    operation_id="cancelOperation",
    summary="Cancel an operation",
    status_code=202,
    opt={BODY: CancelBody, NEEDS: Scope.OPERATIONS_CANCEL},
    sync_to_thread=True,
)
def cancel(
    request: Asking, operation_id: FromPath[str], body: RawBody, house: NamedDependency[House]
) -> Response[OperationBody]:
    """Asks for an operation to stop. 202: it will, unless its end comes first; 200: it is cancelled already."""
    reason = decode(body, CancelBody).reason if body else CancelBody().reason
    found = operation_uuid(operation_id)
    already = cancel_operation(house, found, reason, origin_of(request))
    view = found_operation(house, found)
    return Response(operation_body(view), status_code=200 if already else 202)


@post(
    "/operations/{operation_id:str}/retry",
    operation_id="retryOperation",
    summary="Retry an operation",
    status_code=202,
    opt={WRITES: True, NEEDS: Scope.MIGRATIONS_WRITE},
    sync_to_thread=True,
)
def retry(request: Asking, operation_id: FromPath[str], house: NamedDependency[House]) -> Response[OperationBody]:
    """Asks again for the work of an operation that failed or was cancelled, planned on the table as it is now.

    The answer is an operation of its own which names the one it retries; retrying twice answers with the same one.
    """
    return accepted(house, retry_operation(house, operation_uuid(operation_id), origin_of(request), request.user))


def _page(house: House, where: OperationFilter, size: int, token: str | None) -> OperationList:
    rows = house.views.operations(where, size + 1, begin_at_id(token, "operations", where))
    page, following = cut(rows, size, lambda row: row.operation_id, "operations", where)
    return OperationList(operations=tuple(operation_body(row) for row in page), next_page_token=following)


router = Router(
    "/",
    route_handlers=[
        get_operation,
        get_table_operation,
        list_operations,
        list_table_operations,
        cancel,
        retry,
    ],
    tags=["Operations"],
)
