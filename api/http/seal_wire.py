"""The shapes of answers about the seal, on the wire. Hashes are in hexadecimal, notes as c2sp.org/signed-note."""

from msgspec import UNSET, Struct, UnsetType

from api.http.wire import Moment


class CheckpointBody(Struct, frozen=True, kw_only=True, rename="camel"):
    """What was signed of the log when it had ``treeSize`` events."""

    tree_size: int
    root_hash: str
    signed_at: Moment
    note: str


class CheckpointList(Struct, frozen=True, kw_only=True, rename="camel"):
    checkpoints: tuple[CheckpointBody, ...]
    next_page_token: str | UnsetType = UNSET


class ProofBody(Struct, frozen=True, kw_only=True, rename="camel"):
    """That the event of ``position`` stands at ``index``, counted from 0, of the tree of ``treeSize`` events.

    ``proof`` is the same as c2sp.org/tlog-proof@v1; ``entry`` (base64) is what the leaf is the hash of.
    """

    position: int
    index: int
    tree_size: int
    entry: str
    leaf_hash: str
    path: tuple[str, ...]
    proof: str


class ConsistencyBody(Struct, frozen=True, kw_only=True, rename="camel"):
    """That the tree of the checkpoint ``to`` begins with that of the first ``from`` events.

    ``fromCheckpoint`` is empty where it is no longer kept here: whoever kept it has it.
    """

    from_size: int
    to_size: int
    path: tuple[str, ...]
    from_checkpoint: str
    to_checkpoint: str


class KeysBody(Struct, frozen=True, kw_only=True, rename="camel"):
    """Verifier keys, oldest first, and the notes that old and new key have signed at each rotation."""

    keys: tuple[str, ...]
    rotations: tuple[str, ...]
