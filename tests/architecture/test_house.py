"""The house checks itself."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain import errors
from domain.changes.catalogue import AnyChange

ROOT = Path(__file__).parents[2]
FLOORS = ("domain", "adapters", "api")
MOST_LINES = 300


def files() -> Iterator[Path]:
    for floor in FLOORS:
        yield from (ROOT / floor).rglob("*.py")


def imports(path: Path) -> set[str]:
    found = set[str]()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def test_a_change_lives_in_the_file_of_its_name() -> None:
    for change in AnyChange.__args__:
        assert change.__module__ == f"domain.changes.{change.__struct_config__.tag}"
        assert (ROOT / "domain" / "changes" / f"{change.__struct_config__.tag}.py").exists()


def test_no_two_refusals_share_a_code() -> None:
    refusals = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.Refusal)]
    codes = [kind.code for kind in refusals if kind is not errors.Refusal]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("path", sorted(files()), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_outgrows_a_room(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MOST_LINES or path.name == "errors.py"


@pytest.mark.parametrize("path", sorted((ROOT / "domain").rglob("*.py")), ids=lambda path: path.name)
def test_the_domain_knows_no_clock_no_chance_and_no_file(path: Path) -> None:
    forbidden = {"time", "random", "secrets", "os", "pathlib", "io", "socket", "threading", "asyncio", "sqlite3"}
    assert not imports(path) & forbidden


def test_processes_begin_without_arrow_and_lance() -> None:
    # Each is half of what there is to import, and Lance is not to be forked once it is there.
    script = (
        "import sys, api.cli.main, api.serving, api.processes; print({*sys.modules} & {'lance', 'pyarrow', 'numpy'})"
    )
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"


def test_only_the_event_log_knows_the_librarys_recorders() -> None:
    for path in files():
        if any(name.startswith("eventsourcing") for name in imports(path)):
            assert path.parent == ROOT / "adapters" / "event_log"


def test_init_files_are_empty() -> None:
    assert all(not path.read_text() for path in files() if path.name == "__init__.py")


def test_nothing_names_a_package_registry_or_a_path_of_some_machine() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "--index-url" not in lock
    assert "--find-links" not in lock
    assert not re.search(r"(?m)\w+://|file:/|(^|[\s=])/\w", lock)
