"""Proofs of one checkpoint checked one after another, each by what was proven with the one before it.

The ways of two leaves to the root meet at a node and are the same from there on. Of this node's two children one is
above the earlier leaf and one above the later, and each proof has the other's child on its way. So once the earlier
proof holds, the later one does if it says the same from the meeting on, names there the child that the earlier leaf is
under, and leads from its own leaf to the child that the earlier proof names. Between leaves that stand side by side
this takes one hash on average, however large the tree is.
"""

from binascii import b2a_base64
from collections.abc import Sequence

from domain.audit.notes import PROOF, NoteDamaged, hash_of
from domain.audit.tree import climbed

_HEAD = f"{PROOF}\nindex %d\n".encode()
_LINE = len(b2a_base64(bytes(32)))


class Neighbours:
    """``note`` is the signed checkpoint of the tree of ``size`` leaves that the proofs end with."""

    def __init__(self, size: int, note: bytes) -> None:
        self._size, self._note = size, note
        self._index, self._nodes, self._lines = -1, list[bytes](), b""

    def begin(self, index: int, leaf: bytes, path: Sequence[bytes]) -> None:
        """With a proof that was found to hold by itself."""
        self._index, self._nodes = index, climbed(index, self._size, leaf, path)
        self._lines = b"".join(map(b2a_base64, path)) + b"\n" + self._note

    def holds(self, index: int, leaf: bytes, proof: bytes) -> bool:
        """Whether the text is the proof, to the byte, that the leaf hash stands at ``index``.

        False where it is not, and where there is no earlier proof to tell it by.
        """
        if not 0 <= self._index < index < self._size:
            return False
        # Of the two children. The earlier leaf's has all its leaves, the later one's may stand at the edge of the tree.
        height = (index ^ self._index).bit_length() - 1
        at = height * _LINE
        head, ours = _HEAD % index, self._lines[at : at + _LINE]
        rest = b2a_base64(self._nodes[height]) + self._lines[at + _LINE :]
        below = proof[len(head) : -len(rest)]
        if head + below + rest != proof:
            return False
        nodes = self._below(height, index, leaf, below) if height or below else [leaf]
        if not nodes or b2a_base64(nodes[-1]) != ours:
            return False
        self._index, self._lines = index, below + rest
        self._nodes[: height + 1] = nodes
        return True

    def _below(self, height: int, index: int, leaf: bytes, lines: bytes) -> Sequence[bytes]:
        """The nodes from the leaf to the child at the height, as the lines have them; none where they do not."""
        try:
            *found, cut_off = lines.decode("ascii").split("\n")
            path = [hash_of(line) for line in found]
        except (NoteDamaged, UnicodeDecodeError):
            return ()
        if cut_off:
            return ()
        start = index >> height << height
        return climbed(index - start, min(1 << height, self._size - start), leaf, path)
