"""How a plan reads on the command line: what becomes of the schema, by which acts, and what to know before."""

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
        say(f"{SIGNS.get(difference['type'].rpartition('_')[2], '~')} {difference['description']}")


def duration(milliseconds: int) -> str:
    """In the unit one would say it in."""
    if milliseconds < 1_000:
        return f"{milliseconds} ms"
    seconds = milliseconds / 1_000
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
