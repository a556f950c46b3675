"""The real command line, each call in a process of its own, on a small bundled marketplace."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from loopback_site import Site

from crawler.marketplace import generate_marketplace
from domain.codec import dump
from store.evidence import FolderEvidence
from store.records import open_records

REPOSITORY = Path(__file__).resolve().parents[2]


def _environment(home: Path, **settings: str) -> dict[str, str]:
    """Nothing of who runs the tests reaches the command, other models apart."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("ASSAYER_") or name == "ASSAYER_MODELS_DIR"
    }
    for name in ("FORCE_COLOR", "COLUMNS"):
        kept.pop(name, None)
    # thresholds in a second: as few pictures as the rate allows
    few = {"ASSAYER_FALSE_MATCH_RATE": "0.1", "ASSAYER_DRAWN_DISTRACTORS": "9"}
    return kept | few | {"ASSAYER_HOME": str(home), "PYTHONPATH": str(REPOSITORY)} | settings


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """A command that has ended."""

    arguments: tuple[str, ...]
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which must be one JSON value."""
        return json.loads(self.out)


class CommandServer:
    """Forks a process for each command; see command_server.py."""

    def __init__(self, folder: Path) -> None:
        self._numbers, self._folder = itertools.count(1), folder
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("command_server.py"))],
            env=_environment(folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, home: Path, arguments: tuple[str, ...], settings: Mapping[str, str], **order: object) -> Done:
        assert self._process.stdin
        assert self._process.stdout
        number = next(self._numbers)
        out, err = self._folder / f"{number}.out", self._folder / f"{number}.err"
        order |= {"arguments": arguments, "environment": _environment(home, **settings), "cwd": str(home.parent)}
        self._process.stdin.write(json.dumps(order | {"out": str(out), "err": str(err)}) + "\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        return Done(arguments=arguments, code=code, out=out.read_text("utf-8"), err=err.read_text("utf-8"))

    def close(self) -> None:
        self._process.communicate()


class CommandLine:
    """`assayer` with its state in `home`; settings are given without their prefix: ``onnx_threads="2"``."""

    def __init__(self, server: CommandServer, home: Path) -> None:
        self.home, self._server = home, server

    def run(self, *arguments: object, **settings: str) -> Done:
        """However it ends, never with a traceback."""
        named = {f"ASSAYER_{name.upper()}": value for name, value in settings.items()}
        done = self._server.run(self.home, tuple(str(argument) for argument in arguments), named)
        assert "Traceback" not in done.err + done.out, f"{done.arguments}: {done.err}"
        return done

    def __call__(self, *arguments: object, code: int = 0, **settings: str) -> Done:
        """With the exit status that is expected."""
        done = self.run(*arguments, **settings)
        assert done.code == code, f"{done.arguments} ended with {done.code}: {done.err}{done.out}"
        return done

    def die_at(self, step: int, *arguments: object, by: int = signal.SIGKILL) -> tuple[Done, int | None]:
        """(how it ended, how many steps it took or None): with a signal at that step, or with 0 left alone."""
        folder = self.home.parent
        count = folder / "count"
        count.unlink(missing_ok=True)
        order = {"die_at": step, "signal": int(by), "folder": str(folder), "count": str(count)}
        done = self._server.run(self.home, tuple(str(argument) for argument in arguments), {}, **order)
        return done, int(count.read_text()) if count.exists() else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Walked:
    """The whole line, walked once; nothing in it is changed by a test."""

    shop: Path
    """``catalog/``, ``listings.jsonl``, ``listings/`` and ``truth.jsonl``."""
    homes: Mapping[str, Path]
    """The home folder as each step left it."""
    done: Mapping[str, Done]
    """What each step said, as JSON."""
    scores: Path
    notices: Path
    """The complete ones, exported."""
    drafts: Path
    """All of them, exported as drafts."""


@pytest.fixture(scope="session")
def command_line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], CommandLine]]:
    server = CommandServer(tmp_path_factory.mktemp("commands"))
    yield lambda home: CommandLine(server, home)
    server.close()


@pytest.fixture(scope="session")
def walked(command_line: Callable[[Path], CommandLine], tmp_path_factory: pytest.TempPathFactory) -> Walked:
    """Catalog, listings, index, scores, notices, evaluation: each by its command, the home kept after each."""
    root = tmp_path_factory.mktemp("line")
    shop = root / "shop"
    # two rights holders, so that an import consists of more than one transaction
    marketplace = generate_marketplace(21, listings=40, sellers=12, brands=3)
    marketplace.write_catalog(shop / "catalog")
    marketplace.write_listings(shop)
    scores, notices, drafts = root / "scores.jsonl", root / "out" / "notices", root / "out" / "drafts"
    steps: dict[str, tuple[object, ...]] = {
        "catalog": ("catalog", "import", shop / "catalog"),
        "listings": ("listings", "import", shop / "listings.jsonl"),
        "index": ("index", "build"),
        "score": ("score", "--all", "--out", scores),
        "draft": ("notices", "draft"),
        "lint": ("notices", "lint"),
        "export": ("notices", "export", "--out", notices),
        "drafts": ("notices", "export", "--as-draft", "--out", drafts),
        "evaluate": ("evaluate", "--truth", shop / "truth.jsonl"),
    }
    home, homes, done = root / "new", {}, {}
    for name, arguments in steps.items():
        homes[name] = root / name / "home"
        if home.exists():
            shutil.copytree(home, homes[name])
        else:
            homes[name].parent.mkdir()
        home = homes[name]
        done[name] = command_line(home).run(*arguments, "--json")
        # a notice may lack what only a person can add; then its lint and its export say so
        assert done[name].code in ((0, 1) if name in ("lint", "export") else (0,)), done[name].err
    return Walked(shop=shop, homes=homes, done=done, scores=scores, notices=notices, drafts=drafts)


@pytest.fixture
def site() -> Iterator[Site]:
    running = Site()
    yield running
    running.close()


@pytest.fixture
def home_after(walked: Walked, tmp_path: Path) -> Callable[[str], Path]:
    """A home of the test's own, as a step left it."""

    def copy(step: str) -> Path:
        return Path(shutil.copytree(walked.homes[step], tmp_path / "home"))

    return copy


@pytest.fixture(scope="session")
def state_of() -> Callable[[Path], dict[str, Any]]:
    return _state_of


def _state_of(home: Path) -> dict[str, Any]:
    """Everything that a home holds, for comparison. Evidence is read, and so verified."""
    records = open_records(f"sqlite:///{home / 'assayer.db'}", "default")
    try:
        state = {
            "rights holders": [dump(holder) for holder in records.rights_holders()],
            "products": [dump(product) for product in records.products()],
            "catalog": records.catalog_digest(),
            "listings": [dump(listing) for listing in records.listings()],
            "assessments": [dump(assessment) for assessment in records.assessments()],
            "cases": [dump(case) for case in records.cases()],
            "notices": [dump(notice) for notice in records.notices()],
        }
    finally:
        records.close()
    return state | {"evidence": _evidence_in(home / "evidence"), "index": _index_in(home / "index")}


def _evidence_in(folder: Path) -> list[str]:
    digests = sorted(path.name for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    store = FolderEvidence(folder)
    for digest in digests:
        store.read(digest)
    return digests


def _index_in(folder: Path) -> dict[str, str]:
    """Digest by file; a killed build may leave nothing behind once another has ended."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
