"""Answers of any size, made piece by piece while they are sent."""

from collections.abc import AsyncIterator, Iterator

from anyio import to_thread


async def in_threads(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Each piece made in a thread. An error on the way breaks the answer off, so that nobody takes it for whole."""
    while (piece := await to_thread.run_sync(next, pieces, None)) is not None:
        yield piece
