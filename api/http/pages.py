"""``/openapi.json`` and ``/docs``: the published document and a page to read it, without the internet."""

from collections.abc import Callable
from pathlib import Path

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.static_files import create_static_files_router
from litestar.types import ControllerRouterHandler

from api.http.access import OPEN

STATIC = Path(__file__).parent / "static"


def make_pages(document: Callable[[], bytes]) -> list[ControllerRouterHandler]:
    """Routes that answer with the document and the page. The page's script and style are files of this package."""
    page = (STATIC / "docs.html").read_bytes()

    @get("/openapi.json", opt={OPEN: True}, include_in_schema=False, sync_to_thread=True)
    def openapi() -> Response[bytes]:
        return Response(document(), media_type="application/json")

    @get("/docs", opt={OPEN: True}, include_in_schema=False, sync_to_thread=False)
    def docs() -> Response[bytes]:
        return Response(page, media_type="text/html")

    handlers: list[HTTPRouteHandler] = [openapi, docs]
    files = create_static_files_router("/docs/static", [STATIC], opt={OPEN: True}, include_in_schema=False)
    return [*handlers, files]
