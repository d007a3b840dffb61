"""What the domain's use cases need of the world, in the domain's words. Promises, not mechanics."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from domain.access import Maker
from domain.access import Principal as Principal
from domain.examination import Bookkeeping
from domain.facts import Append, Fact, Origin, Recorded, Standing
from domain.trail.events import Deed
from domain.views import RoleBindingView, TokenView


class Clock(Protocol):
    def now(self) -> datetime:
        """The present moment, aware, in UTC. May step back."""


class Ids(Protocol):
    def new(self) -> UUID:
        """An id nobody had before."""


class Locations(Protocol):
    """Where tables may lie."""

    def managed(self, table_id: UUID, engine: str, name: str) -> str:
        """The location of a new table that the service makes by itself."""

    def allowed(self, location: str) -> str:
        """The location in its one normal form. Raises LocationNotAllowed outside the allowed roots."""


class EventStore(Protocol):
    """The log: append-only, in one order, all or nothing.

    Free text comes out of it locked, to be written again as it is; people read it through LogReader.

    Every method may raise LogUnavailable (retryable) when the log cannot be reached.
    """

    def load(self, stream: UUID, after: int = 0) -> tuple[Recorded, ...]:
        """All events of one stream above version ``after``, in order; empty when there is none."""

    def facts(self, stream: UUID, after: int = 0) -> tuple[Fact, ...]:
        """Of the events of one stream above version ``after`` the facts alone, which cost half of the events."""

    def standing(self, stream: UUID) -> Standing:
        """What the situation of a stream follows from; no facts and version 0 when there is none."""

    def append(self, appends: Sequence[Append], origin: Origin) -> tuple[Recorded, ...]:
        """Writes all facts or none, with leases and inline views, and returns the events as they stand in the log.

        Raises StreamMoved when a stream does not stand at its expected version: nothing was written, load and decide
        anew. A connection lost after the commit is recognised, not reported as a conflict.
        """

    def read(self, after: int, limit: int) -> tuple[Recorded, ...]:
        """Events of positions above ``after``, in order, at most ``limit``."""

    def at(self, positions: Sequence[int]) -> tuple[Recorded, ...]:
        """The events at these positions, in order; nothing for a position that does not exist."""


class LogReader(Protocol):
    """The log as people may read it, with the free text of its facts: erased where its writer is."""

    def opened(self, event: Recorded) -> Recorded:
        """An event of the log as people may read it."""

    def load(self, stream: UUID, after: int = 0) -> tuple[Recorded, ...]: ...

    def read(self, after: int, limit: int) -> tuple[Recorded, ...]: ...

    def at(self, positions: Sequence[int]) -> tuple[Recorded, ...]: ...


class Lease(Struct, frozen=True, kw_only=True):
    """The right to run one operation until it expires.

    ``attempt`` counts from 1 and fences off earlier holders; ``failures`` counts those of them that failed or vanished.
    """

    operation_id: UUID
    table_id: UUID
    worker: str
    attempt: int
    failures: int = 0
    silent: bool = False
    """Whether the worker that held it before ended without a word."""


class Leases(Protocol):
    """Which worker runs which operation: at most one operation on a table at a time, each table's in order."""

    def claim(self, worker: str, term: timedelta) -> Lease | None:
        """Takes the oldest operation whose table is free (or whose holder's term has run out), or None."""

    def renew(self, lease: Lease, term: timedelta) -> bool:
        """Holds on for another term. False: the lease was lost to another worker, stop at once."""

    def release(
        self, lease: Lease, delay: timedelta = timedelta(0), *, failed: bool = False, last: bool = False
    ) -> None:
        """Gives the operation back for another worker (or attempt) to take, not before ``delay`` has passed.

        ``last``: and not before what waits now has been begun.
        """


class Workbench(Protocol):
    """What attempts at an operation have prepared, kept for the next attempt until the operation ends."""

    def kept(self, operation_id: UUID) -> dict[str, bytes]:
        """What is there, by unit name."""

    def keep(self, lease: Lease, name: str, outcome: bytes) -> None:
        """Keeps a unit's outcome, unless the lease was lost. A crash of the database may lose what was kept last."""

    def forget(self, lease: Lease, names: Sequence[str]) -> bool:
        """Lets go of units that are of no use any more. False: the lease was lost, and somebody may use them."""


class Chores(Protocol):
    """The bookkeeping beside the log. Every method may raise LogUnavailable."""

    def due(self, name: str, every: timedelta) -> bool:
        """Whether a chore is to be done now; whoever is told so does it, and nobody else until it is due again."""

    def look(self) -> Bookkeeping:
        """What the log and the tables beside it disagree on."""

    def mend_leases(self) -> int:
        """Makes the leases what the operations say: how many were missing or idle."""

    def forget_operations(self, older_than: timedelta) -> int:
        """Takes operations that ended so long ago out of the lists; the log keeps them. How many."""

    def thin_checkpoints(self) -> int:
        """Forgets old checkpoints that a later one of the same minute or hour follows. How many."""


class Tokens(Protocol):
    """The bearer tokens that are good."""

    def remembered(self, secret: str) -> Principal | None:
        """Whom the token speaks for, if that is known without asking anybody. Raises TokenExpired."""

    def principal(self, secret: str) -> Principal | None:
        """Whom the token speaks for, or None for one that is unknown. Raises LogUnavailable, TokenExpired."""


class Tally(Struct, frozen=True, kw_only=True):
    """How often a caller did something within the hour that began at ``hour``."""

    deed: Deed
    caller: str
    hour: datetime
    count: int


class Tallies(Protocol):
    """Counts of what callers do, by the hour and over all processes. Every method may raise LogUnavailable."""

    def count(self, deed: Deed, caller: str) -> Tally:
        """Counts once more, in the hour that it is now."""

    def past(self) -> Sequence[Tally]:
        """What was counted in hours that are over, until it is forgotten."""

    def forget(self, tally: Tally) -> None:
        """Lets go of a tally that is written down."""


class TokenBook(Protocol):
    """The tokens that were made here. Every method but the first may raise LogUnavailable."""

    def new_secret(self) -> str:
        """One that nobody can guess."""

    def is_known(self, digest: str) -> bool:
        """Whether a token with this SHA-256 (in hex) of its secret was ever issued and is not rotated since."""

    def token(self, token_id: UUID) -> TokenView | None: ...

    def tokens(self, maker: Maker | None, limit: int, after: UUID | None = None) -> Sequence[TokenView]:
        """Newest first, those that ``maker`` made (None: all), after the one given."""

    def forget(self, token_id: UUID) -> None:
        """Believes nothing more of what it remembered of the token."""


class RoleBook(Protocol):
    """What is bound to whom the identity provider vouches for. Every method but the last may raise LogUnavailable."""

    def held_by(self, subject: str, groups: Sequence[str]) -> Sequence[RoleBindingView]:
        """What the subject and the groups hold, whenever it ends."""

    def binding(self, binding_id: UUID) -> RoleBindingView | None: ...

    def bindings(
        self, maker: Maker | None, holder: str | None, limit: int, after: UUID | None = None
    ) -> Sequence[RoleBindingView]:
        """Newest first, those that ``maker`` made (None: all) for ``holder`` (None: anybody), after the one given."""

    def forget(self) -> None:
        """Believes nothing more of what it remembered."""
