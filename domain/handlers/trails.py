"""Reading the audit trail, which is written down as well."""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from domain.facts import Origin
from domain.handlers.house import House
from domain.handlers.witnessing import record_read
from domain.trail.entry import TrailEntry, TrailFilter
from domain.trail.events import TrailRead

BATCH = 200
"""Entries that an export holds at a time: some of them have two schemas of thousands of columns."""


def export(
    house: House, where: TrailFilter, read: TrailRead, origin: Origin
) -> tuple[int, Iterator[Sequence[TrailEntry]]]:
    """Everything up to where the trail is now, batch by batch, and where that is. Raises LogUnavailable."""
    record_read(house, read, origin)
    last = house.trail.head()
    return last, _batches(house, replace(where, last_position=min(last, where.last_position or last)))


def _batches(house: House, where: TrailFilter) -> Iterator[Sequence[TrailEntry]]:
    while found := house.trail.entries(where, BATCH):
        yield found
        if len(found) < BATCH:
            return
        where = replace(where, after_position=found[-1].event.position)
