from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from crawler.frontier.local import LocalFrontier
from crawler.session import CrawlOrder, Session
from crawler.sites import Sites
from crawler.sources.credentials import ApiCredentials
from domain.settings import Settings
from store.evidence import MemoryEvidence
from store.memory import MemoryRecords


def test_what_came_too_soon_to_be_told_is_told_though_nothing_else_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Mapping[str, Any]] = []
    settings = Settings(home=tmp_path)
    frontier = LocalFrontier(tmp_path / "frontier.db")
    session = Session(
        order=CrawlOrder(settings=settings, targets=(), max_pages=1),
        records=MemoryRecords(),
        evidence=MemoryEvidence(),
        frontier=frontier,
        sites=Sites(settings),
        credentials=ApiCredentials(settings),
        emit=told.append,
    )
    monkeypatch.setattr("crawler.session._TELL_EVERY_S", 3_600.0)
    session.progress(at_once=True)
    for pages in (1, 2):
        session.tally.pages = pages
        session.progress()
    session.catch_up()
    assert [event["pages"] for event in told] == [0]
    monkeypatch.setattr("crawler.session._TELL_EVERY_S", 0.0)
    session.catch_up()
    session.catch_up()
    assert [event["pages"] for event in told] == [0, 2]
    frontier.close()
