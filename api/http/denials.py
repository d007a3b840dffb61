"""What is refused to a caller whose token is good is written down before it is answered.

That is every call that would have changed something, and whatever is forbidden. Calls without a good token are nobody's
and are counted by the metrics alone.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any
from uuid import UUID

from litestar import Request
from litestar.types import Scope

from api.http.access import NEEDS, origin_of
from api.http.recounting import route_of
from api.logs import without_tokens
from domain.access import Scope as Scopes
from domain.errors import LogUnavailable, Refusal
from domain.facts import Origin
from domain.handlers.house import House
from domain.handlers.witnessing import record_denial
from domain.trail.events import CommandDenied

log = logging.getLogger("schemaledger.http")

SAFE = ("GET", "HEAD", "OPTIONS")
LONGEST_MESSAGE = 500
"""Characters of a refusal's sentence that are kept."""


Witness = Callable[[int, Scope, Refusal], Awaitable[None]]
"""Is told of a status that is about to be answered, the request, and why it was refused."""


def witness_of(house: House) -> Witness:
    async def witness(status: int, scope: Scope, refusal: Refusal) -> None:
        if scope.get("user") is not None and _is_denial(scope, status):
            origin = origin_of(Request(scope))
            await asyncio.to_thread(_record, house, _denied(scope, refusal), origin)

    return witness


def _is_denial(scope: Any, status: int) -> bool:
    commands = scope["method"] not in SAFE and scope["route_handler"].opt.get(NEEDS) is not Scopes.MIGRATIONS_PLAN
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT):
        # About how it was asked, not about what; and writing it down would cost what the limit is there to save.
        return False
    return status == HTTPStatus.FORBIDDEN or (commands and HTTPStatus.BAD_REQUEST <= status < 500)


def _denied(scope: Any, refusal: Refusal) -> CommandDenied:
    named = scope.get("path_params", {})
    return CommandDenied(
        command=f"{scope['method']} {route_of(scope)}",
        code=refusal.code,
        message=_kept(str(refusal)),
        table_id=_uuid(named.get("table_id")),
        target=next((_kept(str(value)) for name, value in named.items() if name != "table_id"), None),
    )


def _kept(text: str) -> str:
    """The log keeps it for ever: a token that somebody put into a path is none of it."""
    return without_tokens(text)[:LONGEST_MESSAGE]


def _record(house: House, denied: CommandDenied, origin: Origin) -> None:
    """The caller gets his answer in any case: what was refused stays refused while the log is away."""
    try:
        record_denial(house, denied, origin)
    except LogUnavailable as refusal:
        log.warning(
            "%s of %s was refused (%s) and not recorded: %s", denied.command, origin.actor, denied.code, refusal
        )


def _uuid(text: object) -> UUID | None:
    try:
        return UUID(str(text))
    except ValueError:
        return None
