"""Names with a slash in paths: ``/columns/a%2Fb/history`` is about the column ``a/b``.

Servers hand on a path that is decoded already, in which a slash of a name looks like one between names. So it goes
through the routing as half of a surrogate pair, which no decoded path can hold, and comes out as what it was.
"""

from urllib.parse import unquote

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

STAND_IN = "\udc2f"


class Slashes:
    """The application with escaped slashes kept apart from those between names."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP and b"%2f" in (raw := bytes(scope.get("raw_path") or b"")).lower():
            segments = raw.partition(b"?")[0].decode("ascii", "replace").split("/")
            scope["path"] = "/".join(unquote(segment).replace("/", STAND_IN) for segment in segments)
        await self._app(scope, receive, send)


def restore_slashes(scope: Scope) -> None:
    """What the path names has its slashes back."""
    named = scope.get("path_params", {})
    for name, value in named.items():
        if isinstance(value, str) and STAND_IN in value:
            named[name] = value.replace(STAND_IN, "/")
