"""How a plan reads on the command line: what becomes of the schema, by which acts, and what to know before."""

import re
from collections.abc import Iterable
from typing import Any

from api.cli.output import say

SIGNS = {"added": "+", "dropped": "-"}


def show_plan(found: dict[str, Any]) -> None:
    for violation in found["violations"]:
        say(f"refused  {violation['pointer']}: {violation['message']}")
    if not found["isValid"]:
        return
    show_differences(found["diff"])
    for step in found["steps"]:
        say(f"{step['cost']:<8} {step['description']}")
    for impact in found["indexImpacts"]:
        say(f"index    {impact['indexName']}: {impact['impact']}. {impact['reason']}")
    for hazard in found["hazards"]:
        say(f"hazard   {hazard['kind']}: {hazard['message']}")
    undo = found["undo"]
    say(f"undo     {undo['kind']}")
    for sentence in (*undo["losses"], *undo["conditions"]):
        say(f"         {sentence}")
    say(f"valid    from schema version {found['baseVersion']}, plan {found['planHash']}")
    say(f"expected {duration(found['estimatedDurationMs'])}")


def show_differences(differences: Iterable[dict[str, Any]]) -> None:
    """A line each: ``+`` is new, ``-`` is gone, ``~`` is otherwise than it was."""
    for difference in differences:
        say(sign_of(difference))


def sign_of(difference: dict[str, Any]) -> str:
    return f"{SIGNS.get(difference['type'].rpartition('_')[2], '~')} {difference['description']}"


def as_markdown(table: str, found: dict[str, Any]) -> str:
    """A summary for a pull request."""
    lines = [f"### Schema migration of `{table}`", ""]
    if not found["isValid"]:
        lines += ["**Refused:**", ""]
        lines += [f"* `{each['pointer']}` {each['message']} (`{each['code']}`)" for each in found["violations"]]
        return "\n".join(lines) + "\n"
    changes = [line(sign_of(difference)) for difference in found["diff"]]
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", "".join(changes))), 3)
    lines += [f"{fence}diff", *changes, fence, ""]
    lines += [f"> **{hazard['kind']}** {line(hazard['message'])}" for hazard in found["hazards"]]
    lines += [""] if found["hazards"] else []
    lines += ["| step | cost |", "| --- | --- |"]
    lines += [f"| {cell(step['description'])} | {step['cost']} |" for step in found["steps"]]
    rewrite = "rewrites data" if found["requiresRewrite"] else "rewrites no data"
    undo = "; ".join((found["undo"]["kind"], *found["undo"]["losses"]))
    expected = duration(found["estimatedDurationMs"])
    lines += ["", f"From schema version {found['baseVersion']}, {rewrite}, expected {expected}. Undo: {undo}."]
    lines += [f"Plan `{found['planHash']}`."]
    return "\n".join(lines) + "\n"


def cell(text: str) -> str:
    """Text that cannot end its cell of a table."""
    return line(text).replace("|", "\\|")


def line(text: str) -> str:
    """Text that cannot end its line, whatever a name in it holds."""
    return " ".join(text.split())


def duration(milliseconds: int) -> str:
    """In the unit one would say it in."""
    if milliseconds < 1_000:
        return f"{milliseconds} ms"
    seconds = milliseconds / 1_000
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
