"""Bodies arrive within a time, or their request is over: a caller who sends byte by byte holds nothing for long."""

import asyncio
from contextlib import suppress
from typing import Any

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from domain.errors import RequestTooSlow


class Punctual:
    """The application with at most ``seconds`` for each body, from when it is first asked for to its end."""

    def __init__(self, app: ASGIApp, seconds: int) -> None:
        self._app, self._seconds = app, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        deadline: float | None = None
        has_ended = False

        async def received() -> Any:
            nonlocal deadline, has_ended
            if has_ended:
                # What comes now is news of the connection's end, for which one waits as long as one likes.
                return await receive()
            if deadline is None:
                deadline = asyncio.get_running_loop().time() + self._seconds
            message: Any = None
            with suppress(TimeoutError):
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            if message is None:
                raise RequestTooSlow(self._seconds)
            has_ended = not message.get("more_body", False)
            return message

        await self._app(scope, received, send)
