"""Every curl line of the README and of the how-to pages, run as it stands there."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import Service

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
AS_TIME_GOES = {"schema_not_there"}
"""Codes that a page's moment may lead to, which lies before the tables of this test."""


def curl_lines(page: Path) -> Iterator[str]:
    for block in BLOCK.findall(page.read_text()):
        for command in re.split(r"(?m)^\$ ", block)[1:]:
            # What is printed stands below a command, not indented, and is no part of it.
            lines = command.splitlines()
            kept = lines[:1]
            for line in lines[1:]:
                if not (kept[-1].endswith("\\") or kept[-1].count("'") % 2 or line.startswith(" ")):
                    break
                kept.append(line)
            if lines[0].startswith("curl "):
                yield "\n".join(kept)


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "how-to").glob("*.md"))]
WITH_CURL = [page for page in PAGES if list(curl_lines(page))]


def run(service: Service, line: str, known: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    for word, value in known.items():
        line = line.replace(word, value)
    environment = {"TOKEN": service.token, "URL": service.url, "PATH": "/usr/local/bin:/usr/bin:/bin"}
    # A stream that never ended would hold up everything.
    line = line.replace("curl ", "curl --max-time 60 ", 1)
    return subprocess.run(["bash", "-c", line], env=environment, capture_output=True, text=True, check=False)


def test_curl_lines_do_what_the_pages_say(own_service: Service) -> None:
    table = own_service.new_table("curled", {"id": "int64", "age": "int32"})["tableId"]
    for number, (old, new) in enumerate((("age", "years"), ("years", "age"), ("age", "years"))):
        change = {"type": "rename_column", "params": {"oldName": old, "newName": new}}
        operation = own_service.migrate(table, change)
        assert own_service.finished(operation)["status"] == "completed", number
    assert WITH_CURL[0].name == "README.md"
    assert len(WITH_CURL) > 2
    for page in WITH_CURL:
        known = {"TABLE_ID": table, "OPERATION_ID": operation}
        for line in curl_lines(page):
            ran = run(own_service, line, known)
            assert ran.returncode == 0, (page.name, line, ran.stderr)
            assert ran.stdout, (page.name, line)
            if ran.stdout.startswith("{"):
                answer = json.loads(ran.stdout)
                assert answer.get("code") in {None, *AS_TIME_GOES}, (page.name, line, answer)
                if page.name == "README.md":
                    # The README goes on with what its own calls answered.
                    known |= {"TABLE_ID": answer["tableId"]} if "/dataset-tables -H" in line else {}
                    known |= {"OPERATION_ID": answer["operationId"]} if "operationId" in answer else {}


@pytest.mark.parametrize("page", WITH_CURL, ids=lambda page: page.name)
def test_no_line_speaks_of_an_installation_of_its_own(page: Path) -> None:
    assert not [line for line in curl_lines(page) if "$URL" not in line]
