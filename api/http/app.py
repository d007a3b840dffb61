"""The HTTP application, put together from what the composition root hands it."""

from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from typing import Any

import msgspec
from litestar import Litestar, Request
from litestar.datastructures import State
from litestar.di import Provide
from litestar.types import ControllerRouterHandler, HTTPResponseStartEvent, Scope

from api.http import (
    approvals,
    health,
    indexes,
    metrics,
    migrations,
    operations,
    pasts,
    projections,
    reports,
    reverts,
    role_bindings,
    schemas,
    seals,
    streams,
    subjects,
    tables,
    trails,
    upkeep,
    webhooks,
)
from api.http import tokens as token_routes
from api.http.access import (
    Guard,
    check_declarations,
    request_id,
    require_json,
    send_true_allow,
    token_guard,
)
from api.http.answers import ArrowSchema
from api.http.arriving import Forwarded, networks, require_host
from api.http.denials import Witness, witness_of
from api.http.document import make_document
from api.http.errors import HANDLERS, REFUSAL
from api.http.following import KEEP_ALIVE_SECONDS, Following
from api.http.limits import CallerLimits, OpenCalls, rate_limit_headers
from api.http.looking import Looking
from api.http.metrics import Scrapes
from api.http.pages import make_pages
from api.http.punctual import Punctual
from api.http.recounting import Finish, Recounting
from api.http.slashes import Slashes, restore_slashes
from api.http.tracing import Traced
from api.http.trail_formats import Parquet
from api.http.waiting import Waiting
from api.metrics import Exposition
from api.tracing import Tracing
from domain.handlers.house import House
from domain.ports import Tokens
from domain.views import Changes, Glances

BeforeRequest = Callable[[Request[Any, Any, Any]], Awaitable[None]]

PROVIDED = ("house", "arrow_schema", "parquet_writer", "looking", "following", "checks", "scrapes", "open_calls")
"""What routes may ask for by name."""
MAX_BODY_BYTES = 4 * 1024 * 1024

ROUTES: list[ControllerRouterHandler] = [
    tables.router,
    schemas.router,
    pasts.router,
    migrations.router,
    approvals.router,
    reverts.router,
    indexes.router,
    upkeep.router,
    operations.router,
    streams.router,
    seals.router,
    projections.router,
    token_routes.router,
    role_bindings.router,
    trails.router,
    reports.router,
    subjects.router,
    webhooks.router,
    health.router,
    metrics.get_metrics,
]


def create_app(
    house: House,
    tokens: Tokens,
    changes: Changes,
    glances: Glances,
    arrow_schema: ArrowSchema,
    parquet_writer: Parquet,
    checks: health.Checks,
    exposition: Exposition,
    *,
    keep_alive: float = KEEP_ALIVE_SECONDS,
    rate_limit: int = 0,
    request_seconds: int = 30,
    open_calls: OpenCalls | None = None,
    tracing: Tracing | None = None,
    trusted_proxies: Sequence[str] = (),
    metrics_seconds: float = 0.0,
) -> Litestar:
    """An ASGI application. It opens and closes nothing: what it is handed lives and ends with the process.

    Whoever stops the process calls ``stop`` of the state's ``waiting`` and ``following`` first.
    """
    open_calls = open_calls or OpenCalls()
    waiting, following = Waiting(changes, open_calls), Following(house.reader, changes, keep_alive)
    looking = Looking(house, glances, waiting)
    scrapes = Scrapes(exposition, metrics_seconds)
    provided = (house, arrow_schema, parquet_writer, looking, following, checks, scrapes, open_calls)
    dependencies = _dependencies(provided)
    app = Litestar(
        [*ROUTES, *make_pages(published_document)],
        dependencies=dependencies,
        exception_handlers=HANDLERS,
        before_request=_gate(token_guard(tokens, house.whereabouts, CallerLimits(rate_limit))),
        state=State({"waiting": waiting, "following": following}),
        request_max_body_size=MAX_BODY_BYTES,
        openapi_config=None,
        logging_config=None,
    )
    check_declarations(app.routes)
    app.asgi_handler = Recounting(Punctual(Slashes(app.asgi_handler), request_seconds), _finishing(witness_of(house)))
    if trusted_proxies:
        app.asgi_handler = Forwarded(app.asgi_handler, networks(trusted_proxies))
    if tracing is not None:
        app.asgi_handler = Traced(app.asgi_handler, tracing)
    return app


@cache
def published_document() -> bytes:
    """The OpenAPI document, as JSON. It needs the names of what routes ask for, and nothing of it.

    Made when it is first asked for: that takes longer than all the rest of a start.
    """
    return msgspec.json.encode(make_document(ROUTES, _dependencies(PROVIDED)))


def _gate(admit: Guard) -> BeforeRequest:
    """What guards would do, for which the framework copies the handler at every request."""

    async def gate(request: Request[Any, Any, Any]) -> None:
        require_host(request.scope)
        handler = request.scope["route_handler"]
        restore_slashes(request.scope)
        await admit(request, handler)
        require_json(request, handler)

    return gate


def _finishing(witness: Witness) -> Finish:
    async def finish(message: HTTPResponseStartEvent, scope: Scope) -> None:
        about = (b"x-request-id", request_id(scope).encode())
        message["headers"] = [*message["headers"], about, *rate_limit_headers(scope)]
        send_true_allow(message, scope)
        if refusal := scope["state"].get(REFUSAL):
            await witness(message["status"], scope, refusal)

    return finish


def _dependencies(provided: Sequence[object]) -> dict[str, Provide]:
    return {
        name: Provide(_giving(what), use_cache=True, sync_to_thread=False)
        for name, what in zip(PROVIDED, provided, strict=True)
    }


def _giving(what: object) -> Callable[[], object]:
    return lambda: what
