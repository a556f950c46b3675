"""What `crawler.frontier.interface.Frontier` promises, kept by every frontier."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crawler.frontier.interface import Counts, Entry, Frontier
from crawler.frontier.local import LocalFrontier
from crawler.sources.interface import Ask, Priority

PLENTY = 1_000_000
NOW = 1_800_000_000.0

Open = Callable[[], Frontier]
_numbers = count()


def entry(key: str, host: str = "shop.example", priority: int = 0, **ask: Any) -> Entry:
    return Entry(key=key, ask=Ask(url=f"https://{host}/{key}", priority=priority, **ask), host=host)


def all_due(frontier: Frontier, now: float = NOW) -> list[str]:
    """The keys of all that is due, in the order in which they are taken; they stay taken."""
    keys = []
    while taken := frontier.take(now=now):
        keys.append(taken.key)
    return keys


@pytest.fixture(params=["local", "shared"])
def open_frontier(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens the frontier of one crawl, at first empty; opened again: what was left there."""
    opened: list[Frontier] = []
    if request.param == "shared":
        url = request.getfixturevalue("redis_url")
        crawl = f"{tmp_path.name}-{next(_numbers)}"

    def open_again() -> Frontier:
        if request.param == "local":
            opened.append(LocalFrontier(tmp_path / "crawl" / "frontier.db"))
        else:
            from crawler.frontier.shared import SharedFrontier

            opened.append(SharedFrontier(url, "acme", crawl, "worker"))
        return opened[-1]

    yield open_again
    for frontier in opened:
        frontier.close()


@pytest.fixture
def frontier(open_frontier: Open) -> Frontier:
    return open_frontier()


def test_every_method_takes_and_gives_what_the_interface_says(frontier: Frontier) -> None:
    for name, promised in inspect.getmembers(Frontier, inspect.isfunction):
        if not name.startswith("_"):
            assert inspect.signature(getattr(type(frontier), name)) == inspect.signature(promised), name


def test_empty_it_gives_nothing(frontier: Frontier) -> None:
    assert frontier.take(now=NOW) is None
    assert frontier.next_due() is None
    assert frontier.counts() == Counts()
    assert frontier.counts().planned == 0
    assert frontier.known(["a"]) == set()
    assert frontier.dead_letters() == []
    assert frontier.replay(["a"]) == frontier.leave("shop.example") == frontier.add([], most=1) == 0


def test_priority_comes_first_then_age(frontier: Frontier) -> None:
    frontier.add(
        [entry("a"), entry("b", priority=30), entry("c", "other.example", 30), entry("d", priority=-20)], most=9
    )
    frontier.add([entry("e", "third.example", 40), entry("f", priority=30)], most=9)
    assert all_due(frontier) == ["e", "b", "c", "f", "a", "d"]


def test_priorities_may_have_names(frontier: Frontier) -> None:
    frontier.add([entry("a", priority=Priority.PAGE), entry("b", priority=Priority.API)], most=9)
    frontier.add([entry("c", priority=Priority.TARGET), entry("d", priority=Priority.VARIANT)], most=9)
    assert all_due(frontier) == ["b", "c", "a", "d"]


def test_what_is_taken_comes_once(frontier: Frontier) -> None:
    frontier.add([entry("a")], most=9)
    assert frontier.take(now=NOW) == entry("a")
    assert frontier.take(now=NOW) is None
    assert frontier.counts() == Counts(taken=1)


def test_a_key_is_added_once_whatever_became_of_it(frontier: Frontier) -> None:
    assert frontier.add([entry("a"), entry("a", priority=9), entry("b")], most=9) == 2
    first = frontier.take(now=NOW)
    assert first == entry("a"), "the first with a key stands"
    assert frontier.add([entry("a"), entry("b")], most=9) == 0
    frontier.finish("a")
    assert frontier.add([entry("a")], most=9) == 0
    frontier.take(now=NOW)
    frontier.bury("b", reason="Broken.", status=None)
    assert frontier.add([entry("b"), entry("a"), entry("c")], most=9) == 1
    assert frontier.known(["a", "b", "c", "d"]) == {"a", "b", "c"}


