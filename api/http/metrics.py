"""``/metrics``: what is counted and measured, for Prometheus. Open like the health: it names no table and nobody."""

import asyncio
import time
from collections.abc import Callable

from litestar import MediaType, Response, get
from litestar.di import NamedDependency

from api.http.access import OPEN
from api.metrics import CONTENT_TYPE, Exposition


class Scrapes:
    """What the exposition says, put together once for all who ask within ``lasting`` seconds.

    Anybody may ask: it must not cost the others their time. Who asks while it is put together waits for the same,
    and holds no thread.
    """

    def __init__(self, exposition: Exposition, lasting: float, seconds: Callable[[], float] = time.monotonic) -> None:
        self._exposition, self._lasting, self._seconds = exposition, lasting, seconds
        self._text, self._until = b"", 0.0
        self._making: asyncio.Task[bytes] | None = None

    async def text(self) -> bytes:
        if self._seconds() < self._until:
            return self._text
        if self._making is None:
            self._making = asyncio.create_task(self._made())
        # Whoever goes away leaves the others what they wait for.
        return await asyncio.shield(self._making)

    async def _made(self) -> bytes:
        try:
            self._text = await asyncio.to_thread(self._exposition.text)
            self._until = self._seconds() + self._lasting
            return self._text
        finally:
            self._making = None


@get(
    "/metrics",
    operation_id="metrics",
    summary="Metrics for Prometheus",
    media_type=MediaType.TEXT,
    opt={OPEN: True},
    tags=["Health"],
)
async def get_metrics(scrapes: NamedDependency[Scrapes]) -> Response[bytes]:
    """Counters and measurements in Prometheus' text format, of all processes of this `schemaledger serve`."""
    return Response(await scrapes.text(), media_type=CONTENT_TYPE)
