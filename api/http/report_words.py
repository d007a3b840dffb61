"""What a report says in words, whichever way it is laid out."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from domain.diff import (
    ColumnAdded,
    ColumnDropped,
    ColumnsReordered,
    Difference,
    IndexAdded,
    IndexDropped,
    NullabilityChanged,
    describe,
)
from domain.schema import Column
from domain.trail.report import Act, Change, Outcome, Proof, Report, TablePart

TITLE = "Schema change report"
NOTHING = "—"
OUTCOMES: tuple[Outcome, ...] = ("succeeded", "pending", "failed", "rejected", "cancelled")


def moment(value: datetime | None) -> str:
    """In UTC, to the second."""
    return NOTHING if value is None else value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def who(subject: str, names: Mapping[str, str]) -> str:
    name = names.get(subject)
    return subject if name is None else f"{name} ({subject})"


def actor(one: Act, names: Mapping[str, str]) -> str:
    """Who did it, and for whom."""
    return who(one.who, names) if one.whom is None else f"{who(one.who, names)} for {who(one.whom, names)}"


def scope(report: Report) -> str:
    if report.of_table is not None:
        table = report.tables[0]
        return f"Table {table.name} ({table.table_id})"
    return "All tables"


def period(report: Report) -> str:
    if report.since is None and report.until is None:
        return "From the beginning"
    start = "the beginning" if report.since is None else moment(report.since)
    end = f"position {report.last_position} of the log" if report.until is None else f"before {moment(report.until)}"
    return f"From {start} to {end}"


def heading(report: Report) -> str:
    return report.tables[0].name if report.of_table is not None else "All tables"


def made(report: Report) -> str:
    """Where it is from."""
    by = who(report.made_by, report.names)
    return f"Told from the log up to position {report.last_position}, {moment(report.made_at)}, for {by}."


def figures(report: Report) -> Iterator[tuple[str, int]]:
    """What there is, in numbers."""
    outcomes = [change.outcome for change in report.changes]
    yield ("change" if len(outcomes) == 1 else "changes"), len(outcomes)
    yield from ((name, count) for name in OUTCOMES if (count := outcomes.count(name)))
    versions = sum(len(table.versions) for table in report.tables)
    yield ("schema version" if versions == 1 else "schema versions"), versions
    denied = len(report.denials) + report.further_denials
    yield ("refused command" if denied == 1 else "refused commands"), denied


def outcome(change: Change) -> str:
    return "waits for approval" if change.awaits_approval else change.outcome


def attention(report: Report) -> Iterator[tuple[str, Change | None]]:
    """What whoever answers for it should look at first, and the change that it is about."""
    if report.proof is None:
        yield "Nothing is sealed yet: there is no proof of anything here.", None
    elif report.proof.alarm is not None:
        yield f"The seal has stopped: {report.proof.alarm}", None
    for change in report.changes:
        author = actor(change.asked, report.names)
        if change.awaits_review:
            yield f"An emergency that {author} declared was not reviewed by anybody else.", change
        if change.awaits_approval:
            yield f"What {author} asked for waits for approval.", change
        if change.is_outside:
            yield "Changed outside, by nobody knows whom; adopted afterwards.", change
    if denied := len(report.denials) + report.further_denials:
        yield f"{denied} command{'s were' if denied > 1 else ' was'} refused, listed at the end.", None


def counts(report: Report) -> str:
    """How many changes came to what."""
    outcomes = [change.outcome for change in report.changes]
    told = [f"{outcomes.count(one)} {one}" for one in dict.fromkeys(outcomes)]
    total = f"{len(outcomes)} change{'' if len(outcomes) == 1 else 's'}"
    denials = len(report.denials) + report.further_denials
    refused = f"{denials} refused command{'' if denials == 1 else 's'}"
    listed = f" ({', '.join(told)})" if told else ""
    return f"{total}{listed}, {refused}"


def proof(found: Proof | None) -> str:
    if found is None:
        return "Not sealed: there is no checkpoint yet."
    said = f"Sealed up to position {found.size}, by the checkpoint of {moment(found.signed_at)} with root {found.root}."
    return said if found.alarm is None else f"THE SEAL HAS STOPPED: {found.alarm} {said}"


def proof_of(change: Change, found: Proof | None) -> str:
    span = f"positions {change.first_position} to {change.last_position} of the log"
    if change.first_position == change.last_position:
        span = f"position {change.first_position} of the log"
    if found is None or change.first_position > found.size:
        return f"Not sealed yet: {span}."
    if change.last_position > found.size:
        return f"Sealed in part: {span}, sealed up to {found.size}."
    return f"Sealed: {span}, under the checkpoint of size {found.size}."


def kind(change: Change) -> str:
    if change.is_outside:
        return "Outside change, adopted"
    return "Migration" if change.reverts is None else f"Migration that reverts {change.reverts}"


def approval(change: Change, names: Mapping[str, str]) -> list[str]:
    """Who agreed to it, act by act; what is said where there was none is so."""
    if change.approvals:
        return [act(one, names) for one in change.approvals]
    if change.is_outside:
        return ["None: it was made outside, before anybody here could be asked."]
    return ["Not required: no policy asked for one."]


def act(one: Act, names: Mapping[str, str]) -> str:
    reason = "" if one.reason is None else f": “{one.reason}”"
    access = "" if one.access_by is None else f", with access given by {who(one.access_by, names)}"
    return f"{one.said} by {actor(one, names)}{access}, {moment(one.moment)}{reason}"


def result(change: Change) -> str:
    ended = "" if change.ended_at is None else f", {moment(change.ended_at)}"
    by = "" if change.worker is None else f", by {change.worker}"
    why = "" if change.message is None else f": {change.message}{f' ({change.code})' if change.code else ''}"
    return f"{change.outcome.capitalize()}{ended}{by}{why}"


def differences(change: Change) -> Iterator[tuple[str, str, str]]:
    """What, before, after."""
    for difference in change.differences:
        before, after = _sides(difference)
        yield describe(difference), before, after


def operations(change: Change) -> str:
    """As they were sent, one on a line."""
    sent = msgspec.json.decode(change.operations, type=list[msgspec.Raw])
    return "\n".join(msgspec.json.format(bytes(one), indent=0).decode() for one in sent)


def plan(change: Change) -> list[str]:
    """What was going to be done, said from the log."""
    if change.plan_hash is None:
        return ["None: it was done already."]
    if change.planned is None:
        return [change.plan_hash]
    said = change.planned
    undo = "; ".join((f"Undo: {said.undo.kind.value}", *said.undo.losses))
    hazards = (f"Hazard: {kind}. {message}" for kind, message in said.hazards)
    return [*(f"{text} ({cost})" for cost, text in said.steps), *hazards, f"{undo.rstrip('.')}.", change.plan_hash]


def version_by(table: TablePart, migration_id: object, names: Mapping[str, str]) -> str:
    """Who brought a schema version about."""
    if migration_id is None:
        return actor(table.registered, names)
    found = next((change for change in table.changes if change.migration_id == migration_id), None)
    return NOTHING if found is None else actor(found.asked, names)


def check(report: Report) -> str:
    """How to make sure of what the report says."""
    if report.of_table is not None:
        return f"schemaledger audit evidence --table {report.of_table}"
    start = (report.since or report.made_at).isoformat()
    return f"schemaledger audit evidence --from {start}"


def _sides(difference: Difference) -> tuple[str, str]:
    match difference:
        case ColumnAdded():
            return NOTHING, _column(difference.column)
        case ColumnDropped():
            return _column(difference.column), NOTHING
        case IndexAdded():
            return NOTHING, f"{difference.index.name} ({difference.index.index_type})"
        case IndexDropped():
            return f"{difference.index.name} ({difference.index.index_type})", NOTHING
        case ColumnsReordered():
            return NOTHING, ", ".join(difference.after)
        case NullabilityChanged():
            return _null(difference.before), _null(difference.after)
        case _:
            return _value(difference.before), _value(difference.after)


def _column(column: Column) -> str:
    return f"{column.name} {column.data_type}{'' if column.nullable else ' not null'}"


def _null(nullable: bool) -> str:
    return "may be null" if nullable else "not null"


def _value(value: Any) -> str:
    if value is None or value == ():
        return NOTHING
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
