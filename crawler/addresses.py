"""Which addresses may be fetched. Pure policy: no name is looked up here, no connection is made.

A URL from outside may only lead to global unicast addresses, for a server that fetches what strangers name could
otherwise be made to read its own network (cloud metadata, databases, printers). IPv6 addresses that carry an IPv4
address are judged by the address they carry; deprecated tunnels (6to4, Teredo) are refused outright.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

from domain.errors import AddressRefused

Address = IPv4Address | IPv6Address

# what `is_global` of some Python versions lets through although it is no public web server
_REFUSED_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "100.64.0.0/10",  # shared by carriers
        "168.63.129.16/32",  # Azure's host service: looks public, is reachable from inside only
        "169.254.0.0/16",  # link-local, cloud metadata
        "192.0.0.0/24",  # protocol assignments
        "192.88.99.0/24",  # 6to4 relays
        "198.18.0.0/15",  # benchmarks
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
_GLOBAL_UNICAST_V6 = IPv6Network("2000::/3")
_REFUSED_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")

_WEB_PORTS = frozenset({80, 443})
_FIRST_USER_PORT = 1024
# user ports that speak something else: a request to them can be taken for a command (after the Fetch standard's
# list, and the databases that listen without a password)
_OTHER_SERVICES = frozenset(
    {1433, 1521, 1719, 1720, 1723, 2049, 2375, 2379, 3306, 3389, 3659, 4045, 4190, 5060, 5061, 5432, 5900, 6000, 6379}
    | {6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 9042, 9092, 9200, 9300, 10080, 10250, 11211, 27017}
)
_MAX_URL_LENGTH = 4096


def why_refused(address: Address, *, allow_loopback: bool = False) -> str | None:
    """Why this address may not be connected to, in a few words; None when it may."""
    if isinstance(address, IPv6Address):
        return _why_refused_v6(address, allow_loopback)
    if address.is_loopback:
        return None if allow_loopback else f"{address} is a loopback address"
    if any(address in network for network in _REFUSED_V4) or not address.is_global:
        return f"{address} is not a public address"
    return None


def _why_refused_v6(address: IPv6Address, allow_loopback: bool) -> str | None:
    if address.scope_id is not None:
        return f"{address} is bound to one network interface"
    if address.is_loopback:
        return None if allow_loopback else f"{address} is a loopback address"
    if address.ipv4_mapped is not None:
        return why_refused(address.ipv4_mapped, allow_loopback=allow_loopback)
    if address in _NAT64:  # networks without IPv4 reach all of it this way, but never this machine
        return why_refused(IPv4Address(int(address) & 0xFFFF_FFFF))
    if address not in _GLOBAL_UNICAST_V6 or any(address in network for network in _REFUSED_V6):
        return f"{address} is not a public address"
    return None if address.is_global else f"{address} is not a public address"


def why_port_refused(port: int) -> str | None:
    """Why this TCP port may not be connected to; None when it may: 80, 443, and user ports of no other service."""
    if port in _WEB_PORTS or (port >= _FIRST_USER_PORT and port not in _OTHER_SERVICES):
        return None
    return f"port {port} is not a web server's"


def check_addresses(url: str, addresses: list[Address], *, allow_loopback: bool = False) -> None:
    """Raises AddressRefused when any address that the URL's name leads to is refused.

    One bad address among good ones refuses all: which one would be connected to is not ours to guess.
    """
    for address in addresses:
        reason = why_refused(address, allow_loopback=allow_loopback)
        if reason:
            raise AddressRefused(reason, url=url)


def check_url(url: str, *, allow_loopback: bool = False) -> SplitResult:
    """The URL, split, if it may be asked for as far as its text tells.

    Raises AddressRefused: not http or https, no host, a user name, an unusual port, a refused address, or an address
    that is not written in its plain form (``0x7f.1``, ``2130706433``: each library reads those its own way).
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise AddressRefused(f"not a URL ({error})", url=url[:_MAX_URL_LENGTH]) from error
    reason = _why_url_refused(url, parts, port, allow_loopback)
    if reason:
        raise AddressRefused(reason, url=url[:_MAX_URL_LENGTH])
    return parts


def _why_url_refused(url: str, parts: SplitResult, port: int | None, allow_loopback: bool) -> str | None:
    if len(url) > _MAX_URL_LENGTH:
        return f"longer than {_MAX_URL_LENGTH} characters"
    if not url.isprintable() or any(character in url for character in " \\"):
        return "holds characters that no URL may hold"
    if parts.scheme not in ("http", "https"):
        return "only http and https are fetched"
    if not parts.hostname:
        return "no host"
    if "@" in parts.netloc:
        return "holds a user name"
    if port is not None and (reason := why_port_refused(port)):
        return reason
    return _why_host_refused(parts.hostname, allow_loopback)


def _why_host_refused(host: str, allow_loopback: bool) -> str | None:
    try:
        return why_refused(ip_address(host), allow_loopback=allow_loopback)
    except ValueError:  # a name
        pass
    last = host.rstrip(".").rpartition(".")[2].lower()
    if not last or last.isdecimal() or last.startswith("0x") or ":" in host:
        return "an address that is not written in its plain form"
    if last == "localhost" and not allow_loopback:
        return "leads to this machine"
    return None
