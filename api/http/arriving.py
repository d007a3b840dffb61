"""What holds of every request before anything is looked at: it names one host, and comes from an address."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from domain.errors import HostInvalid

Network = IPv4Network | IPv6Network
_FORWARDED = b"x-forwarded-for"
MOST_HOPS = 50
"""Addresses of a header that are looked at, from its end."""


def networks(entries: Sequence[str]) -> tuple[Network, ...]:
    """Raises ValueError for what is neither an address nor a network."""
    return tuple(ip_network(entry) for entry in entries)


class Forwarded:
    """The application with requests that come from their caller, also where proxies stand before it.

    Only what a proxy that is trusted has added is believed: everybody can send the header. The address is the last one
    that is not such a proxy's itself.
    """

    def __init__(self, app: ASGIApp, proxies: Sequence[Network]) -> None:
        self._app, self._proxies = app, tuple(proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP and scope.get("client"):
            client: Any = scope["client"]
            scope["client"] = (self._caller(client[0], scope), client[1])
        await self._app(scope, receive, send)

    def _caller(self, peer: str, scope: Scope) -> str:
        if not self._is_trusted(peer):
            return peer
        sent = b",".join(value for name, value in scope["headers"] if name == _FORWARDED)
        hops = [hop.strip() for hop in sent.decode("latin-1").split(",")[-MOST_HOPS:]]
        caller = peer
        for hop in reversed(hops):
            address = _address(hop)
            if address is None:
                break
            caller = address
            if not self._is_trusted(address):
                break
        return caller

    def _is_trusted(self, text: str) -> bool:
        try:
            address = ip_address(text)
        except ValueError:
            return False
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in network for network in self._proxies)


def _address(hop: str) -> str | None:
    """Of a hop that may have a port: ``1.2.3.4:80``, ``[::1]:80``."""
    bare = hop[1:].partition("]")[0] if hop.startswith("[") else hop
    if bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        return str(ip_address(bare))
    except ValueError:
        return None


def require_host(scope: Scope) -> None:
    """Raises HostInvalid. RFC 9112, section 3.2: one, and only one; HTTP/1.0 knows none."""
    hosts = [bytes(value) for name, value in scope["headers"] if name == b"host"]
    if len(hosts) == 1 and hosts[0].strip():
        return
    if not hosts and str(scope.get("http_version", "")).startswith("1.0"):
        return
    raise HostInvalid("there is none" if not any(hosts) else f"there are {len(hosts)}")
