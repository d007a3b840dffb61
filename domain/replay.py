"""Replaying the log: views built anew aside, compared with the live ones, or taken as they were at some position."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from domain.views import Views

Watch = Callable[[int, int], None]
"""Told how many events of how many have been gone over; whatever it raises ends the replay."""


class Discrepancy(Struct, frozen=True, kw_only=True):
    """The first row, in the order of keys, in which a live view is not what the log says, and the first column of it.

    Values are as PostgreSQL writes them; ``live`` is None where the row is missing, ``rebuilt`` where it should be.
    """

    table: str
    key: Mapping[str, str]
    column: str
    live: str | None
    rebuilt: str | None


class Verified(Struct, frozen=True, kw_only=True):
    """A view compared row by row with the log up to ``position``; ``discrepancy`` is None where they are equal."""

    view: str
    position: int
    rows: int
    discrepancy: Discrepancy | None


class Rebuilt(Struct, frozen=True, kw_only=True):
    """Views made anew out of ``events``, the log up to ``position``, and in use since."""

    views: tuple[str, ...]
    events: int
    position: int


class Replays(Protocol):
    """Every method may raise LogUnavailable, ProjectionBusy (retryable) and ProjectionNotFound."""

    @property
    def names(self) -> tuple[str, ...]:
        """The views that there are."""

    def rebuild(self, names: Sequence[str], key: str, watch: Watch) -> Rebuilt:
        """Builds views anew, aside, in one pass over the log, while events keep coming; then puts them in place.

        Readers see the rows of before or of afterwards, and are never kept waiting for longer than a moment. What
        was begun under the same ``key`` and interrupted is gone on with.
        """

    def verify(self, names: Sequence[str], watch: Watch) -> Sequence[Verified]:
        """Compares live views with the log, each at the position where it stands. Keeps nobody waiting."""

    def position_at(self, moment: datetime | None) -> int:
        """The last position recorded at the moment or before it, or of all; 0 when the log began later."""

    def as_of(self, position: int, watch: Watch) -> AbstractContextManager[Views]:
        """The views as they were when the log ended at the position; gone at the end of the context."""
