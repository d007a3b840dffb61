"""Sending a message: to an address that was looked at, within seconds, and no further. httpcore 1.0.

The connection is made to the very address that was found to be allowed. A name that leads elsewhere a moment later
(DNS rebinding) leads nowhere, and TLS asks for the certificate of the name all the same. Redirects are answers like
others, and no proxy of the environment is used.
"""

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import ip_address
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

import httpcore
import httpx
from httpcore import NetworkBackend, NetworkStream

from domain.webhook.addresses import Address, Allowance
from domain.webhook.deliveries import Answered, NotSent

SECONDS = 15.0
"""For everything: name, connection, TLS, request and answer."""
SECONDS_FOR_THE_NAME = 5.0
ADDRESSES_TRIED = 3
BYTES_LISTENED_TO = 1_024

NOT_ALLOWED = "address_not_allowed"
NOT_RESOLVED = "name_not_resolved"
NOT_CONNECTED = "connection_failed"
TLS = "tls_failed"
TIMED_OUT = "timeout"
NOT_HTTP = "no_http_answer"

Resolve = Callable[[str, int], Sequence[Address]]
"""The addresses of a host. Raises OSError."""


class Refused(Exception):
    """Why no connection was made, as a code."""


def resolved(host: str, port: int) -> Sequence[Address]:
    """By the system. Raises OSError, also when it takes too long: the system's own patience is not ours to set."""
    answers: SimpleQueue[Sequence[Address] | OSError] = SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put(list(dict.fromkeys(ip_address(place[4][0]) for place in found)))
        except (OSError, ValueError) as error:
            answers.put(error if isinstance(error, OSError) else OSError(str(error)))

    Thread(target=ask, name="resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=SECONDS_FOR_THE_NAME)
    except Empty:
        raise OSError(f"{host} was not resolved in time") from None
    if isinstance(answer, OSError):
        raise answer
    return answer


class HttpMessenger:
    """Implements ``Messenger``."""

    def __init__(
        self,
        allowed: Allowance,
        resolve: Resolve = resolved,
        *,
        seconds: float = SECONDS,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._allowed, self._resolve, self._seconds = allowed, resolve, seconds
        self._tls = tls or httpx.create_ssl_context()

    def send(self, url: str, headers: Mapping[str, str], body: bytes, *, listen: bool) -> Answered | NotSent:
        backend = _Guarded(self._allowed, self._resolve, time.monotonic() + self._seconds)
        try:
            with httpcore.ConnectionPool(ssl_context=self._tls, network_backend=backend, max_connections=1) as pool:
                return _exchanged(pool, url, headers, body, listen)
        except Refused as refusal:
            return NotSent(str(refusal))
        except httpcore.TimeoutException:
            return NotSent(TIMED_OUT)
        except httpcore.ConnectError as error:
            return NotSent(TLS if isinstance(error.__context__, ssl.SSLError) else NOT_CONNECTED)
        except httpcore.NetworkError:
            return NotSent(NOT_CONNECTED)
        except (httpcore.ProtocolError, httpx.InvalidURL, ValueError):
            return NotSent(NOT_HTTP)


def _exchanged(
    pool: httpcore.ConnectionPool, url: str, headers: Mapping[str, str], body: bytes, listen: bool
) -> Answered:
    parts = httpx.URL(url)
    target = httpcore.URL(scheme=parts.raw_scheme, host=parts.raw_host, port=parts.port, target=parts.raw_path)
    sent = {"User-Agent": "schemaledger", "Accept": "application/json, text/plain", "Connection": "close", **headers}
    with pool.stream("POST", target, headers=list(sent.items()), content=body) as answer:
        return Answered(answer.status, _beginning(answer.iter_stream()) if listen else b"")


def _beginning(pieces: Iterable[bytes]) -> bytes:
    found = b""
    for piece in pieces:
        found += piece
        if len(found) >= BYTES_LISTENED_TO:
            break
    return found[:BYTES_LISTENED_TO]


class _Guarded(NetworkBackend):
    """Connections to addresses that are allowed; all that is done on them ends at one moment."""

    def __init__(self, allowed: Allowance, resolve: Resolve, deadline: float) -> None:
        self._allowed, self._resolve, self._deadline = allowed, resolve, deadline
        self._network = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> NetworkStream:
        addresses = self._addresses(host, port)
        for number, address in enumerate(addresses, start=1):
            try:
                left = self._deadline - time.monotonic()
                # Those that do not answer must leave time for those after them.
                patience = _left(left / (len(addresses) - number + 1))
                stream = self._network.connect_tcp(str(address), port, patience, local_address, socket_options)
                return _Timed(stream, self._deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if number == len(addresses):
                    raise
        raise AssertionError("there is an address at least")

    def _addresses(self, host: str, port: int) -> Sequence[Address]:
        try:
            found = self._resolve(host, port)
        except OSError:
            raise Refused(NOT_RESOLVED) from None
        allowed = [address for address in found if self._allowed.allows(host, address)]
        if not allowed:
            raise Refused(NOT_ALLOWED if found else NOT_RESOLVED)
        return allowed[:ADDRESSES_TRIED]


class _Timed(NetworkStream):
    """A stream whose every act ends at the deadline, however slowly the other side goes on."""

    def __init__(self, stream: NetworkStream, deadline: float) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._deadline - time.monotonic()))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(self._deadline - time.monotonic()))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> NetworkStream:
        left = _left(self._deadline - time.monotonic())
        return _Timed(self._stream.start_tls(ssl_context, server_hostname, left), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(seconds: float) -> float:
    """What is left of the time. Raises ReadTimeout when nothing is."""
    if seconds <= 0:
        raise httpcore.ReadTimeout("the time is over")
    return seconds
