"""Which host comes next: the heap with parked hosts beside a search through all of them."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from crawler.frontier.heads import Heads, Rank

HOSTS = [f"{number}.example" for number in range(6)]

ranks = st.tuples(st.integers(-3, 3), st.integers(0, 30))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from(HOSTS), st.none() | ranks),
        st.tuples(st.just("offer"), st.sampled_from(HOSTS), ranks),
        st.tuples(st.just("first"), st.sets(st.sampled_from([*HOSTS, "never.example"])), st.none()),
    ),
    max_size=60,
)


@given(steps=steps)
def test_it_finds_what_a_search_finds(steps: list[tuple[str, object, object]]) -> None:
    heads, known = Heads(), {}
    for step, what, rank in steps:
        if step == "first":
            found = heads.first(what)
            best = min(((rank, host) for host, rank in known.items() if host not in what), default=None)
            assert (found and found[1]) == (best and best[0])
            assert found is None or known[found[0]] == found[1]
        elif step == "put":
            heads.put(what, rank)
            known[what] = rank
        else:
            heads.offer(what, rank)
            known[what] = min(rank, known.get(what, rank))
        known = {host: rank for host, rank in known.items() if rank is not None}


def test_any_collection_says_what_to_avoid() -> None:
    heads = Heads()
    for number, host in enumerate(HOSTS):
        heads.put(host, (0, number))
    for avoid in (HOSTS[:3], tuple(HOSTS[:3]), set(HOSTS[:3]), dict.fromkeys(HOSTS[:3]).keys()):
        assert heads.first(avoid) == (HOSTS[3], (0, 3))
    assert heads.first(()) == (HOSTS[0], (0, 0))


def test_outdated_places_do_not_gather() -> None:
    """Every page leads to something better than what its host had to offer, again and again."""
    heads, chance = Heads(), random.Random(7)
    for number in range(20_000):
        host = chance.choice(HOSTS)
        heads.put(host, (number % 50, number))
        heads.offer(host, (-number, number))
        heads.first(chance.sample(HOSTS, 3))
    assert len(heads._heap) < 200


def test_choosing_looks_at_what_changed_only() -> None:
    """Thousands of hosts are avoided: each is passed over once, not in every choice."""
    looked_at = 0

    class Counting(frozenset[str]):
        def __contains__(self, host: object) -> bool:
            nonlocal looked_at
            looked_at += 1
            return super().__contains__(host)

    heads = Heads()
    hosts = [f"{number:05}.example" for number in range(5_000)]
    for number, host in enumerate(hosts):
        heads.put(host, (0, number))
    avoid = Counting(hosts[:-1])
    for number in range(100):
        head: tuple[str, Rank] | None = heads.first(avoid)
        assert head is not None
        assert head[0] == hosts[-1]
        heads.put(hosts[-1], (0, 5_000 + number))
    assert looked_at < 5_000 + 200
