"""``/health``: whether the process lives, and whether it can do its work."""

from collections.abc import Callable
from typing import Literal

from litestar import Response, Router, get
from litestar.di import NamedDependency
from msgspec import Struct

from api.http.access import OPEN

Checks = dict[str, Callable[[], str | None]]
"""By name, what says None when all is well, or a sentence on what is wrong."""


class HealthBody(Struct, frozen=True, kw_only=True):
    """``problems`` says, by part, what is wrong and what to do."""

    status: Literal["ok", "unavailable"]
    problems: dict[str, str]


@get("/live", operation_id="live", summary="Is the process alive?", opt={OPEN: True}, sync_to_thread=False)
def live() -> HealthBody:
    """Answers as long as the process runs."""
    return HealthBody(status="ok", problems={})


@get("/ready", operation_id="ready", summary="Can the service do its work?", opt={OPEN: True}, sync_to_thread=True)
def ready(checks: NamedDependency[Checks]) -> Response[HealthBody]:
    """503 while a part is out of order, and which."""
    problems = {name: problem for name, check in checks.items() if (problem := check()) is not None}
    body = HealthBody(status="unavailable" if problems else "ok", problems=problems)
    return Response(body, status_code=503 if problems else 200, headers={"Retry-After": "1"} if problems else {})


router = Router("/health", route_handlers=[live, ready], tags=["Health"])
