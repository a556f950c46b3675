"""What lets one page use the guarded proxy, and what came of it."""

from __future__ import annotations

import asyncio
import base64
import hmac
import secrets
from dataclasses import dataclass, field

_MOST_REASONS = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class ProxyLimits:
    """What one pass may use. The proxy ends what is beyond."""

    total_bytes: int = 50_000_000
    """Of all its connections, both ways, as sent."""
    connections: int = 32
    """At once."""
    connect_s: float = 10.0
    """For finding a name's addresses and connecting to one of them."""
    connection_s: float = 60.0
    """For one connection from its first byte to its last."""


class SpentPass(Exception):
    """The pass has no bytes left."""


@dataclass(kw_only=True, eq=False, slots=True)
class Pass:
    """One page's way through the proxy; worth nothing once the proxy has taken it back."""

    limits: ProxyLimits
    name: str = field(default_factory=lambda: secrets.token_hex(8))
    secret: str = field(default_factory=lambda: secrets.token_hex(16))
    used_bytes: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    """``host:port`` to why the address policy does not let it out."""
    failed: dict[str, str] = field(default_factory=dict)
    """``host:port`` to why no connection came about, or why it was ended early."""
    connections: set[asyncio.Task[None]] = field(default_factory=set)

    def proves(self, header: str) -> bool:
        """Whether a ``Proxy-Authorization`` header (Basic, RFC 7617) bears this pass."""
        expected = base64.b64encode(f"{self.name}:{self.secret}".encode()).decode()
        scheme, _, given = header.partition(" ")
        return scheme.lower() == "basic" and hmac.compare_digest(given.strip().encode(), expected.encode())

    def spend(self, size: int) -> None:
        """Count `size` bytes. Raises SpentPass when that is more than there is."""
        self.used_bytes += size
        if self.used_bytes > self.limits.total_bytes:
            raise SpentPass(f"more than {self.limits.total_bytes} bytes for one page")

    def refuse(self, place: str, reason: str) -> None:
        """Keep why a place may not be reached; a page can name so many that only the first are kept."""
        _keep(self.refused, place, reason)

    def fail(self, place: str, reason: str) -> None:
        """Keep why a place could not be reached."""
        _keep(self.failed, place, reason)

    def why_not(self, place: str) -> str:
        """Why nothing came of `place`; empty when it was reached."""
        return self.refused.get(place) or self.failed.get(place, "")


def _keep(reasons: dict[str, str], place: str, reason: str) -> None:
    if len(reasons) < _MOST_REASONS:
        reasons.setdefault(place[:300], reason[:300])
