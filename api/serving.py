"""``serve``: PostgreSQL if it is ours, the API and worker processes, all of them kept alive and ended together."""

import gc
import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from ipaddress import ip_address
from pathlib import Path
from threading import Thread

from api.child import API, WORKER
from api.children import CAN_FORK, Child, end
from api.own_postgres import Postgres, beginning
from api.settings import Settings
from api.shared_counts import begin_to_share, forget_process
from api.sole import Taken, alone_on
from api.stopping import Stop, stop_on_signals
from domain.errors import LogUnavailable

log = logging.getLogger("schemaledger.serve")

SECONDS_TO_BE_READY = 60.0
SECONDS_TO_STOP = 2.2
"""How long children may take to stop before they are killed."""
SECONDS_BETWEEN_LOOKS = 0.01
SECONDS_BEFORE_A_RESTART = 1.0


class CannotServe(Exception):
    """Why the service cannot start, in a sentence that says what to do."""


@dataclass(frozen=True)
class Running:
    """A service that is ready. ``settings`` have the port and the database it really uses."""

    settings: Settings
    url: str
    made_token: bool
    children: list[Child]
    postgres: Postgres


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
    with _alone(settings.data_dir), _running(settings, stop) as service:
        yield service


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with ExitStack() as held:
        try:
            held.enter_context(alone_on(folder))
        except Taken as other:
            raise CannotServe(
                f"Another `serve` (process {other}) runs on {folder}. Stop it first, or choose another folder with "
                "SCHEMALEDGER_DATA_DIR; to work faster, give that one more processes, or start `schemaledger worker`."
            ) from None
        yield


@contextmanager
def _running(settings: Settings, stop: Stop) -> Iterator[Running]:
    settings = _with_free_port(settings)
    # Before anything is imported that counts: forked processes share what this one has imported.
    os.environ.update(begin_to_share(settings.metrics_dir))
    children = _children(settings)
    with beginning(settings) as postgres, _ending(children):
        with _importing(children):
            url = postgres.start()
            settings = replace(settings, database_url=url)
            made_token = _prepared(settings, url)
        service = Running(settings, url, made_token, children, postgres)
        for child in children:
            child.begin(url)
        _wait_until_ready(service, stop)
        yield service


@contextmanager
def _ending(children: list[Child]) -> Iterator[None]:
    try:
        yield
    finally:
        end(children, SECONDS_TO_STOP)


@contextmanager
def _importing(children: list[Child]) -> Iterator[None]:
    """Imports what processes are made of, beside what goes on in the context.

    By one thread, and nobody else meanwhile: two that import the same packages can wait for each other for ever.
    """
    import api.groundwork  # noqa: F401

    thread = Thread(target=_import, args=(children,), name="importing")
    # What is imported stays. Who collects need not look at it, and no fork need copy its memory for that.
    gc.disable()
    thread.start()
    try:
        yield
    finally:
        thread.join()
        gc.freeze()
        gc.enable()


def _children(settings: Settings) -> list[Child]:
    api = [Child(API, settings) for _ in range(settings.api_processes)]
    return [*api, *(Child(WORKER, settings) for _ in range(settings.worker_processes))]


def _import(children: list[Child]) -> None:
    """Here for all of them; or where they are not forked, in each API process."""
    if CAN_FORK:
        from litestar import Litestar

        import api.processes  # noqa: F401

        # The framework imports some of its parts only for its first application.
        Litestar(openapi_config=None, logging_config=None)
    else:
        for child in children:
            # Workers come later: whoever waits for the service waits for the API.
            if child.role == API:
                child.start()


def _prepared(settings: Settings, url: str) -> bool:
    """Whether the admin's token was made just now, in an installation that has all it needs. Raises CannotServe."""
    from api.groundwork import prepare

    prepared = prepare(settings, url)
    if not is_loopback(settings.host):
        _look_at_the_door(settings, prepared.has_token)
    return prepared.made_token


def _look_at_the_door(settings: Settings, has_token: bool) -> None:
    """Raises CannotServe when others than this machine could knock and nobody could come in; warns of plain HTTP."""
    if not has_token and settings.oidc is None:
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
        if _is_ready(service.settings):
            return


def _is_ready(settings: Settings) -> bool:
    asking = HTTPConnection(settings.host, settings.port, timeout=2.0)
    try:
        asking.request("GET", "/health/ready")
        return asking.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        asking.close()


def _keep_alive(service: Running, stop: Stop) -> None:
    while not stop.wait(SECONDS_BEFORE_A_RESTART):
        _revive(service.postgres)
        for child in service.children:
            if child.process is not None and child.process.pid is not None and child.has_ended:
                forget_process(service.settings.metrics_dir, child.process.pid)
                log.error("%s (process %s) ended; starting it again", child.role, child.process.pid)
                child.begin(service.url)


def _revive(postgres: Postgres) -> None:
    """Children wait for PostgreSQL, and go on once it is back; so it is tried as long as we live."""
    try:
        if postgres.revive():
            log.error("PostgreSQL had ended; it was started again")
    except LogUnavailable as refusal:
        log.error("PostgreSQL has ended, and cannot be started again yet: %s", refusal.reason)
