"""Where webhooks may lead: the public internet over https, and what the installation allows beside it.

Whoever may make webhooks makes this service send requests. So it sends none into the networks that it stands in itself,
whatever a name resolves to, unless it was told that it may.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeGuard
from urllib.parse import urlsplit

from domain.errors import WebhookUrlRefused

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LONGEST_URL = 2_000
TRANSLATED = ip_network("64:ff9b::/96")
"""Addresses whose last 32 bits are an IPv4 address that a gateway leads to (RFC 6052)."""
GLOBAL_UNICAST = ip_network("2000::/3")
"""All that is given out of IPv6 (RFC 4291, IANA): not fec0::/10, once for sites, nor 64:ff9b:1::/48, for a site's own
translators, nor 5f00::/16, for segments of a site's routes."""
NEARBY = tuple(
    map(
        ip_network,
        (
            "168.63.129.16/32",
            "192.0.0.0/24",
            "192.88.99.0/24",
            "2001::/23",
            "2001:db8::/32",
            "3fff::/20",
        ),
    )
)
"""Public by their numbers, as some Pythons have it, and not what is meant: a cloud's own machinery, which answers
wherever it runs, relays of 6to4, protocols of the IETF with Teredo among them, documentation."""
ISATAP = (0x0000_5EFE, 0x0200_5EFE)
"""What stands before an IPv4 address in the second half of an address that a site tunnels to it (RFC 5214)."""


class Allowance:
    """What is allowed beside the public internet: hosts by name, and networks. Both may be spoken to without TLS."""

    def __init__(self, hosts: Iterable[str] = (), networks: Iterable[Network] = ()) -> None:
        self._hosts, self._networks = frozenset(hosts), tuple(networks)

    def names(self, host: str) -> bool:
        """Whether the host was allowed by its name, or as an address of an allowed network."""
        return host.lower() in self._hosts or ((literal := _literal(host)) is not None and self._holds(literal))

    def allows(self, host: str, address: Address) -> bool:
        """Whether to connect to the address, which is one of the host's."""
        return self.names(host) or self._holds(address) or is_public(address)

    def _holds(self, address: Address) -> bool:
        return any(address in network for network in self._networks if network.version == address.version)


PUBLIC_ONLY = Allowance()


def allowance(entries: Iterable[str]) -> Allowance:
    """From hosts, addresses and networks as text. Raises ValueError for what is none."""
    hosts, networks = set[str](), list[Network]()
    for entry in (entry.strip().strip("[]") for entry in entries):
        try:
            networks.append(ip_network(entry))
        except ValueError:
            if not entry or any(character in entry for character in "/:*?#@ "):
                raise ValueError(f"'{entry}' is neither a host nor an address nor a network like 10.1.0.0/16") from None
            hosts.add(entry.lower())
    return Allowance(hosts, networks)


def is_public(address: Address) -> bool:
    """Whether the address is one of the public internet: not ours, not a neighbour's, not everybody's."""
    if isinstance(address, IPv6Address):
        within = _embedded(address)
        if within is not None:
            return is_public(within)
        is_tunnelled = (int(address) >> 32) & 0xFFFF_FFFF in ISATAP
        if address not in GLOBAL_UNICAST or (is_tunnelled and not is_public(_last(address))):
            return False
    special = address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback
    return address.is_global and not special and not any(address in network for network in NEARBY)


def check_url(url: str, allowed: Allowance) -> None:
    """Raises WebhookUrlRefused for a URL that nothing would be sent to, as far as its text says."""
    if len(url) > LONGEST_URL:
        raise WebhookUrlRefused(f"it is longer than {LONGEST_URL} characters")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise WebhookUrlRefused(str(error)) from None
    if parts.scheme not in ("https", "http") or not _is_host(host) or port == 0 or not _is_plain(url):
        raise WebhookUrlRefused("it is not like https://host/path")
    if parts.username is not None or parts.password is not None:
        raise WebhookUrlRefused("it holds a name or a password; messages are signed instead")
    if parts.fragment:
        raise WebhookUrlRefused("it has a fragment, which is never sent")
    if parts.scheme == "http" and not allowed.names(host):
        raise WebhookUrlRefused("it is not https, and its host is not in SCHEMALEDGER_WEBHOOK_ALLOW")
    literal = _literal(host)
    if literal is not None and not allowed.allows(host, literal):
        raise WebhookUrlRefused(f"{host} is not an address of the public internet, nor in SCHEMALEDGER_WEBHOOK_ALLOW")


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that a packet to this one ends up at."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in TRANSLATED:
        return _last(address)
    return None


def _last(address: IPv6Address) -> IPv4Address:
    return IPv4Address(int(address) & 0xFFFF_FFFF)


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None


def _is_host(host: str | None) -> TypeGuard[str]:
    return bool(host) and "%" not in str(host)


def _is_plain(url: str) -> bool:
    """Whether every parser reads the same in it: printable, without what some take for a separator."""
    return url.isascii() and url.isprintable() and not any(character in url for character in ' \\"<>^`{|}')
