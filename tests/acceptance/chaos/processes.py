"""A whole installation that can be hurt: PostgreSQL, API processes, workers; each killed, paused, cut off, restarted."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psycopg

from adapters.embedded_postgres import EmbeddedPostgres
from api.groundwork import prepare
from api.settings import Settings

LEASE_SECONDS = 2
"""Short, so that what a paused or killed worker held is soon taken up."""


class Installation:
    """``apis`` and ``workers`` are by name. Whoever is killed is followed by another of the name."""

    def __init__(self, folder: Path, apis: int = 2, workers: int = 3) -> None:
        self.folder = folder
        self._postgres = EmbeddedPostgres(folder / "data" / "postgres")
        self._ports = {f"api{number}": free_port() for number in range(apis)}
        self._workers = [f"worker{number}" for number in range(workers)]
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._paused: set[str] = set()
        self._log = (folder / "log").open("wb")

    def start(self) -> None:
        self.url = self._postgres.start()
        prepare(self.settings(), self.url)
        for name in (*self._ports, *self._workers):
            self._spawn(name)

    def stop(self) -> None:
        self.resume_all()
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            process.wait()
        self._postgres.stop()
        self._log.close()

    def settings(self, port: int = 1) -> Settings:
        return Settings(
            data_dir=self.folder / "data",
            host="127.0.0.1",
            port=port,
            database_url=self._url_or_none(),
            table_roots=(self.folder / "tables",),
            api_processes=1,
            worker_processes=1,
            lease_seconds=LEASE_SECONDS,
        )

    @property
    def apis(self) -> list[str]:
        return list(self._ports)

    @property
    def workers(self) -> list[str]:
        return list(self._workers)

    @property
    def awake(self) -> list[str]:
        return [worker for worker in self._workers if worker not in self._paused]

    @property
    def paused(self) -> list[str]:
        return sorted(self._paused)

    def base_url(self, api: str) -> str:
        return f"http://127.0.0.1:{self._ports[api]}"

    def kill(self, name: str) -> None:
        """kill -9, and another in its place."""
        self._running[name].kill()
        self._running[name].wait()
        self._paused.discard(name)
        self._spawn(name)

    def pause(self, name: str) -> None:
        self._running[name].send_signal(signal.SIGSTOP)
        self._paused.add(name)

    def resume(self, name: str) -> None:
        self._running[name].send_signal(signal.SIGCONT)
        self._paused.discard(name)

    def resume_all(self) -> None:
        for name in self.paused:
            self.resume(name)

    def restart_postgres(self) -> None:
        self._postgres.restart()

    def cut_connections(self) -> None:
        """Every connection to the database ends, whatever it was doing."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")

    def _spawn(self, name: str) -> None:
        settings = self.settings(self._ports.get(name, 1))
        command = "run-api" if name in self._ports else "run-worker"
        environment = {**os.environ, **settings.environment(), "PYTHONWARNINGS": "error"}
        self._running[name] = subprocess.Popen(
            [sys.executable, "-m", "api.child", command],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=self._log,
        )
        stdin = self._running[name].stdin
        assert stdin is not None
        with stdin as told:
            told.write(f"{self.url}\n".encode())

    def _url_or_none(self) -> str | None:
        return getattr(self, "url", None)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
