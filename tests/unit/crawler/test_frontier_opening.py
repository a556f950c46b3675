"""Which frontier a crawl gets, by the settings."""

from __future__ import annotations

import builtins
import sys
from pathlib import Path
from typing import Any

import pytest

from crawler.frontier.local import LocalFrontier
from crawler.frontier.opening import open_frontier
from domain.errors import BadInput, NotReady
from domain.settings import Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(home=tmp_path / "home", tenant="acme")


def test_it_is_a_file_of_the_crawl(settings: Settings) -> None:
    frontier = open_frontier(settings, "shoes", "worker")
    assert isinstance(frontier, LocalFrontier)
    assert (settings.crawl_dir / "shoes" / "frontier.db").is_file()
    other = open_frontier(settings, "bags", "worker")
    other.close()
    frontier.close()


def test_it_is_in_redis_when_there_is_one(settings: Settings, redis_url: str) -> None:
    from crawler.frontier.shared import SharedFrontier

    frontier = open_frontier(settings.model_copy(update={"redis_url": redis_url}), "shoes", "worker")
    assert isinstance(frontier, SharedFrontier)
    assert not settings.crawl_dir.exists()
    frontier.close()


@pytest.mark.parametrize("name", ["", ".", "..", "../other", "a/b", "a b", "a\n", "{a}", "ä", "a" * 65])
def test_names_that_are_none_are_refused(settings: Settings, name: str) -> None:
    for crawl, worker, field in ((name, "worker", "crawl"), ("crawl", name, "worker")):
        with pytest.raises(BadInput) as caught:
            open_frontier(settings, crawl, worker)
        assert caught.value.field == field
    assert not settings.home.exists()


def test_without_the_client_it_says_what_to_install(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def without_redis(name: str, *arguments: Any, **named: Any) -> Any:
        if name.partition(".")[0] == "redis":
            raise ModuleNotFoundError("No module named 'redis'", name="redis")
        return imported(name, *arguments, **named)

    monkeypatch.delitem(sys.modules, "crawler.frontier.shared", raising=False)
    monkeypatch.setattr(builtins, "__import__", without_redis)
    with pytest.raises(NotReady, match="redis is not installed") as caught:
        open_frontier(settings.model_copy(update={"redis_url": "redis://127.0.0.1/0"}), "shoes", "worker")
    assert "assayer[scale]" in caught.value.advice
