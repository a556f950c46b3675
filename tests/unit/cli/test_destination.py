"""Where results go is made ready, or refused, before any work."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cli.destination import ready_file, ready_folder
from domain.errors import BadInput


def test_folders_are_made_and_the_file_is_not(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deep" / "scores.jsonl"
    assert ready_file(path) == path
    assert path.parent.is_dir()
    assert not path.exists()


def test_what_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "scores.jsonl"
    path.write_text("kept")
    ready_file(path)
    ready_folder(tmp_path)
    assert path.read_text() == "kept"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is a folder") as refused:
        ready_file(tmp_path)
    assert refused.value.file == str(tmp_path)
    assert refused.value.advice


@pytest.mark.parametrize("below", [".", "deeper"])
def test_a_file_is_no_folder(tmp_path: Path, below: str) -> None:
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(BadInput, match="cannot be written to") as refused:
        ready_folder(path / below)
    assert refused.value.file == str(path / below)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_refused(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    with pytest.raises(BadInput, match="no permission"):
        ready_folder(closed)
