"""The HTTP application, put together from what the composition root hands it."""

from collections.abc import Callable, Sequence

import msgspec
from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.types import ControllerRouterHandler

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
from api.http.access import check_declarations, require_json, send_request_id, send_true_allow, token_guard
from api.http.answers import ArrowSchema
from api.http.denials import witness_of
from api.http.document import make_document
from api.http.errors import HANDLERS
from api.http.following import KEEP_ALIVE_SECONDS, Following
from api.http.limits import CallerLimits, OpenCalls, send_rate_limit
from api.http.pages import make_pages
from api.http.punctual import Punctual
from api.http.recounting import Recounting
from api.http.tracing import Traced
from api.http.trail_formats import Parquet
from api.http.waiting import Waiting
from api.metrics import Exposition
from api.tracing import Tracing
from domain.handlers.house import House
from domain.ports import Tokens
from domain.views import Changes

PROVIDED = ("house", "arrow_schema", "parquet_writer", "waiting", "following", "checks", "exposition", "open_calls")
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
) -> Litestar:
    """An ASGI application. It opens and closes nothing: what it is handed lives and ends with the process.

    Whoever stops the process calls ``stop`` of the state's ``waiting`` and ``following`` first.
    """
    open_calls = open_calls or OpenCalls()
    waiting, following = Waiting(changes, open_calls), Following(house.reader, changes, keep_alive)
    provided = (house, arrow_schema, parquet_writer, waiting, following, checks, exposition, open_calls)
    dependencies = _dependencies(provided)
    document = published_document()
    app = Litestar(
        [*ROUTES, *make_pages(document)],
        dependencies=dependencies,
        guards=[token_guard(tokens, house.whereabouts, CallerLimits(rate_limit)), require_json],
        exception_handlers=HANDLERS,
        before_send=[send_request_id, send_true_allow, send_rate_limit, witness_of(house)],
        state=State({"waiting": waiting, "following": following}),
        request_max_body_size=MAX_BODY_BYTES,
        openapi_config=None,
        logging_config=None,
    )
    check_declarations(app.routes)
    app.asgi_handler = Recounting(Punctual(app.asgi_handler, request_seconds))
    if tracing is not None:
        app.asgi_handler = Traced(app.asgi_handler, tracing)
    return app


def published_document() -> bytes:
    """The OpenAPI document, as JSON. It needs the names of what routes ask for, and nothing of it."""
    return msgspec.json.encode(make_document(ROUTES, _dependencies(PROVIDED)))


def _dependencies(provided: Sequence[object]) -> dict[str, Provide]:
    return {name: Provide(_giving(what), sync_to_thread=False) for name, what in zip(PROVIDED, provided, strict=True)}


def _giving(what: object) -> Callable[[], object]:
    return lambda: what
