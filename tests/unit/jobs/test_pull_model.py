from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch

from domain.errors import BadInput, NotReady
from index.embedder import Embedder
from jobs import pull_model
from jobs.pull_model import pull_checkpoint, pull_pretrained
from training import open_clip_list

CONFIG = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "patch_size": 8, "head_width": 16},
    "text_cfg": {"context_length": 16, "vocab_size": 259, "width": 16, "heads": 2, "layers": 2},
}


def made(folder: Path, config: dict[str, Any]) -> Any:
    folder.mkdir(exist_ok=True)
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config}))
    torch.manual_seed(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return open_clip.create_model(f"local-dir:{folder}", load_weights=False).eval()


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`tiny/ours` in open_clip's list, its weights in the cache, learned with the quick GELU; where they lie."""
    weights = tmp_path / "cached.pt"
    torch.save(made(tmp_path / "made", CONFIG).state_dict(), weights)
    entry = {"hf_hub": "own/tiny/", "mean": (0.1, 0.2, 0.3), "std": (0.5, 0.4, 0.3), "quick_gelu": True}
    monkeypatch.setitem(open_clip_list._own_list()._PRETRAINED, "tiny", {"ours": entry})
    monkeypatch.setattr(open_clip_list, "model_config", lambda _: json.loads(json.dumps(CONFIG)))
    monkeypatch.setattr(open_clip_list, "cached_weights", lambda _: weights)
    return weights


def test_weights_by_name_are_computed_with_the_activation_and_colors_they_learned_with(
    known: Path, tmp_path: Path
) -> None:
    report = pull_pretrained("tiny/ours", tmp_path / "home", license_name="MIT")
    assert report.folder == tmp_path / "home" / "models" / "tiny--ours"
    embedder = Embedder(report.folder / "embedder.onnx", threads=1)
    assert report.version == embedder.version
    quick = made(tmp_path / "quick", CONFIG | {"quick_gelu": True})
    pictures = np.random.default_rng(0).random((2, 3, 32, 32), dtype=np.float32)
    mean, deviation = (torch.tensor(values).reshape(1, 3, 1, 1) for values in ((0.1, 0.2, 0.3), (0.5, 0.4, 0.3)))
    with torch.no_grad():
        wanted = quick.encode_image((torch.from_numpy(pictures) - mean) / deviation, normalize=True).numpy()
    np.testing.assert_allclose(embedder.embed(pictures), wanted, atol=1e-4)
    source = json.loads((report.folder / "embedder.json").read_text())["source"]
    assert (source["model"], source["tag"], source["repository"]) == ("tiny", "ours", "own/tiny")


@pytest.mark.parametrize(
    ("stated", "given", "wanted"), [(None, "", "unknown"), ("mit", "", "mit"), ("mit", "BSD", "BSD")]
)
def test_the_license_is_the_given_one_or_the_stated_one_or_unknown(
    known: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stated: str | None, given: str, wanted: str
) -> None:
    monkeypatch.setattr(open_clip_list, "stated_license", lambda _: stated)
    report = pull_pretrained("tiny/ours", tmp_path / "home", license_name=given)
    assert report.license == wanted
    text = (report.folder / "LICENSE.txt").read_text()
    assert ("is not known" in text) == (wanted == "unknown")
    assert json.loads((report.folder / "embedder.json").read_text())["license"] == wanted


def test_a_pull_that_was_killed_leaves_nothing_in_the_way(known: Path, tmp_path: Path) -> None:
    left = tmp_path / "home" / "models" / ".tiny--ours.building"
    left.mkdir(parents=True)
    (left / "text.onnx").write_bytes(b"half")
    report = pull_pretrained("tiny/ours", tmp_path / "home")
    assert [path.name for path in (tmp_path / "home" / "models").iterdir()] == ["tiny--ours"]
    assert report.reads_words


def test_a_checkpoint_is_called_by_architecture_and_file_unless_it_is_given_a_name(known: Path, tmp_path: Path) -> None:
    config = tmp_path / "small.json"
    config.write_text(json.dumps(CONFIG))
    assert pull_checkpoint(known, str(config), tmp_path / "home").name == "small/cached"
    assert pull_checkpoint(known, str(config), tmp_path / "home", name="a/b").name == "a/b"
    with pytest.raises(BadInput, match="is no name"):
        pull_checkpoint(known, str(config), tmp_path / "home", name="../b")


def test_without_torch_one_is_told_what_to_install(
    known: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull_model, "find_spec", lambda _: None)
    with pytest.raises(NotReady, match="needs torch") as refusal:
        pull_pretrained("tiny/ours", tmp_path / "home")
    assert "assayer[train]" in refusal.value.advice
    assert not (tmp_path / "home").exists()
