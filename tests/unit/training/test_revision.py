"""A manifest names the commit whose code trained, says when the code was not committed, and otherwise says nothing."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from training.revision import source_commit

GIT = shutil.which("git")

pytestmark = pytest.mark.skipif(GIT is None, reason="no git here")


def git(root: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    command = [str(GIT), "-C", str(root), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    for name in ("training/losses.py", "models/embedder.json", "README.md"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("one\n")
    git(tmp_path, "init", "-q", str(root))
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "one")
    return root


def test_a_clean_checkout_is_its_commit(checkout: Path) -> None:
    commit = source_commit(checkout)
    assert commit == git(checkout, "rev-parse", "HEAD")
    assert len(commit or "") in (40, 64)


@pytest.mark.parametrize("staged", [True, False])
def test_changed_training_code_is_said_to_be_dirty(checkout: Path, staged: bool) -> None:
    (checkout / "training" / "losses.py").write_text("two\n")
    if staged:
        git(checkout, "add", ".")
    assert source_commit(checkout) == f"{git(checkout, 'rev-parse', 'HEAD')}-dirty"


def test_a_file_of_code_that_was_taken_away_is_a_change(checkout: Path) -> None:
    (checkout / "training" / "losses.py").unlink()
    assert (source_commit(checkout) or "").endswith("-dirty")


def test_what_training_writes_and_what_git_does_not_track_is_no_change(checkout: Path) -> None:
    (checkout / "models" / "embedder.json").write_text("two\n")
    (checkout / "README.md").write_text("two\n")
    (checkout / "training" / "notes.txt").write_text("mine\n")
    assert source_commit(checkout) == git(checkout, "rev-parse", "HEAD")


def test_outside_a_checkout_nothing_is_said(tmp_path: Path) -> None:
    assert source_commit(tmp_path) is None
    assert source_commit(tmp_path / "missing") is None


def test_a_package_inside_another_checkout_is_not_at_its_commit(checkout: Path) -> None:
    assert source_commit(checkout / "training") is None


def test_a_checkout_without_a_commit_has_none(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert source_commit(tmp_path) is None


def test_a_hooks_variables_do_not_answer_for_another_checkout(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = git(checkout, "rev-parse", "HEAD")
    monkeypatch.setenv("GIT_DIR", str(checkout / "nowhere"))
    assert source_commit(checkout) == commit


def test_without_git_nothing_is_said(checkout: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert source_commit(checkout) is None


def test_a_git_that_hangs_is_not_waited_for(checkout: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    slow = tmp_path / "git"
    slow.write_text("#!/bin/sh\nexec sleep 600\n")
    slow.chmod(0o755)
    monkeypatch.setattr("training.revision._TIMEOUT_S", 0.2)
    monkeypatch.setattr("training.revision.shutil.which", lambda _: str(slow))
    assert source_commit(checkout) is None
