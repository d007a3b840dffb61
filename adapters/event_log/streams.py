"""Ids of streams as they are read from the log by the million."""

from functools import lru_cache
from uuid import UUID

from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format


class StreamLoader(Loader):
    """Reads the id of a stream, which its neighbours in the log often have too, as the same object."""

    format = Format.BINARY

    def load(self, data: Buffer) -> UUID:
        return _stream(bytes(data))


@lru_cache(maxsize=10_000)
def _stream(content: bytes) -> UUID:
    return UUID(bytes=content)
