"""The PostgreSQL of our own: one owner, whatever happens to him, and nothing left behind."""

import contextlib
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from adapters.embedded_postgres import EmbeddedPostgres
from adapters.passing import LIST
from domain.errors import LogUnavailable

OWNER = """
import sys, time
from pathlib import Path
from adapters.embedded_postgres import EmbeddedPostgres
print(EmbeddedPostgres(Path(sys.argv[1])).start(), flush=True)
time.sleep(600)
"""


FORK = """
import os
if os.fork() == 0:
    print(os.getpid(), flush=True)
time.sleep(600)
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """Not tmp_path: under root, every run of pytest closes the folder above it to the server's account anew."""
    with tempfile.TemporaryDirectory(prefix="schemaledger-tests-") as made:
        yield Path(made)


@pytest.fixture
def folder(place: Path) -> Path:
    return place / "data" / "postgres"


@pytest.fixture
def postgres(folder: Path) -> Iterator[EmbeddedPostgres]:
    made = EmbeddedPostgres(folder)
    yield made
    made.stop()


def postmaster_of(folder: Path) -> int:
    return int((folder / "postmaster.pid").read_text().split("\n", 1)[0])


def lives(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def server_without_owner(folder: Path) -> int:
    """A server whose owner was killed."""
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(folder)], stdout=subprocess.PIPE)
    assert owner.stdout is not None
    assert owner.stdout.readline()
    owner.kill()
    owner.wait()
    owner.stdout.close()
    return postmaster_of(folder)


def test_what_was_written_is_there_after_a_restart(postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.start(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (one integer)")
        url = postgres.restart()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)


def test_a_server_that_survived_its_owner_is_owned_and_stopped_by_the_next(
    postgres: EmbeddedPostgres, folder: Path
) -> None:
    server = server_without_owner(folder)
    postgres.start()
    assert postgres.owned
    assert postmaster_of(folder) == server
    postgres.stop()
    assert not lives(server)


def test_who_borrows_a_server_does_not_stop_it(postgres: EmbeddedPostgres, folder: Path) -> None:
    url = postgres.start()
    guest = EmbeddedPostgres(folder)
    assert guest.start() == url
    assert not guest.owned
    guest.stop()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_process_forked_from_the_owner_owns_nothing(postgres: EmbeddedPostgres, folder: Path) -> None:
    program = OWNER.replace("time.sleep(600)", FORK)
    owner = subprocess.Popen([sys.executable, "-c", program, str(folder)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    lines = [owner.stdout.readline().strip() for _ in range(2)]
    owner.kill()
    owner.wait()
    forked = int(lines[1])
    try:
        assert lives(forked)
        postgres.start()
        assert postgres.owned
    finally:
        os.kill(forked, signal.SIGKILL)
        owner.stdout.close()


def test_a_killed_server_comes_back_though_another_process_has_its_number(
    postgres: EmbeddedPostgres, folder: Path
) -> None:
    server = server_without_owner(folder)
    os.kill(server, signal.SIGKILL)
    while lives(server):
        time.sleep(0.01)
    left = (folder / "postmaster.pid").read_text().replace(str(server), str(os.getpid()), 1)
    (folder / "postmaster.pid").write_text(left)
    with psycopg.connect(postgres.start()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_server_that_was_killed_under_its_owner_is_started_again(postgres: EmbeddedPostgres, folder: Path) -> None:
    url = postgres.start()
    assert not postgres.revive()
    server = postmaster_of(folder)
    os.kill(server, signal.SIGKILL)
    while lives(server):
        time.sleep(0.01)
    while True:
        # Processes of the one that was killed may live a moment longer; PostgreSQL waits for them to go.
        with contextlib.suppress(LogUnavailable):
            assert postgres.revive()
            break
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_folder_is_made_while_its_owner_does_something_else(postgres: EmbeddedPostgres, folder: Path) -> None:
    postgres.begin()
    assert not folder.exists()
    with psycopg.connect(postgres.start()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    # What is there is left alone.
    postgres.begin()
    postgres.stop()
    postgres.begin()
    with psycopg.connect(postgres.start()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_folder_that_was_only_begun_is_none_and_is_made_anew(postgres: EmbeddedPostgres, folder: Path) -> None:
    postgres.begin()
    postgres.stop()
    assert not postgres.owned
    assert not folder.exists()
    with psycopg.connect(postgres.start()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_path_too_long_for_a_socket_is_no_obstacle(place: Path) -> None:
    postgres = EmbeddedPostgres(place / ("long" * 25) / "postgres")
    with psycopg.connect(postgres.start()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    postgres.stop()


def test_a_server_ends_with_a_process_that_forgot_to_stop_it(folder: Path) -> None:
    program = OWNER.replace("time.sleep(600)", "")
    subprocess.run([sys.executable, "-c", program, str(folder)], check=True, stdout=subprocess.DEVNULL)
    assert not (folder / "postmaster.pid").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as somebody else")
def test_a_closed_folder_above_is_opened_to_nobody_but_the_servers_account(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    postgres = EmbeddedPostgres(closed / "data" / "postgres")
    with psycopg.connect(postgres.start()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    mode, kept = stat.S_IMODE(closed.stat().st_mode), os.getxattr(closed, LIST)
    assert mode == 0o710
    assert subprocess.run(["ls", closed / "data"], user="nobody", capture_output=True, check=False).returncode != 0
    # Once is enough.
    postgres.restart()
    assert (stat.S_IMODE(closed.stat().st_mode), os.getxattr(closed, LIST)) == (mode, kept)
    # Closed anew, it is opened anew.
    closed.chmod(0o700)
    postgres.restart()
    assert stat.S_IMODE(closed.stat().st_mode) == 0o710
    postgres.stop()
