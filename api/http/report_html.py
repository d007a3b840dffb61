"""A compliance report as one page of HTML that needs nothing else, and prints well."""

from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from uuid import UUID

from api.http import report_words as words
from api.http.report_pieces import Html, facts, one_of_each, prints, rows, sentences, tiles
from domain.trail.report import Change, Report, TablePart, Version

STYLE = (Path(__file__).parent / "static" / "report.css").read_text()
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""The page may hold what anybody wrote: nothing on it runs, and it asks nobody for anything."""
MOST_LISTED_TABLES = 1
"""Above that the report begins with a list of its tables."""


def page(report: Report) -> str:
    title = escape(f"{words.TITLE}: {words.scope(report)}")
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    head += f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><style>{STYLE}</style>'
    body = "".join(_parts(report))
    return f'<!doctype html><html lang="en"><head>{head}</head><body><main>{body}</main></body></html>'


def _parts(report: Report) -> Iterator[str]:
    numbers = {change.migration_id: number for number, change in enumerate(report.changes, start=1)}
    yield f"<header><p class=kicker>{words.TITLE}</p><h1>{escape(words.heading(report))}</h1>"
    yield f"<p class=lead>{escape(words.period(report))}. {escape(words.made(report))}</p></header>"
    yield tiles(words.figures(report))
    yield _seal(report)
    yield _attention(report, numbers)
    if len(report.tables) > MOST_LISTED_TABLES:
        items = (f'<li><a href="#{table.table_id}">{escape(table.name)}</a></li>' for table in report.tables)
        yield f"<nav><h2>Tables</h2><ul>{''.join(items)}</ul></nav>"
    for table in report.tables:
        yield from _table_part(report, table, numbers)
    yield from _denials(report)
    yield "<h2>How to make sure</h2><p>The evidence verifies without this service and without its database:</p>"
    commands = f"{words.check(report)} -f evidence.tar\nschemaledger audit verify evidence.tar --key KEY"
    yield f"<pre>{escape(commands)}</pre>"
    yield "<footer>Told from the append-only log. Times are the database's clock, in UTC.</footer>"


def _seal(report: Report) -> str:
    kind = "alarm" if report.proof is None or report.proof.alarm is not None else "sealed"
    return f'<p class="seal {kind}">{escape(words.proof(report.proof))}</p>'


def _attention(report: Report, numbers: Mapping[UUID, int]) -> str:
    items = []
    for said, change in words.attention(report):
        number = None if change is None else numbers[change.migration_id]
        place = "" if number is None else f'<a href="#change-{number}">Change {number}</a>: '
        items.append(f"<li>{place}{escape(said)}</li>")
    if not items:
        return "<section class=quiet><h2>To look at first</h2><p>Nothing stands out.</p></section>"
    return f"<section class=attention><h2>To look at first</h2><ul>{''.join(items)}</ul></section>"


def _table_part(report: Report, table: TablePart, numbers: Mapping[UUID, int]) -> Iterator[str]:
    yield f'<h2 id="{table.table_id}">{escape(table.name)}</h2>'
    gone = [("Let go of", words.act(table.unregistered, report.names))] if table.unregistered else []
    yield facts(
        ("Table", str(table.table_id)),
        ("Engine", table.engine),
        ("Location", table.location),
        ("Under management", words.act(table.registered, report.names)),
        *gone,
    )
    yield "<h3>The schema over time</h3><ol class=timeline>"
    yield from (_version(report, table, version, numbers) for version in table.versions)
    yield "</ol>"
    yield "<h3>Every change</h3>"
    yield from (_change(report, numbers[change.migration_id], change) for change in table.changes)
    if not table.changes:
        yield "<p>No change was asked for.</p>"


def _version(report: Report, table: TablePart, version: Version, numbers: Mapping[UUID, int]) -> str:
    change = next((one for one in table.changes if one.migration_id == version.migration_id), None)
    columns = f"{version.columns} column{'' if version.columns == 1 else 's'}"
    by = escape(words.version_by(table, version.migration_id, report.names))
    number = None if version.migration_id is None else numbers.get(version.migration_id)
    link = "" if number is None else f' · <a href="#change-{number}">change {number}</a>'
    known = f" (known since {words.moment(version.known)})" if version.known != version.since else ""
    head = f"<p class=when>{words.moment(version.since)}{known} · {by} · {columns}{link}</p>"
    became = one_of_each(what for what, _, _ in words.differences(change)) if change else ""
    if change is None:
        became = "<p>The first schema.</p>" if version.number == 1 else "<p>Before this period.</p>"
    return f"<li><span class=number>{version.number}</span>{head}{became}{prints(version.fingerprint)}</li>"


def _change(report: Report, number: int, change: Change) -> str:
    heading = f"Change {number}: version {change.from_version} to {change.to_version}"
    badge = f'<span class="outcome {change.outcome}">{words.outcome(change)}</span>'
    reason = change.asked.reason
    why = f"<blockquote>{escape(reason)}</blockquote>" if reason else "<p class=asked>No reason was given.</p>"
    asked = f"{words.kind(change)}, by {words.actor(change.asked, report.names)}, {words.moment(change.asked.moment)}"
    top = f"<div class=top><h3>{heading} {badge}</h3><p class=asked>{escape(asked)}</p>{why}</div>"
    became = rows(("what became of it", "before", "after"), words.differences(change)) if change.differences else ""
    told = facts(
        ("From", change.source_address or words.NOTHING),
        ("Approval", sentences(words.approval(change, report.names))),
        ("Plan", sentences(words.plan(change))),
        ("Result", words.result(change)),
        ("Proof", words.proof_of(change, report.proof)),
        ("Fingerprints", prints(change.before_fingerprint, change.after_fingerprint)),
        ("Migration", prints(str(change.migration_id))),
        ("As it was sent", Html(f"<pre>{escape(words.operations(change))}</pre>")),
    )
    return f'<section id="change-{number}" class="change {change.outcome}">{top}{became}{told}</section>'


def _denials(report: Report) -> Iterator[str]:
    yield "<h2>Refused commands</h2>"
    if not report.denials and not report.further_denials:
        yield "<p>None.</p>"
        return
    yield rows(
        ("when", "who", "from", "command", "answer"),
        (
            (
                words.moment(denial.moment),
                words.who(denial.who, report.names),
                denial.source_address or words.NOTHING,
                denial.command,
                f"{denial.message} ({denial.code})",
            )
            for denial in report.denials
        ),
    )
    if report.further_denials:
        yield f"<p>{report.further_denials} more were counted and are not listed.</p>"
