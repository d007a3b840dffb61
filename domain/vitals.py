"""How the service as a whole is doing just now, whichever process asks."""

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct


class Lag(Struct, frozen=True, kw_only=True):
    """How far a view is behind the log: events not shown yet, and for how many seconds the oldest of them waits."""

    events: int
    seconds: float


class Stuck(Struct, frozen=True, kw_only=True):
    """The event that a view cannot get past, what is said of it, and for how many seconds."""

    position: int
    message: str
    seconds: float


class Vitals(Struct, frozen=True, kw_only=True):
    """``position`` is the log's last. Ages are in seconds, 0 where there is nothing of the kind.

    Leases are held, free (nobody runs the operation now), or expired (their worker was not heard of for a term).
    ``lags`` is by view; ``stuck`` has those views that cannot get past an event. ``seal_alarm`` says why the seal has
    stopped, None while it goes on. ``failing`` are unfinished operations that failed several attempts already.

    Messages of webhooks are due (to be sent now) or waiting (for another try); the oldest is the one that was queued
    first and not taken yet. ``webhooks`` counts them by status.
    """

    position: int
    pending: int
    running: int
    oldest_pending_age: float
    leases_held: int
    leases_free: int
    leases_expired: int
    oldest_heartbeat_age: float
    lags: Mapping[str, Lag]
    seal_alarm: str | None = None
    messages_due: int = 0
    messages_waiting: int = 0
    oldest_message_age: float = 0.0
    webhooks: Mapping[str, int] = {}
    stuck: Mapping[str, Stuck] = {}
    failing: int = 0


class VitalSigns(Protocol):
    def read(self) -> Vitals:
        """Raises LogUnavailable."""
