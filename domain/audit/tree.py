"""The Merkle tree over the log: hashes, proofs, and what verifies them (RFC 6962, section 2.1; RFC 9162, section 2.1).

Everything in this room needs the standard library alone: it is also what an auditor verifies with, far from here.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Protocol

EMPTY = sha256(b"").digest()
"""The root of a tree without leaves."""
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
MOST_KNOWN = 10_000
"""Hashes that a tree keeps in memory."""


class Forest(Protocol):
    """The hashes that are kept of a tree: those of every eighth level, of complete subtrees only."""

    def hashes(self, level: int, start: int, count: int) -> Sequence[bytes]:
        """So many hashes of subtrees of ``256 ** level`` leaves each, from the ``start``-th on."""


def leaf_hash(entry: bytes) -> bytes:
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """The root over these hashes, as if they were all there is."""
    if not hashes:
        return EMPTY
    row = list(hashes)
    while len(row) > 1:
        paired = [node_hash(row[i], row[i + 1]) for i in range(0, len(row) - 1, 2)]
        row = paired + row[len(row) & ~1 :]
    return row[0]


class Tree:
    """The first ``size`` leaves of a forest."""

    def __init__(self, forest: Forest, size: int) -> None:
        self._forest, self.size = forest, size
        self._known = dict[tuple[int, int], bytes]()

    def root(self) -> bytes:
        return self._over(0, self.size) if self.size else EMPTY

    def inclusion(self, index: int) -> list[bytes]:
        """PATH(index, D[size]): from the leaf's sibling up to the root's child. Raises IndexError beyond the tree."""
        if not 0 <= index < self.size:
            raise IndexError(index)
        return self._path(index, 0, self.size)

    def consistency(self, earlier: int) -> list[bytes]:
        """PROOF(earlier, D[size]): this tree begins with the one of ``earlier`` leaves. Raises IndexError."""
        if not 0 < earlier <= self.size:
            raise IndexError(earlier)
        return self._subproof(earlier, 0, self.size, whole=True)

    def _path(self, index: int, start: int, end: int) -> list[bytes]:
        if end - start == 1:
            return []
        middle = start + _split(end - start)
        if index < middle:
            return [*self._path(index, start, middle), self._over(middle, end)]
        return [*self._path(index, middle, end), self._over(start, middle)]

    def _subproof(self, earlier: int, start: int, end: int, *, whole: bool) -> list[bytes]:
        if earlier == end:
            return [] if whole else [self._over(start, end)]
        middle = start + _split(end - start)
        if earlier <= middle:
            return [*self._subproof(earlier, start, middle, whole=whole), self._over(middle, end)]
        return [*self._subproof(earlier, middle, end, whole=False), self._over(start, middle)]

    def _over(self, start: int, end: int) -> bytes:
        """The hash over the leaves from ``start`` to before ``end``; ``start`` is a multiple of a power of two."""
        count = end - start
        if count & (count - 1) == 0:
            return self._complete(start, count.bit_length() - 1)
        middle = start + _split(count)
        return node_hash(self._over(start, middle), self._over(middle, end))

    def _complete(self, start: int, height: int) -> bytes:
        """Neighbours share most of their paths: what was hashed for one is kept for the next."""
        if (start, height) in self._known:
            return self._known[start, height]
        level, within = divmod(height, TILE_HEIGHT)
        if within == 0:
            return self._forest.hashes(level, start >> height, 1)[0]
        half = 1 << (height - 1)
        node = node_hash(self._complete(start, height - 1), self._complete(start + half, height - 1))
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[start, height] = node
        return node


class Growing:
    """A tree that is only ever added to, of which the roots of complete subtrees are kept and nothing else."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks = list[bytes]()

    def add(self, leaf: bytes) -> None:
        count, node = self.size, leaf
        while count & 1:
            node, count = node_hash(self._peaks.pop(), node), count >> 1
        self._peaks.append(node)
        self.size += 1

    def root(self) -> bytes:
        if not self._peaks:
            return EMPTY
        node = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            node = node_hash(peak, node)
        return node


def climbed(index: int, size: int, leaf: bytes, path: Sequence[bytes]) -> list[bytes]:
    """The nodes from the leaf at ``index`` up to the root, as the path has them (RFC 9162, section 2.1.3.2).

    None at all where a path of this length leads to no root.
    """
    if not 0 <= index < size:
        return []
    at, last, node = index, size - 1, leaf
    nodes = [leaf]
    for sibling in path:
        if last == 0:
            return []
        if at & 1 or at == last:
            node = node_hash(sibling, node)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        nodes.append(node)
        at, last = at >> 1, last >> 1
    return nodes if last == 0 else []


def includes(index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> bool:
    """Whether the path proves that the leaf hash stands at ``index`` of the tree."""
    return climbed(index, size, leaf, path)[-1:] == [root]


def extends(earlier: int, size: int, earlier_root: bytes, root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the proof shows that the tree begins with the earlier one (RFC 9162, section 2.1.4.2)."""
    if not 0 < earlier <= size:
        return False
    if earlier == size:
        return not proof and earlier_root == root
    rest = list(proof)
    if earlier & (earlier - 1) == 0:
        rest.insert(0, earlier_root)
    if not rest:
        return False
    at, last = earlier - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    before = after = rest[0]
    for sibling in rest[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            after = node_hash(after, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and before == earlier_root and after == root


def _split(count: int) -> int:
    """The largest power of two below ``count``, which is two at least."""
    return 1 << ((count - 1).bit_length() - 1)
