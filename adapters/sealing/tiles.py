"""The hashes of the tree, kept as tiles of 256 (c2sp.org/tlog-tiles); the last tile of a level may be partial."""

from collections.abc import Mapping, Sequence

from adapters.postgres.statements import Connection, Statement, run
from domain.audit.tree import TILE_HEIGHT, TILE_WIDTH, root_of

HASH = 32
TILE = "SELECT hashes FROM seal_tiles WHERE level = %(level)s AND number = %(number)s"
PUT = """
INSERT INTO seal_tiles (level, number, hashes) VALUES (%(level)s, %(number)s, %(hashes)s)
ON CONFLICT (level, number) DO UPDATE SET hashes = excluded.hashes
"""

Tiles = dict[tuple[int, int], bytes]
"""By level and number."""


MOST_TILES = 512
"""Kept in memory, of 8 KiB each."""


class PostgresForest:
    """Implements ``Forest`` over one connection; the tiles read last stay in memory. ``fresh`` are not stored yet."""

    def __init__(self, connection: Connection, fresh: Mapping[tuple[int, int], bytes] | None = None) -> None:
        self._connection, self._fresh = connection, fresh or {}
        self._read: Tiles = {}

    def hashes(self, level: int, start: int, count: int) -> Sequence[bytes]:
        number, inner = divmod(start, TILE_WIDTH)
        tile = self.tile(level, number)[inner * HASH : (inner + count) * HASH]
        if len(tile) != count * HASH:
            raise LookupError(f"tile {number} of level {level} is missing or too short")
        return [tile[i : i + HASH] for i in range(0, len(tile), HASH)]

    def tile(self, level: int, number: int) -> bytes:
        """Its hashes, none where there is no such tile."""
        place = level, number
        found = self._fresh.get(place) or self._read.get(place)
        if found is None:
            row = run(self._connection, Statement(TILE, {"level": level, "number": number})).first
            found = bytes(row["hashes"]) if row else b""
            if len(self._read) == MOST_TILES:
                del self._read[next(iter(self._read))]
            self._read[place] = found
        return found


def grown(forest: PostgresForest, size: int, leaves: Sequence[bytes]) -> Tiles:
    """The tiles that change when so many leaves follow the first ``size``."""
    changed: Tiles = {}
    level, hashes = 0, list(leaves)
    while hashes:
        number, inner = divmod(size, TILE_WIDTH)
        row = forest.tile(level, number)[: inner * HASH] + b"".join(hashes)
        if len(row) != (inner + len(hashes)) * HASH:
            raise LookupError(f"tile {number} of level {level} is missing or too short")
        full = []
        for at in range(0, len(row), TILE_WIDTH * HASH):
            tile = row[at : at + TILE_WIDTH * HASH]
            changed[level, number + at // (TILE_WIDTH * HASH)] = tile
            if len(tile) == TILE_WIDTH * HASH:
                full.append(root_of([tile[i : i + HASH] for i in range(0, len(tile), HASH)]))
        level, size, hashes = level + 1, size >> TILE_HEIGHT, full
    return changed


def store(connection: Connection, tiles: Tiles) -> None:
    for (level, number), hashes in tiles.items():
        run(connection, Statement(PUT, {"level": level, "number": number, "hashes": hashes}))
