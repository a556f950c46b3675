"""Where a crawl begins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crawler.beginning import begin
from crawler.frontier.interface import Counts, Frontier
from crawler.frontier.local import LocalFrontier
from crawler.session import CrawlOrder
from domain.errors import StoreUnavailable
from domain.settings import Settings
from store.evidence import FolderEvidence
from store.memory import MemoryRecords

TARGETS = tuple(f"https://shop{number}.example/" for number in range(5))


def order(folder: Path, **changes: Any) -> CrawlOrder:
    settings = Settings(home=folder, contact="mailto:crawl@assayer.example")
    chosen: dict[str, Any] = {"targets": TARGETS, "settings": settings, "max_pages": 3}
    return CrawlOrder(**chosen | changes)


@pytest.fixture
def frontier(tmp_path: Path) -> Any:
    opened = LocalFrontier(tmp_path / "frontier.db")
    yield opened
    opened.close()


def begun(order: CrawlOrder, frontier: Frontier) -> Any:
    return begin(order, MemoryRecords(), FolderEvidence(order.settings.home / "evidence"), frontier)


def test_targets_beyond_the_page_limit_are_not_asked_for_and_told(frontier: LocalFrontier, tmp_path: Path) -> None:
    session = begun(order(tmp_path), frontier)
    assert frontier.counts() == Counts(waiting=3)
    assert session.tally.not_followed == 2
    [warning] = session.tally.warnings
    assert "2 of 5 addresses to begin with are beyond the limit of 3 pages" in warning


def test_gone_on_with_under_a_higher_limit_the_others_are_added(frontier: LocalFrontier, tmp_path: Path) -> None:
    begun(order(tmp_path), frontier)
    taken = frontier.take(now=0)
    assert taken
    frontier.finish(taken.key)
    assert begun(order(tmp_path), frontier).tally.warnings, "what is done counts"
    session = begun(order(tmp_path, max_pages=5), frontier)
    assert session.tally.resumed
    assert frontier.counts() == Counts(waiting=4, done=1)
    assert (session.tally.warnings, session.tally.not_followed) == ([], 0)
    assert begun(order(tmp_path, targets=TARGETS * 2, max_pages=5), frontier).tally.warnings == []


def test_begun_anew_nothing_is_left_of_before(frontier: LocalFrontier, tmp_path: Path) -> None:
    before = begun(order(tmp_path), frontier)
    assert frontier.take(now=0)
    again = begun(order(tmp_path, targets=TARGETS[:1], fresh=True), frontier)
    assert (again.tally.resumed, frontier.counts()) == (False, Counts(waiting=1))
    assert again.began > before.began


def test_of_two_workers_that_begin_anew_at_once_one_does(redis_url: str, tmp_path: Path) -> None:
    from crawler.frontier.shared import SharedFrontier

    first, second = (SharedFrontier(redis_url, "acme", tmp_path.name, name) for name in ("first", "second"))
    try:
        begun(order(tmp_path, fresh=True), first)
        with pytest.raises(StoreUnavailable, match="another process is at work"):
            begun(order(tmp_path, fresh=True), second)
        assert begun(order(tmp_path), second).tally.resumed
        assert first.counts() == Counts(waiting=3)
    finally:
        first.close()
        second.close()
