"""The published document keeps what it promised, and every change of it is told."""

import re
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from tests.docs.contract import breaking
from tests.docs.pages import REFERENCE, published, recorded

Change = Callable[[dict[str, Any]], object]


def test_nothing_that_was_published_is_broken() -> None:
    assert breaking(recorded(), published()) == []


def test_the_document_on_disk_is_the_published_one() -> None:
    assert recorded() == published(), "docs/reference/openapi.json is stale: run `make docs`"


def test_every_call_is_told_in_the_changes_of_the_contract() -> None:
    told = set(re.findall(r"`(\w+)`", (REFERENCE / "contract.md").read_text()))
    ids = {item[method]["operationId"] for item in published()["paths"].values() for method in item}
    assert ids - told == set()


BREAKS: list[tuple[str, Change]] = [
    ("GET /dataset-tables is gone", lambda d: d["paths"]["/dataset-tables"].pop("get")),
    ("is called other instead", lambda d: d["paths"]["/dataset-tables"]["get"].update(operationId="other")),
    ("needs parameter query engine now", lambda d: parameter(d, "engine").update(required=True)),
    ("knows no parameter query engine", lambda d: parameter(d, "engine").update(name="motor")),
    ("takes less: maximum is 20", lambda d: parameter(d, "pageSize")["schema"].update(maximum=20)),
    ("does not answer 201", lambda d: d["paths"]["/dataset-tables"]["post"]["responses"].pop("201")),
    ("NewTableBody needs member engine", lambda d: schema(d, "NewTableBody")["required"].append("engine")),
    ("NewTableBody has no member location", lambda d: schema(d, "NewTableBody")["properties"].pop("location")),
    ("TableBody has no member location", lambda d: schema(d, "TableBody")["properties"].pop("location")),
    ("TableBody may lack member engine", lambda d: schema(d, "TableBody")["required"].remove("engine")),
    ("TableBody.engine is integer", lambda d: schema(d, "TableBody")["properties"]["engine"].update(type="integer")),
    ("the message drift.found is gone", lambda d: d["webhooks"].pop("drift.found")),
    ("TableDrifted has no member tableId", lambda d: schema(d, "TableDrifted")["properties"].pop("tableId")),
    (
        "has no DropColumn any more",
        lambda d: remove_variant(schema(d, "MigrationRequestBody")["properties"]["operations"]["items"], "DropColumn"),
    ),
]
ADDITIONS: list[Change] = [
    lambda d: d["paths"].update({"/new": deepcopy(d["paths"]["/dataset-tables"])}),
    lambda d: parameter(d, "pageSize")["schema"].update(maximum=2_000),
    lambda d: schema(d, "TableBody")["properties"].update(colour={"type": "string"}),
    lambda d: schema(d, "NewTableBody")["properties"].update(colour={"type": "string"}),
    lambda d: d["paths"]["/dataset-tables"]["post"]["responses"].update({"418": {"description": "A teapot."}}),
]


@pytest.mark.parametrize(("sentence", "change"), BREAKS, ids=[sentence for sentence, _ in BREAKS])
def test_each_break_is_noticed(sentence: str, change: Change) -> None:
    old = published()
    new = deepcopy(old)
    change(new)
    assert [found for found in breaking(old, new) if sentence in found], breaking(old, new)


@pytest.mark.parametrize("number", range(len(ADDITIONS)))
def test_additions_break_nobody(number: int) -> None:
    old = published()
    new = deepcopy(old)
    ADDITIONS[number](new)
    assert new != old
    assert breaking(old, new) == []


def parameter(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in document["paths"]["/dataset-tables"]["get"]["parameters"] if each["name"] == name)


def schema(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["schemas"][name]
    return found


def remove_variant(items: dict[str, Any], name: str) -> None:
    union = "oneOf" if "oneOf" in items else "anyOf"
    items[union] = [each for each in items[union] if not each["$ref"].endswith(f"/{name}")]