def test_no_more_than_planned_are_added(frontier: Frontier) -> None:
    assert frontier.add([entry(key) for key in "abcd"], most=3) == 3
    assert frontier.known("abcd") == {"a", "b", "c"}
    frontier.take(now=NOW)
    frontier.finish("a")
    assert frontier.add([entry("e")], most=3) == 0, "what is done counts as planned"
    assert frontier.counts() == Counts(waiting=2, done=1)
    frontier.take(now=NOW)
    frontier.bury("b", reason="Broken.", status=500)
    assert frontier.add([entry("e"), entry("f")], most=4) == 1
    assert frontier.known("ef") == {"e"}
    assert frontier.add([entry("a"), entry("e")], most=PLENTY) == 0


def extra(key: str, **ask: Any) -> Entry:
    return replace(entry(key, **ask), extra=True)


def test_what_is_no_page_is_added_beyond_the_limit_and_does_not_count(open_frontier: Open) -> None:
    frontier = open_frontier()
    assert frontier.add([entry("a"), extra("b"), entry("c"), entry("d"), extra("e"), extra("e")], most=2) == 4
    assert frontier.known("abcde") == set("abce")
    assert frontier.counts() == Counts(waiting=4, extra=2)
    assert (frontier.counts().planned, frontier.counts().pages) == (4, 2)
    assert frontier.add([extra("a"), entry("b"), entry("d")], most=2) == 0, "the first with a key stands"
    assert frontier.take(now=NOW) == entry("a")
    assert frontier.take(now=NOW) == extra("b")
    frontier.finish("b")
    assert frontier.add([extra("f"), entry("d"), entry("g")], most=3) == 2
    frontier.bury("a", reason="Broken.", status=None)
    assert frontier.add([extra("h"), entry("g")], most=3) == 1
    assert frontier.counts() == Counts(waiting=5, done=1, dead=1, extra=4)
    frontier.close()
    again = open_frontier()
    assert again.counts() == Counts(waiting=5, done=1, dead=1, extra=4)
    assert again.add([entry("g"), entry("i")], most=4) == 1
    again.clear()
    assert again.counts() == Counts()


def test_a_worker_that_ends_before_its_page_is_done_leaves_it_with_what_it_led_to(open_frontier: Open) -> None:
    frontier, found = open_frontier(), [entry("b"), entry("c", priority=-5), entry("a")]
    frontier.add([entry("a", priority=9)], most=9)
    frontier.take(now=NOW)
    assert frontier.add(found, most=9) == 2
    frontier.close()
    again = open_frontier()
    assert again.take(now=NOW) == entry("a", priority=9)
    assert again.add(found, most=9) == 0
    again.finish("a")
    assert again.counts() == Counts(waiting=2, done=1)
    assert all_due(again) == ["b", "c"]


def test_what_cannot_be_written_changes_nothing(frontier: Frontier) -> None:
    with pytest.raises(TypeError):
        frontier.add([entry("a"), entry("b", context={"when": datetime.now(UTC)})], most=9)
    assert frontier.counts() == Counts()
    assert frontier.known("ab") == set()
    assert frontier.add([entry("a")], most=9) == 1


def test_avoided_hosts_are_passed_over(frontier: Frontier) -> None:
    frontier.add([entry("a", "one", 9), entry("b", "two", 5), entry("c", "one"), entry("d", "three:81")], most=9)
    assert frontier.take(now=NOW, avoid={"one", "two", "three:81", "four"}) is None
    assert frontier.take(now=NOW, avoid=["one", "two"]) == entry("d", "three:81")
    assert frontier.take(now=NOW, avoid=("one",)) == entry("b", "two", 5)
    assert frontier.take(now=NOW, avoid=frozenset({"one"})) is None
    assert frontier.take(now=NOW, avoid=dict.fromkeys(["two"]).keys()) == entry("a", "one", 9)
    assert frontier.take(now=NOW) == entry("c", "one")


def test_of_many_hosts_all_but_one_are_avoided(frontier: Frontier) -> None:
    hosts = [f"shop{number}.example" for number in range(700)]
    frontier.add([entry(host, host, priority=number % 3) for number, host in enumerate(hosts)], most=PLENTY)
    for host in (hosts[-1], hosts[0], hosts[350], hosts[256]):
        others = set(hosts) - {host}
        assert frontier.next_due(avoid=others) is not None
        taken = frontier.take(now=NOW, avoid=others)
        assert taken is not None
        assert taken.host == host
        assert frontier.next_due(avoid=others) is None
    assert len(all_due(frontier)) == len(hosts) - 4


