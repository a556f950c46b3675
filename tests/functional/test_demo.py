"""`assayer demo`, as a newcomer runs it: what it prints is what it has stored, and all of it can be checked."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from crawler.marketplace import Marketplace, generate_marketplace
from jobs.learning_sets import DEMO_SEED
from takedown.manifest import verify_export

REPOSITORY = Path(__file__).resolve().parents[2]

State = Callable[[Path], dict[str, Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Demo:
    """One run."""

    folder: Path
    out: str
    err: str
    state: dict[str, Any]
    notices: dict[str, Any]
    """The notice of each exported folder."""


def run_demo(folder: Path, state_of: State, *options: str) -> Demo:
    # the demo keeps to its own folder, whatever the environment says
    environment = os.environ | {
        "PYTHONPATH": str(REPOSITORY),
        "ASSAYER_HOME": str(folder / "elsewhere"),
        "ASSAYER_TENANT": "somebody",
        "ASSAYER_MODELS_DIR": "/nowhere",
    }
    done = subprocess.run(
        [sys.executable, "-m", "cli", "demo", "--out", "demo", *options],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    notices = {
        path.name: json.loads((path / "notice.json").read_bytes()) for path in (folder / "demo" / "notices").iterdir()
    }
    state = state_of(folder / "demo" / "data")
    return Demo(folder=folder / "demo", out=done.stdout, err=done.stderr, state=state, notices=notices)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, state_of: State) -> Demo:
    return run_demo(tmp_path_factory.mktemp("demo"), state_of)


@pytest.fixture(scope="module")
def marketplace() -> Marketplace:
    return generate_marketplace(DEMO_SEED)


@pytest.fixture(scope="module")
def truth(demo: Demo) -> dict[str, Any]:
    rows = [json.loads(line) for line in (demo.folder / "truth.jsonl").read_text(encoding="utf-8").splitlines()]
    return {row["listing_id"]: row for row in rows}


def printed(demo: Demo, name: str) -> str:
    found = re.search(rf"^{name}  +(\S.*?) *$", demo.out, re.MULTILINE)
    assert found, demo.out
    return found[1]


def test_what_is_printed_is_what_is_stored(demo: Demo, truth: dict[str, Any]) -> None:
    assessments = demo.state["assessments"]
    flagged = [row for row in assessments if row["band"] != "clear"]
    items = [item for notice in demo.state["notices"] for item in notice["items"]]
    assert int(printed(demo, "crawled")) == len(demo.state["listings"]) == len(assessments) == len(truth)
    assert int(printed(demo, "flagged")) == len(flagged)
    assert int(printed(demo, "noticed")) == len(items)
    assert int(printed(demo, "notices")) == len(demo.state["notices"]) == len(demo.notices)
    assert 0 < int(printed(demo, "matched")) < len(assessments)
    assert 0 < len(items) <= len(flagged) < len(assessments)


def test_precision_and_recall_are_those_of_the_truth(demo: Demo, truth: dict[str, Any]) -> None:
    enforced = {row["listing_id"] for row in demo.state["assessments"] if row["band"] == "enforce"}
    infringing = {key for key, row in truth.items() if row["label"] == "infringing"}
    right = len(enforced & infringing)
    assert printed(demo, "precision").startswith(f"{right / len(enforced):.3f} [")
    assert printed(demo, "recall").startswith(f"{right / len(infringing):.3f} [")
    assert right / len(enforced) >= 0.98


def test_each_listing_is_noticed_at_most_once_and_only_from_enforce(demo: Demo) -> None:
    enforced = {row["listing_id"] for row in demo.state["assessments"] if row["band"] == "enforce"}
    items = [item["listing_id"] for notice in demo.state["notices"] for item in notice["items"]]
    assert len(set(items)) == len(items)
    assert set(items) <= enforced


def test_every_listing_that_may_be_reached_was_crawled_and_no_other(demo: Demo, marketplace: Marketplace) -> None:
    crawled = {listing["listing_id"] for listing in demo.state["listings"]}
    assert crawled == marketplace.reachable
    assert marketplace.private_listing not in crawled


def test_nothing_of_what_robots_txt_closes_was_captured(demo: Demo, marketplace: Marketplace) -> None:
    """Every page that is fetched goes to evidence, and that one names pictures which no other does."""
    private = next(listing for listing in marketplace.listings if listing.listing_id == marketplace.private_listing)
    shown = next(listing for listing in marketplace.listings if listing.listing_id in marketplace.reachable)
    kept = [path.read_bytes() for path in (demo.folder / "data" / "evidence").rglob("*") if path.is_file()]
    assert any(shown.images[0].encode() in content for content in kept)
    assert not any(private.images[0].encode() in content for content in kept)


def test_every_exported_notice_is_whole(demo: Demo) -> None:
    for name, notice in demo.notices.items():
        assert verify_export(demo.folder / "notices" / name) >= 3
        for item in notice["items"]:
            assert item["url"].startswith("http://127.0.0.1:")


class Links(HTMLParser):
    """Everything that a browser would load on its own."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if name in ("src", "srcset", "poster", "data", "background") or (tag, name) in (
                ("link", "href"),
                ("image", "href"),
                ("image", "xlink:href"),
                ("use", "href"),
            ):
                self.loaded.append(value or "")


def test_the_report_needs_nothing_but_itself(demo: Demo) -> None:
    page = (demo.folder / "report.html").read_text(encoding="utf-8")
    links = Links()
    links.feed(page)
    assert links.loaded
    assert [link[:60] for link in links.loaded if not link.startswith(("data:", "#"))] == []
    assert not re.search(r"url\((?!['\"]?(data:|#))|@import", page)
    assert str(demo.folder / "report.html").endswith(re.search(r"Open (\S+) in a browser", demo.out)[1])  # type: ignore[index]


def test_the_demo_keeps_to_its_folder(demo: Demo) -> None:
    assert [path.name for path in demo.folder.parent.iterdir()] == ["demo"]


def test_run_again_there_is_nothing_new(demo: Demo, state_of: State) -> None:
    """The marketplace stands on another port by then, so addresses differ, and nothing else."""
    again = run_demo(demo.folder.parent, state_of)
    port = re.compile(r"127\.0\.0\.1:\d+")

    def without_port(value: object) -> str:
        return port.sub("", json.dumps(value, sort_keys=True))

    for line in ("crawled", "matched", "flagged", "noticed", "notices", "precision", "recall"):
        assert printed(again, line) == printed(demo, line)
    assert again.state["index"] == demo.state["index"]
    for name in ("catalog", "assessments", "cases", "notices"):
        assert without_port(again.state[name]) == without_port(demo.state[name]), name
    assert again.notices.keys() == demo.notices.keys()
    assert [row["listing_id"] for row in again.state["listings"]] == [
        row["listing_id"] for row in demo.state["listings"]
    ]
