"""``/projections/{name}``: views built anew from the log, or compared with it."""

from typing import Any

from litestar import Request, Response, Router, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from api.http.access import NEEDS, WRITES, origin_of
from api.http.submitting import accepted, idempotency_key
from api.http.wire import OperationBody
from domain.access import Principal, Scope
from domain.handlers.house import House
from domain.handlers.rebuilding import REBUILD, VERIFY, replay_projection


@post(
    "/rebuild",
    operation_id="rebuildProjection",
    summary="Rebuild a view",
    status_code=202,
    opt={WRITES: True, NEEDS: Scope.PROJECTIONS_REBUILD},
    sync_to_thread=True,
)
def rebuild(
    request: Request[Principal, Any, Any], name: FromPath[str], house: NamedDependency[House]
) -> Response[OperationBody]:
    """Builds the view anew from the log, beside the one in use, and puts it in its place; `all` means every view.

    Reads and commands go on meanwhile.
    """
    return accepted(house, replay_projection(house, REBUILD, name, idempotency_key(request), origin_of(request)))


@post(
    "/verify",
    operation_id="verifyProjection",
    summary="Compare a view with the log",
    status_code=202,
    opt={WRITES: True, NEEDS: Scope.PROJECTIONS_REBUILD},
    sync_to_thread=True,
)
def verify(
    request: Request[Principal, Any, Any], name: FromPath[str], house: NamedDependency[House]
) -> Response[OperationBody]:
    """Compares the view, or `all`, row by row with what the log says.

    The operation fails with `projection_differs` when a row is otherwise, and names the first.
    """
    return accepted(house, replay_projection(house, VERIFY, name, idempotency_key(request), origin_of(request)))


router = Router("/projections/{name:str}", route_handlers=[rebuild, verify], tags=["Views"])
