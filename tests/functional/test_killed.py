"""Killed with SIGKILL at any moment and run again: the same as undisturbed, nothing twice, nothing lost."""

from __future__ import annotations

import random
import shutil
import signal
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

COMMANDS = {
    "catalog": ("catalog", "import", "{shop}/catalog"),
    "listings": ("listings", "import", "{shop}/listings.jsonl"),
    "index": ("index", "build"),
    "score": ("score", "--all", "--out", "{work}/scores.jsonl"),
}
PARTS = 3
"""A command's steps are cut into so many parts, and it is killed at a random one of each."""
PRODUCTS_PER_BRAND, LISTINGS = 2, 14

State = Callable[[Path], dict[str, Any]]


class Bench:
    """A folder with a home as the step before left it, and the command to be killed there."""

    def __init__(self, work: Path, arguments: tuple[str, ...], command_line: Any) -> None:
        self.work, self._arguments = work, arguments
        self.assayer = command_line(work / "home")
        self.home = work / "home"

    def count_steps(self) -> int:
        """Nobody kills it."""
        done, steps = self.assayer.die_at(0, *self._arguments)
        assert done.code == 0
        return int(steps)

    def kill_at(self, step: int) -> None:
        done, _ = self.assayer.die_at(step, *self._arguments)
        assert done.code == -signal.SIGKILL, f"ended with {done.code} before step {step}: {done.err}"

    def interrupt_at(self, step: int) -> str:
        """By Ctrl-C; what it says then."""
        done, _ = self.assayer.die_at(step, *self._arguments, by=signal.SIGINT)
        assert done.code == 130, f"ended with {done.code}: {done.err}"
        return str(done.err)

    def run(self) -> None:
        self.assayer(*self._arguments)


@dataclass(frozen=True, kw_only=True, slots=True)
class Undisturbed:
    """What a command leaves that nobody kills."""

    state: dict[str, Any]
    steps: int


