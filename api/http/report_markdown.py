"""A compliance report as Markdown, for wikis and tickets."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from uuid import UUID

from api.http import report_words as words
from domain.trail.report import Change, Report, TablePart

SPECIAL = re.compile(r"([\\`*_\[\]<>|#~&])")


def markdown(report: Report) -> str:
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield f"# {words.TITLE}\n"
    yield from _facts(
        ("About", words.scope(report)),
        ("Period", words.period(report)),
        ("Found", words.counts(report)),
        ("Proof", words.proof(report.proof)),
        ("Made", f"{words.moment(report.made_at)}, for {words.who(report.made_by, report.names)}"),
        ("Log", f"up to position {report.last_position}"),
    )
    numbers = {change.migration_id: number for number, change in enumerate(report.changes, start=1)}
    yield "\n## To look at first\n"
    looked = [
        f"* {'' if change is None else f'Change {numbers[change.migration_id]}: '}{_safe(said)}"
        for said, change in words.attention(report)
    ]
    yield from looked or ["Nothing stands out."]
    for table in report.tables:
        yield from _table_part(report, table, numbers)
    yield from _denials(report)
    yield "\n## How to make sure\n"
    yield "The evidence verifies without this service and without its database:\n"
    commands = (f"$ {words.check(report)} -f evidence.tar", "$ schemaledger audit verify evidence.tar --key KEY")
    yield "\n".join(("```console", *commands, "```"))


def _table_part(report: Report, table: TablePart, numbers: Mapping[UUID, int]) -> Iterator[str]:
    yield f"\n## {_safe(table.name)}\n"
    yield from _facts(
        ("Table", str(table.table_id)),
        ("Engine", table.engine),
        ("Location", table.location),
        ("Under management", words.act(table.registered, report.names)),
        *([("Let go of", words.act(table.unregistered, report.names))] if table.unregistered else []),
    )
    yield "\n### Schema versions\n"
    yield from _rows(
        ("version", "true since", "known since", "columns", "by", "fingerprint"),
        (
            (
                str(version.number),
                words.moment(version.since),
                words.moment(version.known),
                str(version.columns),
                words.version_by(table, version.migration_id, report.names),
                version.fingerprint,
            )
            for version in table.versions
        ),
    )
    for change in table.changes:
        yield from _change(report, numbers[change.migration_id], change)


def _change(report: Report, number: int, change: Change) -> Iterator[str]:
    yield f"\n### Change {number}: version {change.from_version} to {change.to_version}, {words.outcome(change)}\n"
    yield from _facts(
        ("What", words.kind(change)),
        ("Who", words.actor(change.asked, report.names)),
        ("When", words.moment(change.asked.moment)),
        ("From", change.source_address or words.NOTHING),
        ("Why", change.asked.reason or words.NOTHING),
        *(("Approval", said) for said in words.approval(change, report.names)),
        *(("Plan", said) for said in words.plan(change)),
        ("Result", words.result(change)),
        ("Fingerprints", f"{change.before_fingerprint or words.NOTHING} → {change.after_fingerprint or words.NOTHING}"),
        ("Proof", words.proof_of(change, report.proof)),
        ("Migration", str(change.migration_id)),
    )
    if change.differences:
        yield ""
        yield from _rows(("what became of it", "before", "after"), words.differences(change))
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", words.operations(change))), default=0))
    yield f"\n{fence}json\n{words.operations(change)}\n{fence}"


def _denials(report: Report) -> Iterator[str]:
    yield "\n## Refused commands\n"
    if not report.denials and not report.further_denials:
        yield "None."
        return
    yield from _rows(
        ("when", "who", "from", "command", "code", "said"),
        (
            (
                words.moment(denial.moment),
                words.who(denial.who, report.names),
                denial.source_address or words.NOTHING,
                denial.command,
                denial.code,
                denial.message,
            )
            for denial in report.denials
        ),
    )
    if report.further_denials:
        yield f"\n{report.further_denials} more were counted and are not listed."


def _facts(*facts: tuple[str, str]) -> Iterator[str]:
    yield from (f"* **{name}:** {_safe(value)}" for name, value in facts)


def _rows(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"| {' | '.join('---' for _ in head)} |"
    yield from (f"| {' | '.join(map(_safe, row))} |" for row in rows)


def _safe(text: str) -> str:
    """On one line, and without effect on the layout."""
    return SPECIAL.sub(r"\\\1", " ".join(text.split()))
