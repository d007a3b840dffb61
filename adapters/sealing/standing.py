"""What the seal goes on from: the last checkpoint, if all that was published before is still there.

The sealer looks before it signs, and when nothing is new; so does whoever proves something, and the doctor.
"""

from dataclasses import dataclass

from adapters.postgres.statements import Connection, Statement, run
from adapters.sealing.copy import OutsideCopy, size_of
from adapters.sealing.signing import KeyFiles, SigningKey, verify_ed25519
from adapters.sealing.tail import TailReplaced, compare_tail
from adapters.sealing.tiles import PostgresForest
from domain.audit.notes import Checkpoint, NoteDamaged, opened, parse_checkpoint
from domain.audit.proven import ProvenForest

LAST = "SELECT size, root, note FROM seal_checkpoints ORDER BY size DESC LIMIT 1"
FIRST = "SELECT min(size) AS size FROM seal_checkpoints"
BETWEEN = "SELECT max(size) AS size FROM seal_checkpoints WHERE size > %(after)s AND size < %(before)s"
COPIED = "SELECT size, bytes FROM seal_copies"


class SealStopped(ValueError):
    """The log is not what was sealed before. Says what does not fit."""


@dataclass(frozen=True)
class Standing:
    """``last`` is the last checkpoint and ``note`` what was signed; None: nothing was sealed yet.

    ``is_copied``: the outside copy has it. ``is_first``: there is no copy yet, and one may be begun.
    """

    last: Checkpoint | None
    note: str | None
    is_copied: bool
    is_first: bool


def standing(connection: Connection, keys: KeyFiles, outside: OutsideCopy) -> Standing:
    """Raises SealStopped, and OSError for a file that cannot be read."""
    # In this order: whoever seals meanwhile writes the checkpoint first, then the copy, and then that it was copied.
    copied = run(connection, Statement(COPIED, {})).first
    there = _outside_last(outside, has_begun=copied is not None, keys=keys)
    row = run(connection, Statement(LAST, {})).first
    here = checkpoint_of(row["note"], keys) if row else None
    is_first = copied is None and here is None
    if not is_first:
        _compare_copy(connection, outside, here, there, copied)
    if here is not None:
        compare_log(connection, here)
    is_copied = here is None or (copied is not None and copied["size"] >= here.size)
    return Standing(here, row["note"] if row else None, is_copied, is_first)


def compare_log(connection: Connection, last: Checkpoint) -> None:
    """The tree is that of the checkpoint, and the log ends with its last leaves. Raises SealStopped."""
    try:
        compare_tail(connection, ProvenForest(PostgresForest(connection), last.size, last.root), last.size)
    except (TailReplaced, LookupError) as found:
        raise SealStopped(str(found)) from None


def checkpoint_of(note: str, keys: KeyFiles) -> Checkpoint:
    """Raises SealStopped for one that is not ours."""
    try:
        text, by = opened(note, keys.known(), verify_ed25519)
        checkpoint = parse_checkpoint(text)
    except NoteDamaged as damage:
        raise SealStopped(f"the last checkpoint was not signed with a key of {keys.public}: {damage}") from None
    if checkpoint.origin != by[0].name:
        raise SealStopped(f"the last checkpoint is of log {checkpoint.origin}, signed with the key of {by[0].name}")
    return checkpoint


def signing_key(keys: KeyFiles) -> SigningKey:
    """Raises SealStopped when there is none, or none that verifies."""
    try:
        key = keys.load()
    except FileNotFoundError:
        raise SealStopped(f"the signing key {keys.private} is not there: put it back from a copy") from None
    except (NoteDamaged, ValueError, OSError) as damage:
        raise SealStopped(f"the signing key {keys.private} cannot be used: {damage}") from None
    if key.vkey not in keys.known():
        raise SealStopped(f"the signing key {keys.private} is none of those in {keys.public}")
    return key


def _outside_last(outside: OutsideCopy, *, has_begun: bool, keys: KeyFiles) -> Checkpoint | None:
    try:
        note = outside.last()
    except FileNotFoundError:
        if has_begun:
            raise SealStopped(_gone(outside)) from None
        return None
    return checkpoint_of(note, keys) if note else None


def _compare_copy(
    connection: Connection,
    outside: OutsideCopy,
    here: Checkpoint | None,
    there: Checkpoint | None,
    copied: dict[str, int] | None,
) -> None:
    """Each has what the other has, but for the last checkpoint, which may be still to copy. Raises SealStopped."""
    size, known = here.size if here else 0, there.size if there else 0
    if known > size:
        raise SealStopped(
            f"the outside copy ends with a checkpoint of {known} events, the database with one of {size}: events that "
            "were sealed are gone, after a restore perhaps"
        )
    if here is not None and known == size and here != there:
        raise SealStopped(f"the outside copy has another root for {size} events than the database")
    if not outside.path.exists():
        raise SealStopped(_gone(outside))
    between = run(connection, Statement(BETWEEN, {"after": known, "before": size})).first
    if between and between["size"]:
        raise SealStopped(_lacks(outside, between["size"]))
    if copied is not None and known < copied["size"]:
        raise SealStopped(_lacks(outside, copied["size"]))
    if copied is not None and outside.length() < copied["bytes"]:
        raise SealStopped(f"the outside copy {outside.path} is shorter than it was: checkpoints were taken out of it")
    _compare_beginnings(connection, outside, known)


def _compare_beginnings(connection: Connection, outside: OutsideCopy, known: int) -> None:
    first = run(connection, Statement(FIRST, {})).first
    begins, note = first["size"] if first else None, outside.first() if known else None
    if begins is not None and note is not None and size_of(note) > begins:
        raise SealStopped(_lacks(outside, begins))


def _lacks(outside: OutsideCopy, size: int) -> str:
    return (
        f"the outside copy {outside.path} lacks the checkpoint of {size} events, which the database has: it was cut, "
        "emptied, or is another file"
    )


def _gone(outside: OutsideCopy) -> str:
    return f"the outside copy {outside.path} is not there: it was removed, or its volume is not mounted"
