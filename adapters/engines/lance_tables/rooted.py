"""Where a table lies when it is opened: its folder may have become a link since, or one above or in it."""

from collections.abc import Callable
from pathlib import Path

from adapters.engines.lance_tables.places import is_remote
from domain.engine import Confirm
from domain.errors import TableChanged

Allowed = Callable[[str], str]
"""Follows every link of a location. Raises LocationNotAllowed where it leads outside of what is allowed."""
FOLDERS = ("_versions", "_transactions", "_indices", "_deletions", "data")
"""What a table on this machine is written to."""


def anywhere(location: str) -> str:
    return location


class Rooted:
    """Looks at each opening, and again right before a commit. Object stores have no links: nothing is looked at there.

    What is opened is what the links led to, so that one that is changed afterwards leads nobody astray. A folder that
    is replaced in the instant between the look and a commit is not noticed: Lance takes paths, not open folders.
    """

    def __init__(self, allowed: Allowed = anywhere) -> None:
        self._allowed = allowed

    def place(self, location: str) -> str:
        """The location without links. Raises LocationNotAllowed."""
        if is_remote(location):
            return location
        place = self._allowed(location)
        for name in FOLDERS:
            if (inner := Path(place, name)).is_symlink():
                self._allowed(str(inner))
        return place

    def last_look(self, location: str, opened: str, confirm: Confirm) -> Confirm:
        """``confirm``, and then whether the table still lies where it was opened."""

        def look() -> None:
            confirm()
            if self.place(location) != opened:
                raise TableChanged(location, "its location leads to another place now")

        return look
