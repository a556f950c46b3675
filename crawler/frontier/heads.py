"""Which host's first waiting entry comes first, while many hosts are to be avoided."""

from __future__ import annotations

from collections.abc import Collection, Set
from heapq import heapify, heappop, heappush

Rank = tuple[int, int]
"""Priority negated, and the serial number: less is sooner."""


class Heads:
    """The first waiting entry of each host; memory goes with the hosts, not with the entries.

    Hosts lie in a heap by their first entry. Those that are avoided are parked beside it until they are avoided no
    more, so that choosing costs what changed since the last choice, not what is avoided.
    """

    def __init__(self) -> None:
        self._first: dict[str, Rank] = {}
        self._heap: list[tuple[Rank, str]] = []
        self._parked: set[str] = set()

    def offer(self, host: str, rank: Rank) -> None:
        """An entry of `host` waits: its first one, if it is sooner than the first so far."""
        if host not in self._first or rank < self._first[host]:
            self.put(host, rank)

    def put(self, host: str, rank: Rank | None) -> None:
        """This is the first entry of `host` now; None: it has none."""
        if rank is None:
            self._first.pop(host, None)
            self._parked.discard(host)
            return
        self._first[host] = rank
        if host not in self._parked:
            heappush(self._heap, (rank, host))
            self._shrink()

    def first(self, avoid: Collection[str]) -> tuple[str, Rank] | None:
        """The host to be served next with its first entry; None when all that have one are avoided."""
        avoided = avoid if isinstance(avoid, Set) else frozenset(avoid)
        for host in self._parked - avoided:
            self._parked.remove(host)
            heappush(self._heap, (self._first[host], host))
        while self._heap:
            rank, host = self._heap[0]
            if host in self._parked or self._first.get(host) != rank:
                heappop(self._heap)  # outdated: what it stood for was taken, or another came before it
            elif host in avoided:
                heappop(self._heap)
                self._parked.add(host)
            else:
                return host, rank
        return None

    def _shrink(self) -> None:
        """Outdated places would gather at the heap's far end."""
        if len(self._heap) > 2 * len(self._first) + 64:
            self._heap = [(rank, host) for host, rank in self._first.items() if host not in self._parked]
            heapify(self._heap)
