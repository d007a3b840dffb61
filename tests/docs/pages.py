"""The pages under docs/reference/ that are made from the code, and how one that has gone stale is noticed."""

import json
from pathlib import Path
from typing import Any

from api.http.app import published_document

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"

MADE = "<!-- Made by `make docs`; do not edit. -->\n\n"
"""How every such page begins."""


def write(name: str, text: str) -> None:
    """Puts a page, named by its path below docs/reference/, where it belongs."""
    place = REFERENCE / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(MADE + text)


def published() -> dict[str, Any]:
    """The OpenAPI document as it would be published now; the release stands aside, it is no part of the contract."""
    document = json.loads(published_document())
    document["info"].pop("version")
    return dict(document)


def recorded() -> dict[str, Any]:
    """The OpenAPI document as it was published last."""
    return dict(json.loads((REFERENCE / "openapi.json").read_text()))


def record(document: dict[str, Any]) -> None:
    text = json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True)
    (REFERENCE / "openapi.json").write_text(f"{text}\n")


def is_fresh(name: str, text: str) -> bool:
    """Whether the page on disk is what would be made of it now."""
    place = REFERENCE / name
    return place.exists() and place.read_text() == MADE + text


def assert_fresh(name: str, text: str) -> None:
    assert is_fresh(name, text), f"docs/reference/{name} is stale: run `make docs`"


def row(*cells: str) -> str:
    """One line of a Markdown table."""
    escaped = (cell.replace("|", r"\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    return "\n".join([row(*head), row(*("---" for _ in head)), *(row(*cells) for cells in rows)]) + "\n"


def error_link(code: str, from_folder: str = "") -> str:
    """A link to a code's section; ``from_folder`` leads from the page's folder to docs/reference/."""
    return f"[`{code}`]({from_folder}errors.md#{code})"
