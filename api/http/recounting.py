"""Every request counted, and told in the log: method, route, status, duration, and what it was about."""

import logging
import time
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPResponseStartEvent, Message, Receive, Scope, Send
from prometheus_client import Counter, Histogram

from api.http.access import request_id
from api.http.document import camel_path
from api.logs import FIELDS, about
from api.metrics import REQUEST_SECONDS, REQUESTS
from domain.naming import camel

log = logging.getLogger("schemaledger.access")

CLIENT_GONE = 499
"""The status of a request whose caller left before the answer began."""
UNMATCHED = "unmatched"
"""The route of paths that lead nowhere: one name for all, or anybody could make up as many as he likes."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"
"""The method of requests with a method of somebody's own making, likewise."""
QUIET = ("/health/live", "/health/ready", "/metrics")
"""Asked all the time by machines: told only to those who debug."""


Finish = Callable[[HTTPResponseStartEvent, Scope], Awaitable[None]]
"""What is done to the head of every answer before it is sent."""


class Recounting:
    """The application with every request recounted; ``seconds`` is a monotonic clock."""

    def __init__(self, app: ASGIApp, finish: Finish, seconds: Callable[[], float] = time.perf_counter) -> None:
        self._app, self._finish, self._seconds = app, finish, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        began, status = self._seconds(), CLIENT_GONE

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                await self._finish(message, scope)
            await send(message)

        with about(lambda: _subject(scope)):
            try:
                await self._app(scope, receive, noted)
            finally:
                _recount(scope, status, self._seconds() - began)


_on_the_wire, _member = cache(camel_path), cache(camel)


@cache
def _requests(method: str, route: str, status: int) -> Counter:
    return REQUESTS.labels(method, route, status)


@cache
def _request_seconds(method: str, route: str) -> Histogram:
    return REQUEST_SECONDS.labels(method, route)


def route_of(scope: Any) -> str:
    """The path as the published document has it, once it is known where it leads."""
    template = scope.get("path_template")
    return _on_the_wire(template) if template else UNMATCHED


def _recount(scope: Any, status: int, seconds: float) -> None:
    method = scope["method"] if scope["method"] in METHODS else OTHER
    route = route_of(scope)
    _requests(method, route, status).inc()
    if not route.endswith("/events") and b"wait=" not in scope["query_string"]:
        _request_seconds(method, route).observe(seconds)
    level = logging.DEBUG if route in QUIET else logging.INFO
    if log.isEnabledFor(level):
        milliseconds = round(1_000 * seconds, 1)
        fields = {"method": method, "route": route, "status": status, "durationMs": milliseconds}
        if user := scope.get("user"):
            fields["actor"] = user.subject
        # Straight to the handlers: where in this file the line was written is no news, and dear to find out.
        place = (log.name, level, __file__, 0)
        log.handle(log.makeRecord(*place, "%s %s %s", (method, route, status), None, extra={FIELDS: fields}))


def _subject(scope: Any) -> dict[str, object]:
    """The request, and the ids in its path once it is known where it leads."""
    ids = {_member(name): value for name, value in scope.get("path_params", {}).items()}
    return {"requestId": request_id(scope), **ids}
