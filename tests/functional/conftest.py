"""The real command line, each call a process of its own, on a small bundled marketplace."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

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
    return kept | {"ASSAYER_HOME": str(home), "PYTHONPATH": str(REPOSITORY)} | settings


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


class Running:
    """A command that was started."""

    def __init__(self, home: Path, arguments: tuple[str, ...], settings: Mapping[str, str]) -> None:
        self._arguments = arguments
        self._process = subprocess.Popen(
            [sys.executable, "-m", "cli", *arguments],
            cwd=home.parent,
            env=_environment(home, **settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def end(self) -> Done:
        out, err = self._process.communicate()
        done = Done(arguments=self._arguments, code=self._process.returncode, out=out, err=err)
        assert "Traceback" not in err + out, f"{done.arguments}: {err}"
        return done


class CommandLine:
    """`assayer` with its state in `home`; settings are given without their prefix: ``onnx_threads="2"``."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def start(self, *arguments: object, **settings: str) -> Running:
        named = {f"ASSAYER_{name.upper()}": value for name, value in settings.items()}
        return Running(self.home, tuple(str(argument) for argument in arguments), named)

    def __call__(self, *arguments: object, code: int = 0, **settings: str) -> Done:
        done = self.start(*arguments, **settings).end()
        assert done.code == code, f"{done.arguments} ended with {done.code}: {done.err}{done.out}"
        return done


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
def command_line() -> type[CommandLine]:
    return CommandLine


@pytest.fixture(scope="session")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Walked:
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
        done[name] = CommandLine(home).start(*arguments, "--json").end()
        # a notice may lack what only a person can add; then its lint and its export say so
        assert done[name].code in ((0, 1) if name in ("lint", "export") else (0,)), done[name].err
    return Walked(shop=shop, homes=homes, done=done, scores=scores, notices=notices, drafts=drafts)


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
