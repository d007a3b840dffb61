"""The processes of the service: API and worker. Each ends on SIGTERM, and when its parent is gone."""

import asyncio
import logging
import os
import resource
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server
from prometheus_client import start_http_server

from api.compose import create_http, working
from api.metrics import Exposition
from api.parent import watch_parent
from api.settings import WORKER_METRICS_PORT, Settings
from api.stopping import Ending, Stop, stop_on_signals
from api.worker import Worker

SECONDS_TO_END = 2.0
"""How long a worker may take to let go of its work once it is told to stop."""

BACKLOG = 1_024
"""Connections that wait to be accepted."""
THREADS = 16
"""Requests of a process that are worked on at once; with Python's one lock for all, more would only get in each other's
way, and those that write share a commit."""
MOST_CONNECTIONS = 8_192
"""Open connections of a process: streams and long polls hold theirs, and must leave room for everybody else."""

log = logging.getLogger("schemaledger")


def run_api(settings: Settings) -> None:
    """Serves HTTP until told to stop. Several processes may listen on the same port (SO_REUSEPORT)."""
    asyncio.run(_serve_http(settings))


async def _serve_http(settings: Settings) -> None:
    app = create_http(settings)
    make_room_for_connections()
    server = Server(
        app,
        settings.host,
        settings.port,
        interface=Interfaces.ASGI,
        # Over HTTP/2 a connection could be held for ever by saying little: nobody here needs it in the clear.
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=settings.request_seconds * 1_000),
        backlog=BACKLOG,
        backpressure=MOST_CONNECTIONS,
        log_enabled=False,
    )

    def stop() -> None:
        # Long polls and streams end first: the server waits for requests under way.
        app.state.waiting.stop()
        app.state.following.stop()
        server.stop()  # type: ignore[no-untyped-call]

    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(THREADS, "request"))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    watch_parent()
    await server.serve()


def run_worker(settings: Settings, url: str, metrics_port: int | None = None) -> None:
    """Works until told to stop. What it was doing is given back, and the next worker goes on with it.

    With ``metrics_port``, answers there with what this process counts.
    """
    told, stop = stop_on_signals(), Ending()
    watch_parent()
    name = f"{socket.gethostname()}-{os.getpid()}"
    with answering_with_metrics(settings.host, metrics_port), working(settings, url, name, stop) as worker:
        thread = threading.Thread(target=_work, args=(worker, told), name="work", daemon=True)
        thread.start()
        told.wait()
        stop.set()
        thread.join(SECONDS_TO_END)
    if thread.is_alive():
        # A unit that takes its time holds no promise: the lease runs out, and another attempt finds or redoes it.
        os._exit(0)


@contextmanager
def answering_with_metrics(host: str, port: int | None) -> Iterator[None]:
    """Raises ValueError when the port cannot be listened on."""
    if port is None:
        yield
        return
    try:
        server, thread = start_http_server(port, host, registry=Exposition().registry)
    except OSError as error:
        raise ValueError(f"{WORKER_METRICS_PORT}: {host}:{port} cannot be listened on: {error.strerror}.") from None
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _work(worker: Worker, told: Stop) -> None:
    try:
        worker.work()
    finally:
        told.set()


def make_room_for_connections() -> None:
    """As many open files as connections need, as far as this process may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + BACKLOG
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
