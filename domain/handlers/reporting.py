"""Putting a compliance report together. It is read from the log and the views of it, and that is written down."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from domain.audit.seal import Seal
from domain.errors import ReportTooLarge, TableNotFound
from domain.facts import Origin, Recorded
from domain.handlers.house import House
from domain.handlers.planning import schemas_of
from domain.handlers.witnessing import record_read
from domain.table.events import TableRegistered
from domain.trail.entry import TrailEntry, TrailFilter
from domain.trail.events import CommandDenied, FurtherCounted, TrailRead
from domain.trail.report import Change, Denial, Proof, Report, TablePart, Version, act_of, change_of, planned_steps

MOST_CHANGES = 2_000
"""Of one report: more would be read by nobody. So many refusals are listed, and the rest is counted."""
PAGE = 200
ENDS = ("succeeded", "failed", "cancelled", "rejected")
CHANGES = ("migration.requested", "migration.adopted", *(f"migration.{end}" for end in ENDS))


def report_of(house: House, where: TrailFilter, read: TrailRead, origin: Origin) -> Report:
    """Every change that was asked for or ended in the period, of one table or of all.

    Raises TableNotFound for a table that never was, ReportTooLarge, and LogUnavailable.
    """
    record_read(house, read, origin)
    last = house.trail.head()
    where = replace(where, last_position=last)
    changes = list(_changes(house, where))
    found = {change.table_id: None for change in changes}
    if where.table_id is None:
        found |= {entry.table_id: None for entry in _entries(house, where, "table.registered") if entry.table_id}
    else:
        found = {where.table_id: None}
    tables = [_part(house, table, where, changes) for table in found]
    denials, further = _denials(house, where)
    return Report(
        since=where.since,
        until=where.until,
        of_table=where.table_id,
        made_at=house.clock.now(),
        made_by=origin.actor,
        last_position=last,
        tables=tables,
        denials=denials,
        further_denials=further,
        proof=_proof(house.seal),
        names=house.subjects.names(_subjects(tables, denials, origin.actor)),
    )


def _changes(house: House, where: TrailFilter) -> Iterator[Change]:
    """In the order in which they were asked for."""
    entries = [entry for kind in CHANGES for entry in _entries(house, where, kind)]
    streams = {entry.event.stream for entry in entries}
    if len(streams) > MOST_CHANGES:
        raise ReportTooLarge(len(streams), MOST_CHANGES)
    told = (change_of(_up_to(house.reader.load(stream), where)) for stream in streams)
    yield from sorted((change for change in told if change), key=lambda change: change.first_position)


def _up_to(events: Sequence[Recorded], where: TrailFilter) -> Sequence[Recorded]:
    return [event for event in events if where.last_position is None or event.position <= where.last_position]


def _entries(house: House, where: TrailFilter, kind: str) -> Iterator[TrailEntry]:
    where = replace(where, type=kind)
    while found := house.trail.entries(where, PAGE):
        yield from found
        where = replace(where, after_position=found[-1].event.position)


def _part(house: House, table_id: UUID, where: TrailFilter, changes: Sequence[Change]) -> TablePart:
    events = house.reader.load(table_id)
    first = events[0] if events else None
    if first is None or not isinstance(first.fact, TableRegistered):
        raise TableNotFound(str(table_id))
    gone = [event for event in events if event.fact.topic == "table.unregistered"]
    return TablePart(
        table_id=table_id,
        name=f"{first.fact.dataset_id}.{first.fact.name}",
        engine=first.fact.engine,
        location=first.fact.location,
        registered=act_of(first, "Created" if first.fact.created else "Registered"),
        unregistered=act_of(gone[-1], "Unregistered") if gone else None,
        versions=list(_versions(house, table_id, where.since, where.until)),
        changes=list(_with_plans(house, first.fact.engine, table_id, changes)),
    )


def _with_plans(house: House, engine: str, table_id: UUID, changes: Sequence[Change]) -> Iterator[Change]:
    """Those of the table, with what the plan of each says."""
    schemas = {version.number: version.schema for version in schemas_of(house, table_id)}
    known = house.engines.get(engine)
    for change in changes:
        if change.table_id == table_id:
            before = schemas.get(change.from_version)
            planned = None if before is None or known is None else planned_steps(change, before, known.profile)
            yield replace(change, planned=planned)


def _versions(house: House, table_id: UUID, since: datetime | None, until: datetime | None) -> Iterator[Version]:
    """Oldest first: those known in the period, and the one that was there when it began."""
    for view in reversed(list(_newest_first(house, table_id, since))):
        if until is None or view.known < until:
            yield view


def _newest_first(house: House, table_id: UUID, since: datetime | None) -> Iterator[Version]:
    after: int | None = None
    while page := house.views.schema_versions(table_id, PAGE, after):
        for view in page:
            yield Version(
                number=view.version,
                since=view.applied_at,
                known=view.known_at,
                columns=len(view.schema.columns),
                fingerprint=view.fingerprint,
                migration_id=view.migration_id,
                position=view.position,
            )
            if since is not None and view.known_at < since:
                return
        after = page[-1].version


def _denials(house: House, where: TrailFilter) -> tuple[list[Denial], int]:
    """Those listed, and how many more there were."""
    listed, further = list[Denial](), 0
    for entry in _entries(house, where, "trail.command_denied"):
        fact, event = entry.event.fact, entry.event
        assert isinstance(fact, CommandDenied)
        if len(listed) == MOST_CHANGES:
            further += 1
            continue
        origin = event.metadata.origin
        listed.append(
            Denial(
                who=origin.actor,
                moment=event.recorded_at,
                source_address=origin.source_address,
                command=fact.command,
                code=fact.code,
                message=fact.message,
                position=event.position,
            )
        )
    counted = _entries(house, where, "trail.further_counted") if where.table_id is None else ()
    facts = [entry.event.fact for entry in counted]
    counts = (fact.count for fact in facts if isinstance(fact, FurtherCounted) and fact.deed == "denied")
    return listed, further + sum(counts)


def _proof(seal: Seal) -> Proof | None:
    found = seal.latest()
    if found is None:
        return None
    return Proof(size=found.size, root=found.root.hex(), signed_at=found.signed_at, alarm=seal.alarm())


def _subjects(tables: Iterable[TablePart], denials: Iterable[Denial], maker: str) -> set[str]:
    acts = [act for table in tables for act in (table.registered, table.unregistered) if act is not None]
    acts += [act for table in tables for change in table.changes for act in (change.asked, *change.approvals)]
    who, whom = {act.who for act in acts}, {act.whom for act in acts if act.whom is not None}
    access_by = {act.access_by for act in acts if act.access_by is not None}
    return {maker, *(denial.who for denial in denials), *who, *whom, *access_by}
