"""The page of a file of evidence that people read."""

from datetime import datetime

from domain.audit.evidence import Frame, Scope
from domain.audit.notes import parse_checkpoint
from domain.audit.seal import SignedCheckpoint, Span

PAGE = """# Evidence: {what}

| | |
| --- | --- |
| What it is about | {what} |
| Log | `{origin}` |
| Events | {events:,}, from position {first:,} to position {last:,} |
| Sealed by | the checkpoint of {size:,} events, signed {signed_at} |
| Root of that checkpoint | `{root}` |
| Put together | {made_at} |

## What this file shows

Every event in `events/` stood in the log, at its position and with exactly these bytes, when the checkpoint was signed.
The log of the first checkpoint (`checkpoint-first`) is the beginning of that of the last (`checkpoint-last`): between
the two nothing was changed, removed or put in. {completeness}

## What it does not show

Events after position {size:,}: they came later. That the signing key was in the right hands: ask for the key from
somebody you trust, and compare the last checkpoint with a copy that is kept outside the service, if you have one.
{limits}

## How to verify it

    schemaledger audit verify FILE --key KEY

KEY is the verifier key, or a file that holds it. Do not take it from this file. No server and no database is needed,
only Python and the package `cryptography`; the format is written down in `docs/reference/evidence.md`, so that you may
also verify it with a program of your own.
"""

COMPLETENESS = {
    "period": "The positions have no gap: no event of the period is missing.",
    "table": "No event within any of the streams is missing, and whoever signed `manifest` states that the streams are "
    "all those of the table, its migrations and its operations.",
    "migration": "No event of it up to its last one here is missing.",
    "operation": "No event of it up to its last one here is missing.",
}
LIMITS = {
    "period": "",
    "table": "That no migration was left out as a whole: it is stated and signed. Evidence of a period proves it.",
    "migration": "",
    "operation": "",
}


def about(scope: Scope, frame: Frame, span: Span, last: SignedCheckpoint, now: datetime) -> str:
    """In Markdown."""
    return PAGE.format(
        what=named(scope),
        origin=frame.origin,
        events=span.events,
        first=span.first,
        last=span.last,
        size=last.size,
        signed_at=_utc(last.signed_at),
        root=parse_checkpoint(last.note.rpartition("\n\n")[0] + "\n").root.hex(),
        made_at=_utc(now),
        completeness=COMPLETENESS[scope.kind],
        limits=LIMITS[scope.kind],
    )


def named(scope: Scope) -> str:
    if scope.kind == "period":
        start, _, end = scope.subject.partition("-")
        return f"all events from position {start} to position {end}"
    return f"{scope.kind} {scope.subject}"


def _utc(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