def test_what_failed_waits_and_its_failures_are_counted(frontier: Frontier) -> None:
    frontier.add([entry("a", priority=9), entry("b")], most=9)
    frontier.take(now=NOW)
    frontier.postpone("a", until=NOW + 60)
    assert frontier.counts() == Counts(waiting=2)
    assert all_due(frontier, now=NOW + 59.9) == ["b"]
    assert frontier.next_due() == NOW + 60
    again = frontier.take(now=NOW + 60)
    assert again is not None
    assert (again.key, again.attempts) == ("a", 1)
    frontier.postpone("a", until=NOW)
    last = frontier.take(now=NOW + 60)
    assert last is not None
    assert last.attempts == 2


def test_what_was_postponed_keeps_its_priority_and_age(frontier: Frontier) -> None:
    frontier.add([entry("a"), entry("b"), entry("c", priority=3)], most=9)
    assert all_due(frontier) == ["c", "a", "b"]
    frontier.postpone("b", until=NOW + 1)
    frontier.postpone("a", until=NOW + 2)
    frontier.postpone("c", until=NOW + 3)
    frontier.add([entry("d")], most=9)
    assert all_due(frontier, now=NOW + 3) == ["c", "a", "b", "d"]


def test_forever_is_a_time(frontier: Frontier) -> None:
    frontier.add([entry("a")], most=9)
    frontier.take(now=NOW)
    frontier.postpone("a", until=math.inf)
    assert frontier.take(now=1e300) is None
    assert frontier.next_due() == math.inf


def test_released_it_is_as_it_was(frontier: Frontier) -> None:
    frontier.add([entry("a", priority=4), entry("b", priority=4)], most=9)
    frontier.take(now=NOW)
    frontier.release("a")
    assert frontier.take(now=NOW) == entry("a", priority=4)


def test_when_the_next_one_is_due(frontier: Frontier) -> None:
    frontier.add([entry("a", "one"), entry("b", "two"), entry("c", "three")], most=9)
    due = frontier.next_due()
    assert due is not None
    assert due <= NOW
    all_due(frontier)
    assert frontier.next_due() is None, "what is taken does not wait"
    frontier.postpone("a", until=NOW + 9.25)
    frontier.postpone("b", until=NOW + 5.5)
    assert frontier.next_due() == NOW + 5.5
    assert frontier.next_due(avoid={"two"}) == NOW + 9.25
    assert frontier.next_due(avoid=["one", "two", "three"]) is None
    frontier.release("c")
    due = frontier.next_due(avoid={"two"})
    assert due is not None
    assert due <= NOW


def test_dead_letters_can_be_looked_at(frontier: Frontier) -> None:
    before = datetime.now(UTC)
    frontier.add([entry("a"), entry("b", "other.example", 3), entry("c")], most=9)
    all_due(frontier)
    frontier.postpone("c", until=NOW)
    all_due(frontier)
    frontier.bury("c", reason="Answered 500 each time.", status=500)
    frontier.bury("b", reason="Cut off \ud800.", status=None)
    first, second = frontier.dead_letters()
    assert (first.entry.key, first.entry.attempts, first.reason, first.status) == (
        "c",
        1,
        "Answered 500 each time.",
        500,
    )
    assert (second.entry, second.reason, second.status) == (entry("b", "other.example", 3), "Cut off ?.", None)
    assert before <= first.died_at <= second.died_at <= datetime.now(UTC)
    assert frontier.counts() == Counts(taken=1, dead=2)
    assert all_due(frontier) == []


