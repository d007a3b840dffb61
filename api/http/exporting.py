"""Answers of any size, made piece by piece while they are sent."""

import asyncio
from collections.abc import AsyncIterator, Iterator


async def in_threads(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Each piece made in a thread. An error on the way breaks the answer off, so that nobody takes it for whole."""
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        yield piece
