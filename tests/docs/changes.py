"""docs/reference/changes/: a page for every change, with an example that was carried out."""

import inspect
import json
import re
import sys
from typing import Any

import msgspec

from domain.changes.change import Change
from domain.steps import Cost
from tests.contracts.engines.matrix import CHANGES, name_of
from tests.docs.examples import Example
from tests.docs.pages import error_link, table
from tests.docs.refusals import planned, unplanned
from tests.docs.running import Run, Seen

COSTS = {
    Cost.METADATA: "No value is read or written.",
    Cost.SCAN: "The column is read.",
    Cost.REWRITE: "The column is read and written; the others are not.",
    Cost.INDEX: "The column is read and an index is built.",
}
UNDOES = {
    "lossless": "Without loss.",
    "lossy": "With loss:",
    "impossible": "Not at all:",
}

Members = dict[str, dict[str, Any]]


def index() -> str:
    """README.md: every change in one line."""
    rows = [(f"[`{name_of(kind)}`]({name_of(kind)}.md)", _does(kind)) for kind in CHANGES]
    return (
        "# Changes\n\nA migration is one or more of these, in order, in `operations`. Each page has an example that was "
        "carried out on a\nLance table. Which engine does what on which type of column is in [engines](../engines.md), "
        "all codes are in\n[errors](../errors.md), and all calls in [HTTP](../http.md).\n\n"
        + table(("change", "what it does"), rows)
        + "\nWhere a parameter takes a dotted path (`address.city`), the change is made inside a struct column: the "
        "whole column is\nwritten anew, whatever the change costs elsewhere.\n"
    )


def page(kind: type[Change], example: Example, run: Run) -> str:
    """The page of one change, ``run`` being what came of its example."""
    parts = [
        "\n\n".join([f"# {name_of(kind)}", *_paragraphs(kind)]) + "\n",
        f"## Parameters\n\n{_parameters(kind)}",
        f"## Cost\n\n{_costs(run)}",
        f"## Undoing it\n\n{_undoing(example, run)}",
        f"## Refusals\n\n{_refusals(kind, run)}",
        f"## Example\n\n{example.about}\n\n{_worked(example, run)}",
    ]
    return "\n".join(parts)


def _does(kind: type[Change]) -> str:
    """The module's own first sentence, without the name it begins with."""
    return _paragraphs(kind)[0]


def _paragraphs(kind: type[Change]) -> list[str]:
    text = inspect.getdoc(sys.modules[kind.__module__]) or ""
    _, _, said = text.partition("``: ")
    linked = re.sub(r"docs/reference/(\w+)\.md", r"[\1](../\1.md)", said.replace("``", "`"))
    first, *rest = (" ".join(part.split()) for part in linked.split("\n\n"))
    return [first[:1].upper() + first[1:], *rest]


def _parameters(kind: type[Change]) -> str:
    params = kind.__annotations__["params"]
    _, components = msgspec.json.schema_components([params], ref_template="{name}")
    own = components[params.__name__]
    if not own.get("properties"):
        return "None.\n"
    rows = [
        (f"`{name}`", _type(member, components), _need(name, own), member.get("description", ""))
        for name, member in own["properties"].items()
    ]
    intro = f"{params.__doc__}\n\n".replace("``", "`") if params.__doc__ else ""
    return f"{intro}{table(('name', 'type', 'required', 'meaning'), rows)}"


def _type(member: dict[str, Any], components: Members) -> str:
    """A parameter's JSON type in a few words."""
    if "$ref" in member:
        return _type(components[member["$ref"]], components)
    if "enum" in member:
        return " or ".join(f"`{value}`" for value in sorted(member["enum"]))
    if "anyOf" in member:
        return " or ".join(_type(one, components) for one in member["anyOf"])
    if member.get("type") == "array":
        return f"array of {_type(member['items'], components)}"
    return str(member.get("type", "any"))


def _need(name: str, own: dict[str, Any]) -> str:
    if name in own.get("required", ()):
        return "yes"
    default = own["properties"][name]["default"]
    return "no" if default is None else f"no, `{json.dumps(default)}`"


def _costs(run: Run) -> str:
    steps = [(step["type"], step["cost"]) for plan in (run.plan, *run.variants) for step in plan["steps"]]
    rows = [(f"`{kind}`", f"`{cost}`", COSTS[Cost(cost)]) for kind, cost in dict.fromkeys(steps)]
    return table(("step", "cost", "what is done"), rows)


def _undoing(example: Example, run: Run) -> str:
    text = ""
    for operation, plan in zip((example.operation, *example.variants), (run.plan, *run.variants), strict=True):
        undo = plan["undo"]
        words = [UNDOES[undo["kind"]], *undo["losses"], *undo["conditions"]]
        sent = f"`{json.dumps(operation['params'], ensure_ascii=False)}`: " if example.variants else ""
        text += f"{'* ' if example.variants else ''}{sent}{' '.join(words)}\n"
    return text


def _refusals(kind: type[Change], run: Run) -> str:
    text = f"In the plan: {', '.join(error_link(code, '../') for code in planned(kind))}.\n"
    steps = {step["type"] for plan in (run.plan, *run.variants) for step in plan["steps"]}
    if codes := unplanned(steps):
        text += f"\nBy the values, while it runs: {', '.join(error_link(code, '../') for code in codes)}.\n"
    return text


def _worked(example: Example, run: Run) -> str:
    earlier = f"Migrated before, one by one:\n\n{_json(list(example.before))}\n" if example.before else ""
    return (
        f"{earlier}The table before:\n\n{_seen(run.before)}\n"
        f"`POST /dataset-tables/{{tableId}}/migrations` with\n\n{_json(run.body)}\n"
        f"The plan, from `/migrations/plan` with the same body (in part):\n\n{_json(run.plan)}\n"
        f"The table once the operation has `completed`:\n\n{_seen(run.after)}"
    )


def _seen(seen: Seen) -> str:
    fields = seen.schema["fields"]
    said = [(member, label) for member, label in SAID if any(field.get(member) is not None for field in fields)]
    key = seen.schema["primaryKeyColumns"]
    columns = table(
        ("column", "type", "nullable", *(label for _, label in said)),
        [
            (
                f"`{field['name']}`",
                f"`{field['dataType']}`",
                "yes" if field["nullable"] else "no",
                *(_value(field.get(member)) if field.get(member) is not None else "" for member, _ in said),
            )
            for field in fields
        ],
    )
    more = f"\nPrimary key: {', '.join(f'`{name}`' for name in key)}.\n" if key else ""
    for one in seen.indexes:
        more += (
            f"\nIndex `{one['name']}`: `{one['indexType']}` on {', '.join(f'`{name}`' for name in one['columns'])}.\n"
        )
    names = [field["name"] for field in fields]
    rows = table(tuple(names), [tuple(_value(row[name]) for name in names) for row in seen.rows])
    return f"{columns}{more}\n{rows}"


SAID = (("fieldId", "fieldId"), ("writeDefault", "default"), ("comment", "comment"))
"""Members of a field that are shown where a column has them."""


def _value(value: Any) -> str:
    if value is None:
        return "*null*"
    return json.dumps(value, default=str) if isinstance(value, dict | list | bool) else str(value)


def _json(value: Any) -> str:
    return f"```json\n{json.dumps(value, indent=2, ensure_ascii=False)}\n```\n"