def test_dead_letters_are_replayed_as_if_new(frontier: Frontier) -> None:
    frontier.add([entry("a", priority=3), entry("b"), entry("c")], most=9)
    frontier.take(now=NOW)
    frontier.postpone("a", until=NOW)
    all_due(frontier)
    for key in "abc":
        frontier.bury(key, reason="Broken.", status=None)
    assert frontier.replay(["a", "a", "c", "unknown"]) == 2
    assert [letter.entry.key for letter in frontier.dead_letters()] == ["b"]
    assert frontier.counts() == Counts(waiting=2, dead=1)
    assert frontier.take(now=NOW) == entry("a", priority=3), "its failed attempts are forgotten"
    frontier.bury("a", reason="Broken again.", status=410)
    assert [letter.reason for letter in frontier.dead_letters()] == ["Broken.", "Broken again."]
    assert frontier.replay([]) == 0
    frontier.finish("c")
    assert frontier.replay(["c"]) == 0, "what is done is not dead"


def test_a_host_that_said_stop_is_left(frontier: Frontier) -> None:
    frontier.add([entry(key, "stop.example") for key in "abcd"] + [entry("e")], most=9)
    for _ in "ab":
        frontier.take(now=NOW)
    frontier.postpone("a", until=NOW + 5)
    assert frontier.leave("stop.example") == 3
    assert frontier.counts() == Counts(waiting=1, taken=1, left=3)
    assert all_due(frontier, now=NOW + 5) == ["e"]
    assert frontier.next_due() is None
    assert frontier.add([entry("c", "stop.example")], most=9) == 0
    frontier.release("b")
    assert frontier.leave("stop.example") == 1
    assert frontier.leave("never.example") == 0
    assert frontier.counts().planned == 5


def test_priorities_beyond_reason_still_order(frontier: Frontier) -> None:
    frontier.add([entry("a", priority=-(10**30)), entry("b", priority=10**40), entry("c", priority=10**30)], most=9)
    frontier.add([entry("d", priority=9_999), entry("e", priority=10_000), entry("f", priority=-10_000)], most=9)
    assert all_due(frontier) == ["b", "c", "e", "d", "a", "f"]


def test_what_is_not_held_stays_as_it_is(frontier: Frontier) -> None:
    frontier.add([entry(key) for key in "abcd"], most=9)
    frontier.take(now=NOW)
    frontier.finish("a")
    frontier.take(now=NOW)
    frontier.bury("b", reason="Broken.", status=None)
    before = frontier.counts()
    for key in ("a", "b", "c", "unknown"):
        frontier.postpone(key, until=NOW + 99)
        frontier.release(key)
        frontier.bury(key, reason="No.", status=None)
    for key in ("a", "b", "unknown"):
        frontier.finish(key)
    assert frontier.counts() == before
    assert [letter.reason for letter in frontier.dead_letters()] == ["Broken."]
    assert all_due(frontier) == ["c", "d"]


def test_what_is_finished_while_it_waits_is_done(frontier: Frontier) -> None:
    """As when a worker's lease ended while it was at work, and nobody else took the page since."""
    frontier.add([entry(key) for key in "abc"], most=9)
    frontier.take(now=NOW)
    frontier.postpone("a", until=NOW + 5)
    frontier.finish("b")
    frontier.finish("a")
    assert frontier.counts() == Counts(waiting=1, done=2)
    assert all_due(frontier, now=NOW + 9) == ["c"]


def test_facts_are_kept(frontier: Frontier) -> None:
    assert frontier.fact("began") is None
    frontier.set_fact("began", "2026-01-01")
    frontier.set_fact("began", "2026-01-02")
    frontier.set_fact("ordered", "\n{“}")
    assert (frontier.fact("began"), frontier.fact("ordered"), frontier.fact("ended")) == ("2026-01-02", "\n{“}", None)


def test_cleared_it_is_as_new(open_frontier: Open) -> None:
    frontier = open_frontier()
    frontier.add([entry(key, f"{key}.example") for key in "abcdef"], most=9)
    for _ in "abcd":
        frontier.take(now=NOW)
    frontier.finish("a")
    frontier.bury("b", reason="Broken.", status=None)
    frontier.postpone("c", until=NOW + 5)
    frontier.leave("f.example")
    frontier.set_fact("began", "today")
    frontier.clear()
    assert frontier.counts() == Counts()
    assert frontier.take(now=NOW + 9) is None
    assert frontier.next_due() is None
    assert frontier.dead_letters() == []
    assert frontier.fact("began") is None
    assert frontier.known("abcdef") == set()
    frontier.finish("d")
    assert frontier.add([entry("a"), entry("b")], most=1) == 1
    frontier.close()
    again = open_frontier()
    assert again.counts() == Counts(waiting=1)
    assert all_due(again) == ["a"]


