"""Laws of the Merkle tree, each against the definitions of RFC 6962 written down once more in their simplest form."""

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.audit.tree import EMPTY, TILE_WIDTH, Growing, Tree, extends, includes, leaf_hash, root_of

ENTRIES = [number.to_bytes(3, "big") for number in range(3 * TILE_WIDTH)]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]
sizes = st.integers(1, len(ENTRIES))


class Tiles:
    """Every level whole, in memory."""

    def hashes(self, level: int, start: int, count: int) -> Sequence[bytes]:
        width = TILE_WIDTH**level
        return [plain(ENTRIES[i * width : (i + 1) * width]) for i in range(start, start + count)]


def plain(entries: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, word for word."""
    if not entries:
        return sha256().digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    k = 1
    while k * 2 < len(entries):
        k *= 2
    return sha256(b"\x01" + plain(entries[:k]) + plain(entries[k:])).digest()


ROOTS = {size: plain(ENTRIES[:size]) for size in (*range(1, 20), 255, 256, 257, 511, 512, 513, 700, len(ENTRIES))}


@pytest.mark.parametrize("size", ROOTS)
def test_the_root_is_that_of_the_rfc(size: int) -> None:
    assert Tree(Tiles(), size).root() == root_of(LEAVES[:size]) == ROOTS[size]


def test_a_tree_that_grows_has_every_root_on_the_way() -> None:
    growing = Growing()
    assert growing.root() == EMPTY
    for leaf in LEAVES:
        growing.add(leaf)
        if growing.size in ROOTS:
            assert growing.root() == ROOTS[growing.size]


def test_known_roots() -> None:
    """Those of the reference implementation of Certificate Transparency, over its eight well-known leaves."""
    leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    hashes = [leaf_hash(bytes.fromhex(leaf)) for leaf in leaves]
    assert root_of(hashes[:1]).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert root_of(hashes[:2]).hex() == "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    assert root_of(hashes).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def test_the_empty_tree() -> None:
    assert Tree(Tiles(), 0).root() == EMPTY == sha256().digest()


@given(sizes, st.data())
def test_every_leaf_is_proven_and_no_other(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    tree = Tree(Tiles(), size)
    root, path = tree.root(), tree.inclusion(index)
    assert includes(index, size, LEAVES[index], path, root)
    other = data.draw(st.integers(0, size - 1))
    assert includes(other, size, LEAVES[index], path, root) == (other == index)
    assert not includes(index, size, leaf_hash(b"another"), path, root)
    assert not includes(size, size, LEAVES[index], path, root)
    if path:
        at = data.draw(st.integers(0, len(path) - 1))
        assert not includes(index, size, LEAVES[index], [*path[:at], bytes(32), *path[at + 1 :]], root)
        assert not includes(index, size, LEAVES[index], [*path[:at], *path[at + 1 :]], root)
    assert not includes(index, size, LEAVES[index], [*path, path[-1] if path else bytes(32)], root)


@given(sizes, st.data())
def test_a_tree_extends_every_earlier_one_and_no_other(size: int, data: st.DataObject) -> None:
    earlier = data.draw(st.integers(1, size))
    tree, before = Tree(Tiles(), size), Tree(Tiles(), earlier)
    root, old, proof = tree.root(), before.root(), tree.consistency(earlier)
    assert extends(earlier, size, old, root, proof)
    assert not extends(earlier, size, leaf_hash(b"another"), root, proof)
    assert not extends(earlier, size, old, leaf_hash(b"another"), proof)
    assert not extends(earlier, size, old, root, [*proof, bytes(32)])
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        assert not extends(earlier, size, old, root, [*proof[:at], bytes(32), *proof[at + 1 :]])
        assert not extends(earlier, size, old, root, [*proof[:at], *proof[at + 1 :]])


def test_no_proof_beyond_the_tree() -> None:
    tree = Tree(Tiles(), 5)
    for wrong in (-1, 5):
        with pytest.raises(IndexError):
            tree.inclusion(wrong)
    for wrong in (0, 6):
        with pytest.raises(IndexError):
            tree.consistency(wrong)
    assert not extends(0, 5, EMPTY, tree.root(), [])
    assert not extends(6, 5, EMPTY, tree.root(), [])
