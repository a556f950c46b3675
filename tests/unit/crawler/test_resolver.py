from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.address import IPv4Address, IPv6Address

from crawler.resolver import GuardedResolver


class Names:
    """A name service that knows what a test tells it, one answer after another."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)

    def resolveHostName(self, receiver: Any, host: str, port: int, *more: Any) -> Any:  # noqa: N802
        receiver.resolutionBegan(self)
        for address in self.answers.pop(0):
            receiver.addressResolved((IPv6Address if ":" in address else IPv4Address)("TCP", address, port))
        receiver.resolutionComplete()
        return self


class Receiver:
    def __init__(self) -> None:
        self.heard: list[str] = []
        self.complete = False

    def resolutionBegan(self, resolution: Any) -> None:  # noqa: N802
        pass

    def addressResolved(self, address: Any) -> None:  # noqa: N802
        self.heard.append(address.host)

    def resolutionComplete(self) -> None:  # noqa: N802
        self.complete = True


def resolved(guard: GuardedResolver, host: str = "shop.test") -> list[str]:
    receiver = Receiver()
    guard.resolveHostName(receiver, host, 80)
    assert receiver.complete, "a request waits forever for a resolution that does not complete"
    return receiver.heard


def test_public_addresses_are_handed_on() -> None:
    guard = GuardedResolver(Names(["8.8.8.8", "2606:4700::1111"]), None, allow_loopback=False)
    assert resolved(guard) == ["8.8.8.8", "2606:4700::1111"]
    assert guard.refused == {}


@pytest.mark.parametrize("inner", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:192.168.0.1", "fe80::1"])
def test_one_inner_address_and_the_name_leads_nowhere(inner: str) -> None:
    guard = GuardedResolver(Names(["8.8.8.8", inner]), None, allow_loopback=False)
    assert resolved(guard) == []
    assert guard.refused["shop.test"]


def test_a_name_that_changes_its_answer_is_judged_each_time() -> None:
    guard = GuardedResolver(Names(["8.8.8.8"], ["10.0.0.1"], ["8.8.4.4"]), None, allow_loopback=False)
    assert [resolved(guard), resolved(guard), resolved(guard)] == [["8.8.8.8"], [], ["8.8.4.4"]]
    assert guard.refused == {}


def test_loopback_where_allowed() -> None:
    guard = GuardedResolver(Names(["127.0.0.1"], ["10.0.0.1"]), None, allow_loopback=True)
    assert [resolved(guard), resolved(guard)] == [["127.0.0.1"], []]