def test_opened_again_everything_is_there(open_frontier: Open) -> None:
    frontier = open_frontier()
    frontier.add([entry(key) for key in "abcdef"] + [entry("h", "stop.example")], most=9)
    for _ in "abcde":
        frontier.take(now=NOW)
    frontier.finish("a")
    frontier.bury("b", reason="Broken.", status=404)
    frontier.postpone("c", until=NOW + 60)
    frontier.add([entry("g", priority=3), entry("i", priority=5)], most=9)
    frontier.leave("stop.example")
    frontier.set_fact("began", "today")
    frontier.close()
    again = open_frontier()
    assert again.counts() == Counts(waiting=6, done=1, dead=1, left=1)
    assert again.known("abcdefghij") == set("abcdefghi")
    assert [(letter.entry, letter.reason, letter.status) for letter in again.dead_letters()] == [
        (entry("b"), "Broken.", 404)
    ]
    assert again.fact("began") == "today"
    assert all_due(again, now=NOW + 59) == ["i", "g", "d", "e", "f"], "what was taken waits again"
    assert again.next_due() == NOW + 60
    assert again.add([entry("a")], most=99) == 0
    late = again.take(now=NOW + 60)
    assert late is not None
    assert (late.key, late.attempts) == ("c", 1)


texts = st.text(st.characters(), max_size=30)  # halves of surrogate pairs and control characters too
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


def asks(then: st.SearchStrategy[tuple[Ask, ...]]) -> st.SearchStrategy[Ask]:
    return st.builds(
        Ask,
        url=texts,
        source=texts,
        method=texts,
        headers=st.dictionaries(texts, texts, max_size=3),
        body=texts,
        context=st.dictionaries(texts, values, max_size=3),
        priority=st.integers(),
        depth=st.integers(0),
        referer=texts,
        optional=st.booleans(),
        then=then,
        key=texts,
    )


any_ask = asks(st.lists(asks(st.just(())), max_size=2).map(tuple))
any_entry = st.builds(
    Entry, key=texts, ask=any_ask, host=texts.filter(bool), attempts=st.integers(0, 99), extra=st.booleans()
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(found=any_entry)
def test_whatever_a_page_wrote_comes_back_as_it_was(frontier: Frontier, found: Entry) -> None:
    frontier.clear()
    assert frontier.add([found], most=1) == 1
    assert frontier.known([found.key, found.key + "x"]) == {found.key}
    assert frontier.take(now=NOW, avoid=[found.host]) is None
    assert frontier.take(now=NOW, avoid=[found.host + "x", found.host + "\n"]) == found
    frontier.release(found.key)
    assert frontier.leave(found.host) == 1


def test_mappings_of_any_kind_are_kept(frontier: Frontier) -> None:
    frozen = entry("a", headers=MappingProxyType({"Accept": "text/html"}), context=MappingProxyType({"page": 2}))
    frontier.add([frozen], most=1)
    taken = frontier.take(now=NOW)
    assert taken is not None
    assert (taken.ask.headers, taken.ask.context) == ({"Accept": "text/html"}, {"page": 2})


def test_thousands_at_once(frontier: Frontier) -> None:
    """More than one page of what is sent to a server at a time."""
    entries = [
        entry(str(number), f"{number % 7}.example", priority=7 if number < 4_400 else 0) for number in range(5_000)
    ]
    assert frontier.add(entries, most=4_500) == 4_500
    keys = [each.key for each in entries]
    assert len(frontier.known(keys)) == 4_500
    first = frontier.take(now=NOW)
    assert first is not None
    assert first.key == "0"
    frontier.finish("0")
    assert frontier.add(entries, most=PLENTY) == 500
    taken = all_due(frontier)
    assert taken[:4_399] == keys[1:4_400]
    for key in taken:
        frontier.bury(key, reason="Broken.", status=None)
    assert [letter.entry.key for letter in frontier.dead_letters()] == taken
    assert frontier.replay(keys) == 4_999
