"""An auditor fetches evidence from a service at work, and verifies it where there is neither service nor database."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.conftest import Service

ROOT = Path(__file__).parents[2]
NEEDED = ("cryptography", "_cffi_backend")
PROGRAM = "import sys; sys.path.insert(0, sys.argv.pop(1)); from api.cli.entry import main; main()"


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """What an environment holds that has our distribution without what it depends on, and ``cryptography``."""
    folder = tmp_path / "site"
    folder.mkdir()
    for floor in ("domain", "adapters", "api"):
        (folder / floor).symlink_to(ROOT / floor)
    for name in NEEDED:
        if (spec := importlib.util.find_spec(name)) and spec.origin:
            place = Path(spec.origin)
            place = place.parent if place.name == "__init__.py" else place
            (folder / place.name).symlink_to(place)
    return folder


def verify(bare: Path, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    # Isolated (-I), without site-packages (-S), and without a single variable of the environment.
    command = [sys.executable, "-I", "-S", "-W", "error", "-c", PROGRAM, bare, "audit", "verify", *arguments]
    return subprocess.run(command, env={}, cwd="/", capture_output=True, text=True, check=False)


def changed(service: Service, table: str, kind: str, **params: object) -> None:
    assert service.finished(service.migrate(table, {"type": kind, "params": params}))["status"] == "completed"


def test_evidence_verifies_far_away_and_the_log_here(own_service: Service, bare: Path, tmp_path: Path) -> None:
    table = own_service.new_table("audited", {"id": "int64"})["tableId"]
    changed(own_service, table, "add_column", name="a", dataType="utf8", nullable=True)
    old = own_service.run("keys", "show").stdout.strip()
    assert own_service.run("keys", "rotate").returncode == 0
    changed(own_service, table, "drop_column", name="a")
    shown = own_service.run("keys", "show").stdout
    assert shown.split()[0] == old
    assert len(shown.split()) == 2

    bundle = tmp_path / "evidence.tar"
    fetched = own_service.run("audit", "evidence", "--table", "d.audited", "--file", str(bundle))
    assert fetched.returncode == 0, fetched.stderr
    for key in shown.split():
        found = verify(bare, bundle, "--key", key)
        assert (found.returncode, found.stderr) == (0, ""), found.stdout
        assert f"of table {table}" in found.stdout
    (tmp_path / "keys").write_text(shown)
    told = json.loads(verify(bare, bundle, "--key", tmp_path / "keys", "-o", "json").stdout)
    assert told["holds"]
    assert told["events"] >= 5
    assert own_service.run("audit", "verify", str(bundle), "--key", old).returncode == 0

    damaged = bytearray(bundle.read_bytes())
    damaged[damaged.index(b'"state":"') + 30] ^= 1
    bundle.write_bytes(damaged)
    refused = verify(bare, bundle, "--key", old)
    assert refused.returncode == 1
    assert refused.stdout.startswith("DOES NOT HOLD: event 1")
    assert verify(bare, bundle, "--key", "no+key").returncode == 2
    assert verify(bare, tmp_path / "nothing", "--key", old).returncode == 2

    whole = own_service.run("audit", "verify", "--full", "-o", "json")
    assert whole.returncode == 0, whole.stdout + whole.stderr
    assert json.loads(whole.stdout)["holds"]
    assert own_service.run("audit", "checkpoint").stdout.startswith(old.split("+")[0])
