from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadInput, NotReady
from domain.settings import Settings
from jobs.embedders import (
    EMBEDDED,
    available_embedders,
    checked_name,
    embedder_in_use,
    embedder_path,
    model_folder,
    use_embedder,
)
from jobs.workspace import Workspace
from training.open_clip_list import _own_list


@pytest.fixture
def home(tmp_path: Path, models_dir: Path) -> Path:
    """With a copy of the embedded embedder under another name."""
    folder = model_folder(tmp_path, "ours/copy")
    folder.mkdir(parents=True)
    for name in ("embedder.onnx", "embedder.json"):
        shutil.copy(models_dir / name, folder / name)
    manifest = json.loads((folder / "embedder.json").read_text())
    (folder / "embedder.json").write_text(json.dumps(manifest | {"name": "ours/copy", "license": "MIT"}))
    return tmp_path


def test_without_a_choice_the_embedded_one_is_in_use(tmp_path: Path, models_dir: Path) -> None:
    assert embedder_in_use(tmp_path) == EMBEDDED
    assert embedder_path(tmp_path, models_dir) == models_dir / "embedder.onnx"
    (only,) = available_embedders(tmp_path, models_dir)
    assert (only.name, only.in_use, only.reads_words) == (EMBEDDED, True, True)
    assert list(tmp_path.iterdir()) == []


def test_a_choice_is_what_every_workspace_of_the_home_embeds_with(home: Path, models_dir: Path) -> None:
    settings = Settings(home=home, models_dir=models_dir)
    with Workspace(settings) as work:
        before = work.embedder.version
    chosen = use_embedder(home, models_dir, "ours/copy")
    assert (chosen.name, chosen.license, chosen.in_use) == ("ours/copy", "MIT", True)
    with Workspace(settings) as work:
        assert work.embedder.version == chosen.version == f"ours/copy@{before.partition('@')[2]}"
        assert work.models_dir == models_dir, "verifier and combiner stay"
    assert [(one.name, one.in_use) for one in available_embedders(home, models_dir)] == [
        (EMBEDDED, False),
        ("ours/copy", True),
    ]
    use_embedder(home, models_dir, EMBEDDED)
    with Workspace(settings) as work:
        assert work.embedder.version == before


def test_what_is_not_there_cannot_be_chosen(home: Path, models_dir: Path) -> None:
    with pytest.raises(BadInput, match="no embedder ours/other") as refusal:
        use_embedder(home, models_dir, "ours/other")
    assert "embedded, ours/copy" in refusal.value.advice
    assert embedder_in_use(home) == EMBEDDED


def test_what_is_broken_can_be_neither_chosen_nor_listed(home: Path, models_dir: Path) -> None:
    (model_folder(home, "ours/copy") / "embedder.json").write_text("{")
    with pytest.raises(NotReady, match=r"embedder\.json"):
        use_embedder(home, models_dir, "ours/copy")
    assert [one.name for one in available_embedders(home, models_dir)] == [EMBEDDED]


def test_a_folder_without_its_model_is_not_listed(home: Path, models_dir: Path) -> None:
    (model_folder(home, "ours/copy") / "embedder.onnx").unlink()
    assert [one.name for one in available_embedders(home, models_dir)] == [EMBEDDED]


def test_a_chosen_embedder_that_was_taken_away_is_not_ready(home: Path, models_dir: Path) -> None:
    use_embedder(home, models_dir, "ours/copy")
    shutil.rmtree(model_folder(home, "ours/copy"))
    with Workspace(Settings(home=home, models_dir=models_dir)) as work, pytest.raises(NotReady) as refusal:
        _ = work.embedder
    assert "ours/copy, is not there" in refusal.value.message
    assert "assayer models use embedded" in refusal.value.advice


@pytest.mark.parametrize("content", [b"", b"../../etc", b"\xff\xfe", b"a/b/c\n"])
def test_a_broken_record_of_the_choice_is_not_ready(home: Path, models_dir: Path, content: bytes) -> None:
    (home / "models" / "in-use").write_bytes(content)
    with pytest.raises(NotReady, match="embedder in use"):
        embedder_path(home, models_dir)


@pytest.mark.parametrize(
    "name", ["", "a", "a/", "/a", "a/b/c", "../b", "a/..", "a/.b", "-a/b", "a b/c", "a--b/c", "a-/b", "a/b-", "é/b"]
)
def test_what_is_no_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="is no name of a model"):
        model_folder(tmp_path, name)


@given(st.text(alphabet="ab.-_/", max_size=12), st.text(alphabet="ab.-_/", max_size=12))
def test_different_names_lie_in_different_folders_of_the_home(first: str, second: str) -> None:
    folders = []
    for name in {first, second}:
        try:
            folders.append(model_folder(Path("home"), name))
        except BadInput:
            continue
        assert folders[-1].name.replace("--", "/") == name
    assert len(set(folders)) == len(folders)
    assert all(folder.parent == Path("home/models") and not folder.name.startswith(".") for folder in folders)


def test_every_name_of_open_clip_is_a_name_here() -> None:
    for model, tags in _own_list()._PRETRAINED.items():
        for tag in tags:
            assert checked_name(f"{model}/{tag}")


@pytest.mark.parametrize(("setting", "given", "wanted"), [(0, 1, 1), (0, 0, 0), (3, 1, 3), (3, 0, 3)])
def test_the_setting_says_how_many_threads_where_it_says_a_number(
    tmp_path: Path, models_dir: Path, setting: int, given: int, wanted: int
) -> None:
    settings = Settings(home=tmp_path, models_dir=models_dir, onnx_threads=setting)
    with Workspace(settings, embedder_threads=given) as work:
        assert work.embedder._threads == wanted
