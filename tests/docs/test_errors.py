"""docs/reference/errors.md has every code with its status and its sentence, and no other."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

from api.http.errors import FRAMEWORK_CODES, STATUSES
from domain import errors
from domain.errors import Refusal
from tests.docs.pages import REFERENCE

HTTP = Path(__file__).parents[2] / "api" / "http"
FIRST = re.compile(r"Status (\d+)(, retryable)?\. (.*)")
"""How a section begins."""


@dataclass(frozen=True)
class Said:
    """What a section says of a code; the sentence has … for what differs."""

    status: int
    retryable: bool
    sentence: str


def documented() -> dict[str, Said]:
    found = dict[str, Said]()
    for section in (REFERENCE / "errors.md").read_text().split("\n## `")[1:]:
        code, _, rest = section.partition("`\n\n")
        begins = FIRST.match(flat(rest.split("\n\n")[0]))
        assert begins, f"{code} has no status"
        found[code] = Said(int(begins[1]), bool(begins[2]), begins[3])
    return found


def flat(text: str) -> str:
    return " ".join(text.split())


def refusals() -> dict[str, type[Refusal]]:
    """By code."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Refusal)]
    return {kind.code: kind for kind in kinds if kind is not Refusal}


def http_codes() -> dict[str, int]:
    """Codes that only HTTP has: of the framework's errors, and of violations that are made where bodies are read."""
    found = {code: status for status, code in FRAMEWORK_CODES.items()}
    for path in HTTP.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Name(id="Violation"), keywords=keywords):
                    given = {one.arg: one.value for one in keywords}
                    if isinstance(code := given.get("code"), ast.Constant):
                        found[str(code.value)] = 400
    return {code: status for code, status in found.items() if code not in refusals()}


def test_every_code_has_a_section_and_every_section_a_code() -> None:
    text = (REFERENCE / "errors.md").read_text()
    headings = re.findall(r"^## `(\w+)`", text, re.MULTILINE)
    assert headings == sorted(set(headings))
    assert set(headings) == set(refusals()) | set(http_codes())
    assert set(documented()) == set(headings)


def test_every_status_is_that_of_the_code() -> None:
    found = documented()
    expected = {code: STATUSES.get(code, 400) for code in refusals()} | http_codes()
    assert {code: said.status for code, said in found.items()} == expected
    assert set(STATUSES) <= set(refusals())


def test_what_may_succeed_later_is_said_so() -> None:
    retryable = {code for code, kind in refusals().items() if kind.retryable}
    assert {code for code, said in documented().items() if said.retryable} == retryable


def test_every_sentence_is_that_of_the_code() -> None:
    found = documented()
    wrong = {
        code: (found[code].sentence, expected)
        for code, kind in refusals().items()
        if (expected := flat(re.sub(r"\{\w+[^}]*\}", "…", kind.sentence))) not in ("…", found[code].sentence)
    }
    assert wrong == {}
