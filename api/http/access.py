"""Who is asking: the bearer token, the request's id, and the origin that every event carries."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any
from uuid import UUID, uuid4

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler
from litestar.routes import BaseRoute, HTTPRoute
from litestar.types import HTTPResponseStartEvent
from litestar.types import Scope as AsgiScope

from api.http.headers import header
from api.http.ids import operation_uuid, table_uuid
from api.http.limits import CallerLimits, spend
from api.http.signing_in import Door
from domain.access import WHOLE_SERVICE, Principal, Resource, Scope, Whereabouts, authorize, holds_somewhere, may
from domain.errors import (
    ContentTypeUnsupported,
    OperationNotFound,
    Refusal,
    ScopeMissing,
    TableNotFound,
    ValidationFailed,
    Violation,
)
from domain.facts import Origin
from domain.ports import Tokens

OPEN = "open"
"""The ``opt`` of routes that need no token."""

NEEDS = "needs"
"""The ``opt`` of all other routes: the Scope that is needed for the table, operation or dataset in the path, or else
for the whole service; or SIGNED_IN. A route that declares neither this nor OPEN keeps the application from starting."""

SIGNED_IN = "signed in"
"""What a route needs that any good token opens."""

NARROWED = "narrowed"
"""The ``opt`` of routes without such a path that see to it themselves that nothing is shown or done beyond the reach of
the caller: holding the scope somewhere lets in."""

BODY = "body"
"""The ``opt`` of routes that take a JSON body: its shape, for the published document."""

WRITES = "writes"
"""The ``opt`` of routes that change something without taking a body."""

ON_BEHALF_OF = "On-Behalf-Of"
"""The header in which a caller that acts for others names whom, by the subject id."""
_ON_BEHALF_OF = ON_BEHALF_OF.lower().encode()
_SUBJECT = re.compile(r"[\x21-\x7e]{1,200}")
_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")

Connection = ASGIConnection[Any, Any, Any, Any]
Guard = Callable[[Connection, BaseRouteHandler], Awaitable[None]]


def token_guard(tokens: Tokens, whereabouts: Whereabouts, limits: CallerLimits) -> Guard:
    """A guard that lets nobody through without a good token that holds what the route needs, except to open routes."""
    door = Door(tokens)

    async def admit(connection: Connection, handler: BaseRouteHandler) -> None:
        if handler.opt.get(OPEN):
            return
        principal = await door.let_in(connection)
        connection.scope["user"] = principal
        spend(connection.scope, limits, principal.caller)
        represent(connection, principal)
        # Only the framework's own answer to OPTIONS declares nothing.
        needs = handler.opt.get(NEEDS, SIGNED_IN)
        # Whoever may do it everywhere costs nothing more.
        if needs == SIGNED_IN or may(principal, needs):
            return
        if handler.opt.get(NARROWED):
            if not holds_somewhere(principal, needs):
                raise ScopeMissing(needs.value, "anywhere")
            return
        resource = await asyncio.to_thread(_resource, connection.path_params, whereabouts)
        authorize(principal, needs, resource)

    return admit


def represent(connection: Connection, principal: Principal) -> None:
    """Notes on whose behalf the caller says it acts. Raises ScopeMissing for one who may not say so."""
    given = header(connection.scope, _ON_BEHALF_OF)
    if given is None:
        return
    if not _SUBJECT.fullmatch(given):
        sentence = f"The header '{ON_BEHALF_OF}' is one printable word of at most 200 characters."
        raise ValidationFailed((Violation(pointer=f"/{ON_BEHALF_OF}", code="parameter_invalid", message=sentence),))
    if not may(principal, Scope.SUBJECTS_REPRESENT):
        raise ScopeMissing(Scope.SUBJECTS_REPRESENT.value, "everywhere")
    connection.scope.setdefault("state", {})["on_behalf_of"] = given


def _resource(path: Mapping[str, Any], whereabouts: Whereabouts) -> Resource:
    """What the path leads to. One that is not there looks like one that the caller may not know of."""
    if "dataset_id" in path:
        return Resource(dataset_id=path["dataset_id"])
    if "table_id" in path:
        return _table(table_uuid(path["table_id"]), whereabouts, TableNotFound(path["table_id"]))
    if "operation_id" in path:
        hidden, table = (
            OperationNotFound(path["operation_id"]),
            whereabouts.table_of(operation_uuid(path["operation_id"])),
        )
        return Resource(hidden=hidden) if table is None else _table(table, whereabouts, hidden)
    return WHOLE_SERVICE


def _table(table_id: UUID, whereabouts: Whereabouts, hidden: Refusal) -> Resource:
    return Resource(table_id=table_id, dataset_id=whereabouts.dataset_of(table_id), hidden=hidden)


def check_declarations(routes: Iterable[BaseRoute]) -> None:
    """Raises ValueError for a route that does not say what it needs."""
    for route in routes:
        for handler in getattr(route, "route_handlers", ()):
            declared = (
                handler.opt.get(OPEN)
                or handler.opt.get(NEEDS) == SIGNED_IN
                or isinstance(handler.opt.get(NEEDS), Scope)
            )
            if not declared and handler.http_methods != {"OPTIONS"}:
                raise ValueError(f"{route.path} {handler} declares neither OPEN nor NEEDS (api/http/access.py).")


def require_json(connection: Connection, handler: BaseRouteHandler) -> None:
    """A guard that refuses bodies of other kinds, which the framework would read as JSON all the same."""
    if handler.opt.get(BODY) is None:
        return
    content_type = header(connection.scope, b"content-type") or ""
    length = header(connection.scope, b"content-length")
    media_type = content_type.partition(";")[0].strip().lower()
    empty = length == "0" or not content_type
    if not empty and media_type != "application/json":
        raise ContentTypeUnsupported(content_type)
    if not content_type and length not in (None, "0"):
        raise ContentTypeUnsupported("nothing")


def request_id(scope: AsgiScope) -> str:
    """The caller's ``X-Request-Id`` when it is one printable word, else one made for the request."""
    state = scope.setdefault("state", {})
    if "request_id" not in state:
        given = header(scope, b"x-request-id")
        state["request_id"] = given if given is not None and _REQUEST_ID.fullmatch(given) else str(uuid4())
    return str(state["request_id"])


def send_true_allow(message: HTTPResponseStartEvent, scope: AsgiScope) -> None:
    """The framework's own answer to OPTIONS names the methods of one handler of a path, not of all."""
    if scope.get("method") == "OPTIONS":
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
        on_behalf_of=request.scope.get("state", {}).get("on_behalf_of"),
        authentication=request.user.authentication,
        source_address=client.host if client else None,
        request_id=request_id(request.scope),
        traceparent=request.scope.get("state", {}).get("traceparent"),
    )
