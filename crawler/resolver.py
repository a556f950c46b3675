"""Name resolution for the Scrapy project that answers with permitted addresses only.

Twisted connects to the addresses that its name resolver hands out, literal ones included, and to nothing else; so what
is refused here cannot be connected to, and a name that answers differently the next time is judged again.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any, Protocol

from twisted.internet.interfaces import IHostnameResolver, IResolutionReceiver
from zope.interface import implementer  # type: ignore[import-untyped]

from crawler.addresses import why_refused

# Twisted's interfaces describe methods without `self`, which no type checker can follow; hence Any below


class _HasSettings(Protocol):
    settings: Any


@implementer(IHostnameResolver)
class GuardedResolver:
    """Hands on what the system's resolver finds, unless one of a host's addresses is refused: then none."""

    def __init__(self, inner: Any, reactor: Any, *, allow_loopback: bool) -> None:
        self._inner, self._reactor, self._allow_loopback = inner, reactor, allow_loopback
        self.refused: dict[str, str] = {}
        """Host to why it was refused."""

    @classmethod
    def from_crawler(cls, crawler: _HasSettings, reactor: Any) -> GuardedResolver:
        """As Scrapy makes it."""
        return cls(reactor.nameResolver, reactor, allow_loopback=crawler.settings.getbool("ASSAYER_ALLOW_LOOPBACK"))

    def install_on_reactor(self) -> None:
        """Take over name resolution."""
        self._reactor.installNameResolver(self)

    def resolveHostName(  # noqa: N802 - Twisted's name
        self,
        resolutionReceiver: Any,  # noqa: N803
        hostName: str,  # noqa: N803
        portNumber: int = 0,  # noqa: N803
        addressTypes: Sequence[type] | None = None,  # noqa: N803
        transportSemantics: str = "TCP",  # noqa: N803
    ) -> Any:
        """Resolve and judge; the receiver hears of the addresses when all are known and none is refused."""
        receiver = _Judging(self, resolutionReceiver, hostName)
        return self._inner.resolveHostName(receiver, hostName, portNumber, addressTypes, transportSemantics)

    def judge(self, host: str, addresses: Sequence[Any]) -> bool:
        """Whether all of a host's addresses may be connected to; why not is kept in `refused`."""
        for address in addresses:
            reason = why_refused(ip_address(address.host), allow_loopback=self._allow_loopback)
            if reason:
                self.refused[host] = reason
                return False
        self.refused.pop(host, None)
        return True


@implementer(IResolutionReceiver)
class _Judging:
    def __init__(self, guard: GuardedResolver, outer: Any, host: str) -> None:
        self._guard, self._outer, self._host = guard, outer, host
        self._addresses: list[Any] = []

    def resolutionBegan(self, resolutionInProgress: Any) -> None:  # noqa: N802, N803
        self._outer.resolutionBegan(resolutionInProgress)

    def addressResolved(self, address: Any) -> None:  # noqa: N802
        self._addresses.append(address)

    def resolutionComplete(self) -> None:  # noqa: N802
        if self._guard.judge(self._host, self._addresses):
            for address in self._addresses:
                self._outer.addressResolved(address)
        self._outer.resolutionComplete()
