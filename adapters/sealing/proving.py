"""The tree of a checkpoint as proofs are taken from it: nothing leaves here that would not verify."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from adapters.postgres.statements import Connection
from adapters.sealing.tiles import PostgresForest
from domain.audit.entry import Sealed
from domain.audit.notes import Checkpoint
from domain.audit.proven import ProvenForest, TreeDamaged
from domain.audit.tree import Tree, leaf_hash
from domain.errors import NotProvable


class ProvenTree:
    """Of what was signed, over one connection. Raises TreeDamaged where what is stored is something else."""

    def __init__(self, connection: Connection, signed: Checkpoint) -> None:
        self._forest = ProvenForest(PostgresForest(connection), signed.size, signed.root)
        self._tree = Tree(self._forest, signed.size)

    def compared(self, event: Sealed) -> Sealed:
        """The event, which is the leaf at its position. Raises NotProvable."""
        entry = event.entry
        if leaf_hash(entry.encoded()) != self._forest.hashes(0, entry.position - 1, 1)[0]:
            raise NotProvable(f"the event of position {entry.position} is not the one that was sealed")
        return event

    def path(self, event: Sealed) -> Sequence[bytes]:
        """From the leaf to the root. Raises NotProvable."""
        return self._tree.inclusion(self.compared(event).entry.position - 1)

    def consistency(self, earlier: int) -> Sequence[bytes]:
        return self._tree.consistency(earlier)

    def root_at(self, size: int) -> bytes:
        """Of the first so many of its leaves."""
        return Tree(self._forest, size).root()


@contextmanager
def provable() -> Iterator[None]:
    """A tree that is damaged proves nothing."""
    try:
        yield
    except TreeDamaged as damage:
        raise NotProvable(str(damage)) from None
