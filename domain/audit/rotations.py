"""Rotations of the signing key: notes that the old key and the new one have both signed."""

from collections.abc import Iterable, Sequence

from domain.audit.notes import NoteDamaged, Signer, VerifierKey, Verify, opened, parse_key, signed

ROTATION = "schemaledger key rotation"


def rotation(old: Signer, new: Signer) -> str:
    """That the new key follows the old one."""
    return signed(f"{ROTATION}\n{old.vkey}\n{new.vkey}\n", old, new)


def led_to(rotations: Sequence[str], trusted: Iterable[VerifierKey], verify: Verify) -> list[VerifierKey]:
    """The trusted keys, and those they lead to: forth from an old key, and back from a new one. Raises NoteDamaged.

    The rotations are in their order; one that has nothing to do with the trusted keys is checked all the same.
    """
    keys = list(trusted)
    pairs = [_keys_of(note, verify) for note in rotations]
    for old, new in pairs:
        if old in keys and new not in keys:
            keys.append(new)
    for old, new in reversed(pairs):
        if new in keys and old not in keys:
            keys.append(old)
    return keys


def _keys_of(note: str, verify: Verify) -> tuple[VerifierKey, VerifierKey]:
    lines = note.split("\n")
    if len(lines) < 4 or lines[0] != ROTATION:
        raise NoteDamaged("it is no rotation of keys")
    old, new = parse_key(lines[1]), parse_key(lines[2])
    _, by = opened(note, (old, new), verify)
    if set(by) != {old, new}:
        raise NoteDamaged("one of its keys has not signed it")
    return old, new
