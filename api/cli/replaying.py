"""``replay``: views built anew from the log, compared with it, or shown as they were then.

Goes to the database itself, as ``doctor`` does: also while the service is down, and beside it while it is up.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import click
import msgspec

from api.cli.output import DONE, FAILED, say, show_json
from api.cli.running import setting_options, settings_from
from api.cli.state import write_state
from domain.replay import Replays, Verified

SECONDS_BETWEEN_LINES = 2.0


@click.command("replay")
@click.option("--view", "views", multiple=True, help="One view, given again for more; by default all")
@click.option("--verify", is_flag=True, help="Only compare with the log; exit code 3 when something differs")
@click.option("--to", "position", type=click.IntRange(min=0), help="Show the state when the log ended there, as JSON")
@click.option("--at", "moment", help="Show the state at a moment (RFC 3339, with an offset), as JSON")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="How to answer")
@setting_options
def replay_command(
    views: tuple[str, ...], verify: bool, position: int | None, moment: str | None, output: str, **flags: Any
) -> None:
    """Build views anew from the log, aside, and put them in place; the service may run meanwhile."""
    then = position is not None or moment is not None
    if (position is not None) + (moment is not None) + verify > 1 or (then and views):
        raise click.UsageError("--to, --at and --verify each stand alone; --view goes with --verify or with neither.")
    with _replays(flags) as replays:
        names = views or replays.names
        if then:
            last = replays.position_at(_moment(moment) if moment else None)
            _show_then(replays, last if position is None else min(position, last))
        elif verify:
            _verify(replays, names, as_json=output == "json")
        else:
            _rebuild(replays, names, as_json=output == "json")


@contextmanager
def _replays(flags: dict[str, Any]) -> Iterator[Replays]:
    from api.own_postgres import database
    from api.workshop import replaying

    with database(settings_from(flags)) as url, replaying(url) as replays:
        yield replays


def _rebuild(replays: Replays, names: Sequence[str], *, as_json: bool) -> None:
    rebuilt = replays.rebuild(names, "command", Lines())
    if as_json:
        show_json(msgspec.to_builtins(rebuilt))
    else:
        say(f"Rebuilt out of {rebuilt.events:,} events: {', '.join(rebuilt.views)}.")


def _verify(replays: Replays, names: Sequence[str], *, as_json: bool) -> None:
    found = replays.verify(names, Lines())
    if as_json:
        show_json(msgspec.to_builtins(found))
    else:
        for verified in found:
            say(f"{verified.view}\t{_told(verified)}")
    sys.exit(FAILED if any(verified.discrepancy for verified in found) else DONE)


def _told(verified: Verified) -> str:
    if (first := verified.discrepancy) is None:
        return f"{verified.rows:,} rows are what the log says up to position {verified.position:,}"
    key = ", ".join(f"{name} {value}" for name, value in first.key.items())
    is_now = "there is no such row" if first.live is None else f"{first.column} is {first.live}"
    should = "there should be none" if first.rebuilt is None else f"should be {first.rebuilt}"
    return f"DIFFERS at position {verified.position:,} in {first.table}, {key}: {is_now}, {should}"


def _show_then(replays: Replays, position: int) -> None:
    with replays.as_of(position, Lines()) as then:
        write_state(sys.stdout.buffer, position, then)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"'{text}' is no moment: 2026-03-03T12:00:00Z is one.") from None
    if moment.tzinfo is None:
        raise click.UsageError(f"'{text}' has no offset from UTC: 2026-03-03T12:00:00Z has one.")
    return moment


class Lines:
    """Says on the error output how far it is, every other second."""

    def __init__(self) -> None:
        self._told = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        if (now := time.monotonic()) - self._told >= SECONDS_BETWEEN_LINES:
            self._told = now
            click.echo(f"{done:,} of {total:,} events", err=True)
