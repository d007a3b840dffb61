"""Writing down what callers did that changed no table: what was refused to them, and what they read of the trail.

A caller fills no log with it: of each deed, so many an hour are written down one by one, and the rest are counted in
one event when the hour is over.
"""

from datetime import datetime
from uuid import UUID, uuid5

from domain.errors import StreamMoved
from domain.facts import Append, Origin
from domain.handlers.house import House
from domain.ports import Tally
from domain.trail.events import CommandDenied, Deed, FurtherCounted, TrailFact, TrailRead

MOST_AN_HOUR = 60
"""How many of one deed of one caller are written down within an hour, each as an event."""

CALLERS = UUID("0a1d6e0e-6f58-4ac0-9c7f-2b6f3c1f7f51")
"""The namespace of the streams of callers. Never changes."""


def record_denial(house: House, denied: CommandDenied, origin: Origin) -> None:
    """Writes down that a command of a known caller was refused.

    Over HTTP nobody needs to call it: a Refusal that is raised after the token was found good, by a guard or by a
    handler, is recorded before it is answered (api/http/denials.py) where its status is 403, or where the call would
    have changed something. Whoever refuses a known caller elsewhere calls this, with the refusal's code and sentence
    and the caller's origin, before he answers. Raises LogUnavailable.
    """
    _record(house, "denied", denied, origin)


def record_read(house: House, read: TrailRead, origin: Origin) -> None:
    """Writes down that somebody is about to read the trail. Raises LogUnavailable: nothing is read unseen."""
    _record(house, "read", read, origin)


def settle_tallies(house: House) -> int:
    """Writes down, once, how many there were beyond those of each hour that is over. How many hours had such."""
    settled = 0
    for tally in house.tallies.past():
        if tally.count > MOST_AN_HOUR:
            _settle(house, tally)
            settled += 1
        house.tallies.forget(tally)
    return settled


def stream_of(deed: Deed, caller: str, hour: datetime) -> UUID:
    """The stream of what a caller did in an hour."""
    return uuid5(CALLERS, f"{deed}|{hour.isoformat()}|{caller}")


def _record(house: House, deed: Deed, fact: TrailFact, origin: Origin) -> None:
    tally = house.tallies.count(deed, origin.actor)
    if tally.count > MOST_AN_HOUR:
        return
    stream = stream_of(deed, tally.caller, tally.hour)
    # Whoever loses a race loses it to another of these few.
    for _ in range(MOST_AN_HOUR):
        version = len(house.store.load(stream))
        try:
            house.store.append([Append(stream=stream, expected_version=version, facts=(fact,))], origin)
        except StreamMoved:
            continue
        return
    raise StreamMoved(f"the {deed} commands of {tally.caller}")


def _settle(house: House, tally: Tally) -> None:
    stream = stream_of(tally.deed, tally.caller, tally.hour)
    before = house.store.load(stream)
    if before and isinstance(before[-1].fact, FurtherCounted):
        return
    counted = FurtherCounted(deed=tally.deed, caller=tally.caller, hour=tally.hour, count=tally.count - MOST_AN_HOUR)
    house.store.append([Append(stream=stream, expected_version=len(before), facts=(counted,))], Origin())
