"""Letting one account pass through a folder that is closed to others: pass, not look into it. For root, on Linux.

An entry of the folder's access list (acl(5)) for that account alone, where the file system keeps such lists; it shows
as the group's ``x`` in the mode. Elsewhere it can only be the permission that everybody has.
"""

import os
import stat
import struct
from pathlib import Path
from typing import NamedTuple

LIST = "system.posix_acl_access"
"""The attribute in which Linux gives and takes a folder's access list: a version, then entries."""
VERSION, ENTRY = struct.pack("<I", 2), struct.Struct("<HHI")
OWNER, USER, GROUP, MASK, OTHER = 0x01, 0x02, 0x04, 0x10, 0x20
EXECUTE, NOBODY = 1, 0xFFFFFFFF
EVERYBODY = stat.S_IXGRP | stat.S_IXOTH
"""In root's group too, as whoever starts a program by hand may leave it: there only the group's permission counts."""


class _Entry(NamedTuple):
    tag: int
    permissions: int
    account: int = NOBODY


def let_pass(folder: Path, account: int) -> None:
    """Changes nothing where the account, or everybody, can pass already."""
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & EVERYBODY == EVERYBODY:
        return
    try:
        entries = _entries(folder, mode)
        if not _passes(entries, account):
            os.setxattr(folder, LIST, _list(entries, account))
    except (OSError, AttributeError):
        folder.chmod(mode | EVERYBODY)


def _entries(folder: Path, mode: int) -> list[_Entry]:
    """Those that the folder has, or those that its mode amounts to."""
    try:
        content = os.getxattr(folder, LIST)
    except OSError:
        return [_Entry(OWNER, mode >> 6 & 7), _Entry(GROUP, mode >> 3 & 7), _Entry(OTHER, mode & 7)]
    return [_Entry(*found) for found in ENTRY.iter_unpack(content[len(VERSION) :])]


def _passes(entries: list[_Entry], account: int) -> bool:
    """Also past the mask, which a chmod of the folder has set anew."""
    mine = [entry.permissions for entry in entries if entry.tag == USER and entry.account == account]
    masks = [entry.permissions for entry in entries if entry.tag == MASK]
    return bool(mine and masks and mine[0] & masks[0] & EXECUTE)


def _list(entries: list[_Entry], account: int) -> bytes:
    """With the account's passage, and a mask that lets it through. Entries stand in the order of tags and accounts."""
    others = [entry for entry in entries if entry.tag != MASK and entry.account != account]
    before = next((entry.permissions for entry in entries if entry.account == account), 0)
    mask = next((entry.permissions for entry in entries if entry.tag == MASK), 0)
    # Without a mask until now, the group's entry counted by itself.
    mask = (mask or next(entry.permissions for entry in entries if entry.tag == GROUP)) | EXECUTE
    whole = sorted([*others, _Entry(USER, before | EXECUTE, account), _Entry(MASK, mask)], key=lambda one: one[::2])
    return VERSION + b"".join(ENTRY.pack(*entry) for entry in whole)
