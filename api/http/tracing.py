"""Each request as a span: of the caller's trace when it sends a ``traceparent`` (W3C Trace Context)."""

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from api.http.access import request_id
from api.http.headers import header
from api.http.recounting import METHODS, OTHER, QUIET, route_of
from api.tracing import Span, Tracing


class Traced:
    """The application with a span for each request, but for those that machines send all the time."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self._app, self._tracing = app, tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or scope["path"] in QUIET:
            await self._app(scope, receive, send)
            return
        parent = header(scope, b"traceparent") or None
        method = scope["method"] if scope["method"] in METHODS else OTHER
        with self._tracing.span(method, "server", parent) as span:
            scope.setdefault("state", {})["traceparent"] = self._tracing.traceparent()

            async def noted(message: Message) -> None:
                if message["type"] == "http.response.start":
                    _note_status(span, message["status"])
                await send(message)

            try:
                await self._app(scope, receive, noted)
            finally:
                span.rename(f"{method} {route_of(scope)}")
                span.note("http.request.method", method)
                span.note("http.route", route_of(scope))
                span.note("schemaledger.request_id", request_id(scope))


def _note_status(span: Span, status: int) -> None:
    span.note("http.response.status_code", status)
    if status >= 500:
        span.fail(str(status))
