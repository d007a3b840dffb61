"""``serve``: PostgreSQL if it is ours, the API and worker processes, all of them kept alive and ended together."""

import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from ipaddress import ip_address

import httpx

from api.child import API, WORKER
from api.groundwork import Prepared, embedded_postgres, prepare
from api.metrics import begin_to_share, forget_process
from api.settings import Settings
from api.stopping import Stop, stop_on_signals

log = logging.getLogger("schemaledger.serve")

SECONDS_TO_BE_READY = 60.0
SECONDS_TO_STOP = 2.2
"""How long children may take to stop before they are killed."""
SECONDS_BETWEEN_LOOKS = 0.05
SECONDS_BEFORE_A_RESTART = 1.0


class CannotServe(Exception):
    """Why the service cannot start, in a sentence that says what to do."""


@dataclass
class Child:
    """A process of ours, started again when it ends unasked."""

    role: str
    environment: dict[str, str]
    process: "subprocess.Popen[bytes] | None" = field(init=False, default=None)

    def start(self) -> None:
        """It imports what it needs, and waits to be told to begin."""
        # A session of its own: Ctrl-C in the terminal reaches only us, and we end the children in order.
        self.process = subprocess.Popen(
            [sys.executable, "-m", "api.child", self.role],
            env={**os.environ, **self.environment},
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def begin(self, url: str) -> None:
        """``url`` is the database's. One that has ended already is found by whoever looks."""
        if self.has_ended:
            self.start()
        assert self.process is not None
        assert self.process.stdin is not None
        with suppress(BrokenPipeError), self.process.stdin as told:
            told.write(f"{url}\n".encode())

    @property
    def has_ended(self) -> bool:
        return self.process is None or self.process.poll() is not None


@dataclass(frozen=True)
class Running:
    """A service that is ready. ``settings`` have the port and the database it really uses."""

    settings: Settings
    url: str
    made_token: bool
    children: list[Child]


def serve(settings: Settings, announce: Callable[[Settings, bool], None]) -> None:
    """Runs until SIGINT or SIGTERM. ``announce`` is called once the service is ready.

    Raises CannotServe when it cannot start, or does not get ready.
    """
    stop = stop_on_signals()
    with running(settings, stop) as service:
        if not stop.is_set():
            announce(service.settings, service.made_token)
            _keep_alive(service, stop)


@contextmanager
def running(settings: Settings, stop: Stop) -> Iterator[Running]:
    """A service that is ready, or told to stop meanwhile; it ends with the context. Raises CannotServe."""
    settings = _with_free_port(settings)
    children = _children(settings, begin_to_share(settings.metrics_dir))
    try:
        for child in children:
            # Workers come later: whoever waits for the service waits for the API.
            if child.role == API:
                child.start()
        with database(settings) as url:
            settings = replace(settings, database_url=url)
            prepared = prepare(settings, url)
            _look_at_the_door(settings, prepared)
            service = Running(settings, url, prepared.made_token, children)
            try:
                for child in children:
                    child.begin(url)
                _wait_until_ready(service, stop)
                yield service
            finally:
                _end(children)
    finally:
        _end(children)


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """The URL of the database: the one in the settings, or a PostgreSQL of our own that ends with the context."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    postgres = embedded_postgres(settings)
    url = postgres.start()
    try:
        yield url
    finally:
        postgres.stop()


def _children(settings: Settings, shared: dict[str, str]) -> list[Child]:
    environment = {**settings.environment(), **shared}
    api = [Child(API, environment) for _ in range(settings.api_processes)]
    return [*api, *(Child(WORKER, environment) for _ in range(settings.worker_processes))]


def _look_at_the_door(settings: Settings, prepared: Prepared) -> None:
    """Raises CannotServe when others than this machine could knock and nobody could come in; warns of plain HTTP."""
    if is_loopback(settings.host):
        return
    if not prepared.has_token and settings.oidc is None:
        reason = f"{settings.host} is beyond this machine, and every token has ended."
        raise CannotServe(f"{reason} Move {settings.token_file} away, and one is made; or listen on 127.0.0.1.")
    log.warning(
        "listening on %s, beyond this machine, in plain HTTP: whoever is on the way can read tokens. Put a proxy "
        "that speaks TLS in front, and listen where only it can reach",
        settings.host,
    )


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _with_free_port(settings: Settings) -> Settings:
    """Port 0 becomes a free one. Raises CannotServe for a port that is taken, or an address that is not ours."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            reason = f"{settings.host}:{settings.port} cannot be listened on: {error.strerror}."
            raise CannotServe(f"{reason} Choose another with SCHEMALEDGER_PORT or --port.") from None
        return replace(settings, port=probe.getsockname()[1])


def _wait_until_ready(service: Running, stop: Stop) -> None:
    """Returns at the first 200 of /health/ready, or when told to stop."""
    deadline = time.monotonic() + SECONDS_TO_BE_READY
    while not stop.wait(SECONDS_BETWEEN_LOOKS):
        if any(child.has_ended for child in service.children):
            raise CannotServe("A process of the service ended while starting; its last lines above say why.")
        if time.monotonic() > deadline:
            raise CannotServe(f"The service did not get ready within {SECONDS_TO_BE_READY:.0f} seconds.")
        try:
            if httpx.get(f"{service.settings.url}/health/ready", timeout=2.0).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            continue


def _keep_alive(service: Running, stop: Stop) -> None:
    while not stop.wait(SECONDS_BEFORE_A_RESTART):
        for child in service.children:
            if child.process is not None and child.has_ended:
                forget_process(service.settings.metrics_dir, child.process.pid)
                log.error("%s (process %s) ended; starting it again", child.role, child.process.pid)
                child.begin(service.url)


def _end(children: list[Child]) -> None:
    running = [child.process for child in children if child.process is not None and not child.has_ended]
    for process in running:
        process.terminate()
    deadline = time.monotonic() + SECONDS_TO_STOP
    for process in running:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
