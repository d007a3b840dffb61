"""Who is asking: the bearer token, the request's id, and the origin that every event carries."""

import re
from collections.abc import Callable, Iterable
from typing import Any
from uuid import uuid4

from anyio import to_thread
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler
from litestar.routes import BaseRoute, HTTPRoute
from litestar.types import Message, Scope

from domain.errors import ContentTypeUnsupported, TokenInvalid, TokenMissing
from domain.facts import Origin
from domain.ports import Principal, Tokens

OPEN = "open"
"""The ``opt`` of routes that need no token."""

BODY = "body"
"""The ``opt`` of routes that take a JSON body: its shape, for the published document."""

WRITES = "writes"
"""The ``opt`` of routes that change something without taking a body."""

_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")

Connection = ASGIConnection[Any, Any, Any, Any]


def token_guard(tokens: Tokens) -> Callable[[Connection, BaseRouteHandler], Any]:
    """A guard that lets nobody without a good token through, except to routes that are open."""

    async def require_token(connection: Connection, handler: BaseRouteHandler) -> None:
        if handler.opt.get(OPEN):
            return
        kind, _, secret = connection.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not secret.strip():
            raise TokenMissing
        principal = await to_thread.run_sync(tokens.principal, secret.strip())
        if principal is None:
            raise TokenInvalid
        connection.scope["user"] = principal

    return require_token


def require_json(connection: Connection, handler: BaseRouteHandler) -> None:
    """A guard that refuses bodies of other kinds, which the framework would read as JSON all the same."""
    if handler.opt.get(BODY) is None:
        return
    content_type = connection.headers.get("content-type", "")
    media_type = content_type.partition(";")[0].strip().lower()
    empty = connection.headers.get("content-length") == "0" or not content_type
    if not empty and media_type != "application/json":
        raise ContentTypeUnsupported(content_type)
    if not content_type and connection.headers.get("content-length", "0") != "0":
        raise ContentTypeUnsupported("nothing")


def request_id(scope: Scope) -> str:
    """The caller's ``X-Request-Id`` when it is one printable word, else one made for the request."""
    state = scope.setdefault("state", {})
    if "request_id" not in state:
        given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
        state["request_id"] = given if _REQUEST_ID.fullmatch(given) else str(uuid4())
    return str(state["request_id"])


async def send_request_id(message: Message, scope: Scope) -> None:
    """Every answer says which request it belongs to."""
    if message["type"] == "http.response.start":
        message["headers"] = [*message["headers"], (b"x-request-id", request_id(scope).encode())]


async def send_true_allow(message: Message, scope: Scope) -> None:
    """The framework's own answer to OPTIONS names the methods of one handler of a path, not of all."""
    if message["type"] == "http.response.start" and scope.get("method") == "OPTIONS":
        template = scope.get("path_template")
        methods = {
            method
            for route in scope["litestar_app"].routes
            if route.path_format == template
            for method in _methods(route)
        }
        if methods:
            kept = [header for header in message["headers"] if header[0] != b"allow"]
            message["headers"] = [*kept, (b"allow", ", ".join(sorted(methods)).encode())]


def _methods(route: BaseRoute) -> Iterable[str]:
    return route.methods if isinstance(route, HTTPRoute) else ()


def origin_of(request: Request[Principal, Any, Any]) -> Origin:
    """Who caused what the request leads to."""
    client = request.client
    return Origin(
        actor=request.user.subject,
        authentication="token",
        source_address=client.host if client else None,
        request_id=request_id(request.scope),
        traceparent=request.scope.get("state", {}).get("traceparent"),
    )