@pytest.fixture(scope="module")
def small_shop(walked: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six products of two rights holders, and fourteen listings: three batches and a half."""
    shop = tmp_path_factory.mktemp("small") / "shop"
    shutil.copytree(walked.shop, shop)
    header, *rows = (shop / "catalog" / "products.tsv").read_text(encoding="utf-8").splitlines(keepends=True)
    by_brand = defaultdict(list)
    for row in rows:
        by_brand[row.split("\t")[3]].append(row)
    kept = [row for rows in by_brand.values() for row in rows[:PRODUCTS_PER_BRAND]]
    (shop / "catalog" / "products.tsv").write_text(header + "".join(kept), encoding="utf-8")
    listings = (shop / "listings.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (shop / "listings.jsonl").write_text("".join(listings[:LISTINGS]), encoding="utf-8")
    return shop


@pytest.fixture(scope="module")
def line(small_shop: Path, tmp_path_factory: pytest.TempPathFactory, command_line: Any, state_of: State) -> Line:
    return Line(small_shop, tmp_path_factory, command_line, state_of)


class Line:
    """The commands one after another, nobody disturbing them, each from where the one before it has ended."""

    def __init__(self, shop: Path, folders: pytest.TempPathFactory, command_line: Any, state_of: State) -> None:
        self.undisturbed: dict[str, Undisturbed] = {}
        self._shop, self._folders, self._command_line = shop, folders, command_line
        self._homes: dict[str, Path] = {}
        home = None
        for command in COMMANDS:
            if home:
                self._homes[command] = home
            here = self.bench(command)
            steps = here.count_steps()
            self.undisturbed[command] = Undisturbed(state=state_of(here.home), steps=steps)
            home = here.home
        self.scores = (here.work / "scores.jsonl").read_bytes()

    def bench(self, command: str) -> Bench:
        """A new folder in which that command comes next."""
        work = self._folders.mktemp(command)
        if before := self._homes.get(command):
            shutil.copytree(before, work / "home")
        arguments = tuple(part.format(shop=self._shop, work=work) for part in COMMANDS[command])
        return Bench(work, arguments, self._command_line)


def assert_nothing_is_half_done(here: Bench, line: Line, state_of: State) -> None:
    """What a killed process leaves is less than all, and all of it is whole: nothing is named that is not there."""
    if not (here.home / "assayer.db").exists():
        return
    state = state_of(here.home)
    pictures = [image for row in (*state["products"], *state["listings"]) for image in row["images"]]
    assert {image["sha256"] for image in pictures} <= set(state["evidence"])
    judged = {row["listing_id"] for row in state["assessments"]}
    assert judged <= {row["listing_id"] for row in state["listings"]}
    assert {listing_id for case in state["cases"] for listing_id in case["listing_ids"]} <= judged
    if (here.work / "scores.jsonl").exists():
        assert (here.work / "scores.jsonl").read_bytes() == line.scores
    if "default/current" in state["index"]:
        info = here.assayer("index", "info", "--json").json
        assert f"default/{info['version']}/checkpoint.json" in state["index"]


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("command", list(COMMANDS))
def test_killed_and_run_again_it_is_as_undisturbed(command: str, part: int, line: Line, state_of: State) -> None:
    wanted = line.undisturbed[command]
    assert wanted.steps >= 3 * PARTS
    first, last = 1 + part * wanted.steps // PARTS, (part + 1) * wanted.steps // PARTS
    step = random.Random(f"{command} {part}").randint(first, last)
    here = line.bench(command)
    here.kill_at(step)
    assert_nothing_is_half_done(here, line, state_of)
    here.run()
    assert state_of(here.home) == wanted.state, f"killed at step {step} of {wanted.steps}"
    if command == "score":
        assert (here.work / "scores.jsonl").read_bytes() == line.scores


def test_killed_again_and_again_it_gets_there(line: Line, state_of: State) -> None:
    here = line.bench("listings")
    wanted = line.undisturbed["listings"]
    for _ in range(7):
        here.kill_at(wanted.steps // 9)
        assert_nothing_is_half_done(here, line, state_of)
    here.run()
    assert state_of(here.home) == wanted.state


def test_an_index_is_there_whole_or_not_at_all(line: Line, state_of: State) -> None:
    """Killed at every step of its building, one after the other."""
    here = line.bench("index")
    wanted = line.undisturbed["index"]
    for step in range(1, wanted.steps + 1):
        here.kill_at(step)
        assert_nothing_is_half_done(here, line, state_of)
        if (here.home / "index" / "default" / "current").exists():
            break
    assert "Already built" in here.assayer("index", "build").out
    assert state_of(here.home)["index"].items() >= wanted.state["index"].items()


def test_a_killed_scoring_goes_on_where_it_was(line: Line, state_of: State) -> None:
    """Killed when some batches were saved and some were not: only the others are scored."""
    here = line.bench("score")
    wanted = line.undisturbed["score"]
    saved = 0
    for step in range(3, wanted.steps):
        here.kill_at(step)
        saved = len(state_of(here.home)["assessments"])
        if saved:
            break
    assert 0 < saved < LISTINGS
    resumed = here.assayer("score", "--new", "--out", here.work / "scores.jsonl", "--json").json
    assert resumed["scored"] == LISTINGS - saved
    assert state_of(here.home) == wanted.state
    assert (here.work / "scores.jsonl").read_bytes() == line.scores


@pytest.mark.parametrize("command", ["catalog", "listings", "score"])
def test_stopped_by_hand_it_says_that_it_can_go_on(command: str, line: Line, state_of: State) -> None:
    here = line.bench(command)
    wanted = line.undisturbed[command]
    said = here.interrupt_at(wanted.steps // 2)
    assert said == "stopped by hand; what was saved stays, run the command again to go on\n"
    here.run()
    assert state_of(here.home) == wanted.state
