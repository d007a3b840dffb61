"""A compliance report as one page of HTML that needs nothing else, and prints well."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path

from api.http import report_words as words
from domain.trail.report import Change, Report, TablePart

STYLE = (Path(__file__).parent / "static" / "report.css").read_text()

KINDS = {"when": "moment", "true since": "moment", "known since": "moment", "fingerprint": "print"}
"""How the columns of a table look that are not plain text."""

Shown = tuple[str, str]
"""A name and a text, neither of them HTML yet."""


def page(report: Report) -> str:
    title = escape(f"{words.TITLE}: {words.scope(report)}")
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    # The page may hold what anybody wrote: nothing on it runs, and it asks nobody for anything.
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    head += f'<meta http-equiv="Content-Security-Policy" content="{policy}"><style>{STYLE}</style>'
    return (
        f'<!doctype html><html lang="en"><head>{head}</head><body><main>{"".join(_parts(report))}</main></body></html>'
    )


def _parts(report: Report) -> Iterator[str]:
    yield f"<h1>{words.TITLE}</h1><p class=lead>{escape(words.scope(report))}</p>"
    if report.proof is not None and report.proof.alarm is not None:
        yield f"<p class=alarm>The seal has stopped: {escape(report.proof.alarm)}</p>"
    yield _facts(
        ("Period", words.period(report)),
        ("Found", words.counts(report)),
        ("Proof", words.proof(report.proof)),
        ("Log", f"up to position {report.last_position}"),
        ("Made", f"{words.moment(report.made_at)}, for {words.who(report.made_by, report.names)}"),
    )
    for table in report.tables:
        yield from _table_part(report, table)
    yield from _denials(report)
    yield "<h2>How to make sure</h2><p>The evidence verifies without this service and without its database:</p>"
    commands = f"{words.check(report)} -f evidence.tar\nschemaledger audit verify evidence.tar --key KEY"
    yield f"<pre>{escape(commands)}</pre>"
    yield "<footer>Told from the append-only log. Times are the database's clock, in UTC.</footer>"


def _table_part(report: Report, table: TablePart) -> Iterator[str]:
    yield f"<h2>{escape(table.name)}</h2>"
    gone = [("Let go of", words.act(table.unregistered, report.names))] if table.unregistered else []
    yield _facts(
        ("Table", str(table.table_id)),
        ("Engine", table.engine),
        ("Location", table.location),
        ("Under management", words.act(table.registered, report.names)),
        *gone,
    )
    yield "<h3>Schema versions</h3>"
    rows = (
        (
            str(version.number),
            words.moment(version.since),
            words.moment(version.known),
            str(version.columns),
            words.version_by(table, version.migration_id, report.names),
            version.fingerprint,
        )
        for version in table.versions
    )
    yield _table(("version", "true since", "known since", "columns", "by", "fingerprint"), rows)
    for number, change in enumerate(table.changes, start=1):
        yield _change(report, number, change)
    if not table.changes:
        yield "<p>No change was asked for.</p>"


def _change(report: Report, number: int, change: Change) -> str:
    heading = f"Change {number}: version {change.from_version} to {change.to_version}"
    badge = f'<span class="outcome {change.outcome}">{change.outcome}</span>'
    prints = f"{change.before_fingerprint or words.NOTHING} → {change.after_fingerprint or words.NOTHING}"
    facts = _facts(
        ("What", words.kind(change)),
        ("Who", words.who(change.asked.who, report.names)),
        ("When", words.moment(change.asked.moment)),
        ("From", change.source_address or words.NOTHING),
        ("Why", change.asked.reason or words.NOTHING),
        *(("Approval", said) for said in words.approval(change, report.names)),
        ("Plan", change.plan_hash or words.NOTHING),
        ("Result", words.result(change)),
        ("Fingerprints", prints),
        ("Proof", words.proof_of(change, report.proof)),
        ("Migration", str(change.migration_id)),
    )
    became = _table(("what became of it", "before", "after"), words.differences(change)) if change.differences else ""
    sent = f"<details open><summary>As it was sent</summary><pre>{escape(words.operations(change))}</pre></details>"
    return f'<section class="change {change.outcome}"><h3>{heading} {badge}</h3>{facts}{became}{sent}</section>'


def _denials(report: Report) -> Iterator[str]:
    yield "<h2>Refused commands</h2>"
    if not report.denials and not report.further_denials:
        yield "<p>None.</p>"
        return
    rows = (
        (
            words.moment(denial.moment),
            words.who(denial.who, report.names),
            denial.source_address or words.NOTHING,
            denial.command,
            f"{denial.message} ({denial.code})",
        )
        for denial in report.denials
    )
    yield _table(("when", "who", "from", "command", "answer"), rows)
    if report.further_denials:
        yield f"<p>{report.further_denials} more were counted and are not listed.</p>"


def _facts(*facts: Shown) -> str:
    return f"<dl>{''.join(f'<dt>{escape(name)}</dt><dd>{escape(value)}</dd>' for name, value in facts)}</dl>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    kinds = [f' class="{KINDS[name]}"' if name in KINDS else "" for name in head]
    names = "".join(f"<th{kind}>{escape(name)}</th>" for name, kind in zip(head, kinds, strict=True))
    cells = ("".join(f"<td{kind}>{escape(cell)}</td>" for cell, kind in zip(row, kinds, strict=True)) for row in rows)
    return f"<table><thead><tr>{names}</tr></thead><tbody>{''.join(f'<tr>{row}</tr>' for row in cells)}</tbody></table>"
