"""A forest that vouches for itself: no hash of it is used that does not lead to the root that was signed."""

from collections.abc import Sequence
from typing import Protocol

from domain.audit.tree import TILE_HEIGHT, TILE_WIDTH, Tree, root_of

HASH = 32
MOST_TILES = 512
"""Kept in memory, of 8 KiB each."""


class TreeDamaged(LookupError):
    """The stored tree is not the one that was signed; says where."""


class Tiles(Protocol):
    """The rows of hashes that are stored of a tree."""

    def tile(self, level: int, number: int) -> bytes:
        """Its hashes, none where there is no such tile."""


class ProvenForest:
    """Implements ``Forest`` for the first ``size`` leaves, of which ``root`` was signed.

    The tiles at the right edge are what the root is made of. Every other tile is whole, and its hash stands in the
    tile above it.
    """

    def __init__(self, tiles: Tiles, size: int, root: bytes) -> None:
        """Raises TreeDamaged."""
        self._tiles, self._size = tiles, size
        self._edge, self._whole = dict[int, bytes](), dict[tuple[int, int], bytes]()
        if Tree(self, size).root() != root:
            raise TreeDamaged(f"the tree is no longer the one that the checkpoint of {size} events was signed for")

    def hashes(self, level: int, start: int, count: int) -> Sequence[bytes]:
        """Raises TreeDamaged."""
        number, inner = divmod(start, TILE_WIDTH)
        tile = self._tile(level, number)[inner * HASH : (inner + count) * HASH]
        if len(tile) != count * HASH:
            raise IndexError(start)
        return [tile[at : at + HASH] for at in range(0, len(tile), HASH)]

    def _tile(self, level: int, number: int) -> bytes:
        width = min(TILE_WIDTH, (self._size >> TILE_HEIGHT * level) - number * TILE_WIDTH)
        if width < TILE_WIDTH:
            if level not in self._edge:
                self._edge[level] = self._read(level, number, width)
            return self._edge[level]
        found = self._whole.get((level, number))
        if found is None:
            found = self._read(level, number, width)
            above = self.hashes(level + 1, number, 1)[0]
            if root_of([found[at : at + HASH] for at in range(0, len(found), HASH)]) != above:
                raise TreeDamaged(f"tile {number} of level {level} is not the one that was sealed")
            if len(self._whole) >= MOST_TILES:
                del self._whole[next(iter(self._whole))]
            self._whole[level, number] = found
        return found

    def _read(self, level: int, number: int, width: int) -> bytes:
        tile = self._tiles.tile(level, number)[: width * HASH]
        if len(tile) != width * HASH:
            raise TreeDamaged(f"tile {number} of level {level} is missing or too short")
        return tile
