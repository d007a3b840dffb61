"""What is found at a glance is what looking into it finds: the same bundles hold, and the same damage is named."""

from collections.abc import Callable
from functools import cache
from unittest.mock import patch
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.audit import lines
from domain.audit.evidence import Scope
from domain.audit.files import EvidenceRefused
from domain.audit.neighbours import Neighbours
from domain.audit.notes import NoteDamaged, Proof, parse_proof
from domain.audit.tree import Tree, includes, leaf_hash, root_of
from tests.domain.audit.bundles import Log, verified
from tests.domain.audit.test_evidence import files, packed
from tests.domain.audit.test_tree import ENTRIES, LEAVES, Tiles

NOTE = "log\n7\nroot\n\n— log signature\n"
STREAMS = [UUID(int=number) for number in (1, 2, 3)]
sizes = st.integers(1, len(ENTRIES))
indices = st.lists(st.integers(0, len(ENTRIES) - 1), min_size=1, max_size=20, unique=True)

Damage = Callable[[bytes, int, int], bytes]


def flip(text: bytes, at: int, by: int) -> bytes:
    return text[:at] + bytes([text[at] ^ 1 << by % 8]) + text[at + 1 :]


def take_out(text: bytes, at: int, by: int) -> bytes:
    return text[:at] + text[at + 1 + by % 50 :]


def put_in(text: bytes, at: int, by: int) -> bytes:
    return text[:at] + b"\n=A 0"[by % 5 :][:1] + text[at:]


def repeat(text: bytes, at: int, by: int) -> bytes:
    return text[: at + by % 50] + text[at:]


def swap_lines(text: bytes, at: int, by: int) -> bytes:
    rows = text.split(b"\n")
    one, other = at % len(rows), by % len(rows)
    rows[one], rows[other] = rows[other], rows[one]
    return b"\n".join(rows)


damages = st.sampled_from([flip, take_out, put_in, repeat, swap_lines])


def text_of(tree: Tree, index: int) -> bytes:
    return Proof(index, tuple(tree.inclusion(index)), NOTE).text().encode()


def holds_alone(index: int, size: int, leaf: bytes, root: bytes, text: bytes) -> bool:
    try:
        proof = parse_proof(text.decode())
    except (NoteDamaged, UnicodeDecodeError):
        return False
    as_written = proof.checkpoint == NOTE and proof.text().encode() == text
    return as_written and proof.index == index and includes(index, size, leaf, proof.path, root)


@given(sizes, indices, damages, st.data())
def test_proofs_beside_each_other_hold_as_each_does_alone(
    size: int, chosen: list[int], damage: Damage, data: st.DataObject
) -> None:
    tree, (first, *rest) = Tree(Tiles(), size), sorted({index % size for index in chosen})
    root, neighbours = tree.root(), Neighbours(size, NOTE.encode())
    assert not neighbours.holds(first, LEAVES[first], text_of(tree, first))
    neighbours.begin(first, LEAVES[first], tree.inclusion(first))
    for index in rest:
        text = text_of(tree, index)
        other = damage(text, data.draw(st.integers(0, len(text) - 1)), data.draw(st.integers(0, 10_000)))
        if other != text:
            assert not holds_alone(index, size, LEAVES[index], root, other)
            assert not neighbours.holds(index, LEAVES[index], other)
        assert not neighbours.holds(index, leaf_hash(b"another"), text)
        assert neighbours.holds(index, LEAVES[index], text)
        assert not neighbours.holds(index, LEAVES[index], text), "a second time"


@pytest.mark.parametrize("size", range(1, 35))
def test_no_byte_of_any_proof_is_free(size: int) -> None:
    leaves = LEAVES[:size]
    tree = Tree(Tiles(), size)
    neighbours, root = Neighbours(size, NOTE.encode()), root_of(leaves)
    neighbours.begin(0, leaves[0], tree.inclusion(0))
    for index in range(1, size):
        text = text_of(tree, index)
        assert holds_alone(index, size, leaves[index], root, text)
        for at in range(0, len(text), 3):
            assert not neighbours.holds(index, leaves[index], flip(text, at, at))
        for at in (at for at, byte in enumerate(text) if byte == ord("\n")):
            for changed in (
                text[:at] + text[at + 1 :],
                text[:at] + b"A" + text[at:],
                text[: at + 1] + b"A" + text[at + 1 :],
            ):
                assert not neighbours.holds(index, leaves[index], changed)
        assert neighbours.holds(index, leaves[index], text)


def verdict(bundle: bytes) -> object:
    try:
        return verified(bundle)
    except EvidenceRefused as refusal:
        return str(refusal)


def verdict_without_glances(bundle: bytes) -> object:
    with patch.object(Neighbours, "holds", return_value=False), patch.object(lines, "_at_a_glance", return_value=None):
        return verdict(bundle)


@cache
def bundle_of(size: int, every: int) -> bytes:
    """Of a period, or else of one of two or three tables that take turns."""
    log = Log([STREAMS[number % every] for number in range(size)])
    if every == 1:
        return log.bundle(Scope("period", f"1-{size}"))
    return log.bundle(Scope("table", str(STREAMS[0])), log.of(STREAMS[0]))


@given(st.integers(2, 40), st.integers(1, 3), damages, st.data())
def test_damage_to_a_file_is_named_alike_without_glances(
    size: int, every: int, damage: Damage, data: st.DataObject
) -> None:
    bundle = bundle_of(size, every)
    assert verdict(bundle) == verdict_without_glances(bundle)
    contents = files(bundle)
    name = data.draw(st.sampled_from(sorted(name for name in contents if name.startswith(("proofs/", "events/")))))
    content = contents[name]
    changed = damage(content, data.draw(st.integers(0, len(content) - 1)), data.draw(st.integers(0, 10_000)))
    found = verdict(packed({**contents, name: changed}))
    assert found == verdict_without_glances(packed({**contents, name: changed}))
    assert isinstance(found, str) or changed == content


@given(st.integers(2, 40), st.integers(1, 3), st.data())
def test_proofs_that_change_places_are_named_alike_without_glances(size: int, every: int, data: st.DataObject) -> None:
    contents = files(bundle_of(size, every))
    names = sorted(name for name in contents if name.startswith("proofs/"))
    one, other = data.draw(st.sampled_from(names)), data.draw(st.sampled_from(names))
    changed = packed({**contents, one: contents[other], other: contents[one]})
    assert verdict(changed) == verdict_without_glances(changed)
    assert one == other or isinstance(verdict(changed), str)
