"""The real service, as a user starts it, and the bare server beside it on the same PostgreSQL."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx

from adapters.embedded_postgres import EmbeddedPostgres

SECONDS_TO_BE_READY = 60.0


class Served(NamedTuple):
    """``http`` is authorised; ``database_url`` is of the log."""

    url: str
    token: str
    database_url: str
    http: httpx.Client
    process: "subprocess.Popen[bytes]"


@contextmanager
def postgres() -> Iterator[str]:
    """An embedded PostgreSQL of its own, with its defaults: what is answered is on the disk."""
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder) / "postgres")
        try:
            yield server.start()
        finally:
            server.stop()


@contextmanager
def service(database_url: str | None = None, workers: int = 1) -> Iterator[Served]:
    """``schemaledger serve`` that is ready, with a data folder of its own; None: with its own PostgreSQL."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        given = {
            "SCHEMALEDGER_DATA_DIR": folder,
            "SCHEMALEDGER_PORT": str(port),
            "SCHEMALEDGER_WORKER_PROCESSES": str(workers),
            "SCHEMALEDGER_LOG_LEVEL": "warning",
            # Counted as ever, and never reached.
            "SCHEMALEDGER_RATE_LIMIT": "10000000",
        }
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SCHEMALEDGER_")}
        environment = {**inherited, **given, "DATABASE_URL": database_url or ""}
        command = [sys.executable, "-m", "api.cli.main", "serve"]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        url = f"http://127.0.0.1:{port}"
        try:
            until_answered(f"{url}/health/ready", process)
            token = (Path(folder) / "token").read_text().strip()
            with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60.0) as http:
                yield Served(url, token, database_url or "", http, process)
        finally:
            process.terminate()
            process.wait()


@contextmanager
def bare_server(database_url: str) -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.bare_server", database_url, str(port)])
    url = f"http://127.0.0.1:{port}"
    try:
        until_answered(f"{url}/", process, httpx.codes.NOT_FOUND)
        yield url
    finally:
        process.terminate()
        process.wait()


def until_answered(url: str, process: "subprocess.Popen[bytes]", status: int = httpx.codes.OK) -> None:
    """Returns at the first answer of that status."""
    deadline = time.monotonic() + SECONDS_TO_BE_READY
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(url, timeout=2.0).status_code == status:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.005)
    raise AssertionError(f"{url} does not answer with {status}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
