"""Checkpoints of our own, saved to disk, through open_clip to an embedder that gives PyTorch's vectors."""

from __future__ import annotations

import json
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from safetensors.torch import save_file

from domain.errors import AssayerError, BadInput
from index.embedder import Embedder
from training import open_clip_export
from training.open_clip_export import Checkpoint, ExportDiffers, export_open_clip

MEAN, DEVIATION = (0.2, 0.5, 0.7), (0.3, 0.2, 0.4)
PREPROCESS = {"mean": MEAN, "std": DEVIATION}
SIZE = 32
TEXTS = ["a bag", "Zwei Schuhe, 20 €", "a text that is longer than the context of this tower can ever be " * 3]


def config(**text: object) -> dict[str, Any]:
    return {
        "embed_dim": 24,
        "vision_cfg": {"image_size": SIZE, "layers": 2, "width": 32, "patch_size": 8, "head_width": 16},
        "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 2} | text,
    }


BYTES = config(vocab_size=259, pool_type="eos", eos_id=2, pad_id=0) | {"custom_text": True}
RESIDUAL = config() | {"vision_cfg": {"image_size": SIZE, "layers": [1, 1, 1, 1], "width": 8, "head_width": 8}}
QUICK = config() | {"quick_gelu": True}
FROM_TIMM = config() | {
    "vision_cfg": {"image_size": SIZE, "timm_model_name": "resnet10t", "timm_pool": "avg", "timm_proj": "linear"}
}


def made(folder: Path, stored: dict[str, Any]) -> Any:
    """A model of that configuration with random weights, by open_clip's own door for local folders."""
    folder.mkdir(exist_ok=True)
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": stored, "preprocess_cfg": PREPROCESS}))
    torch.manual_seed(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model, _, _ = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    return model.eval()


def saved(model: Any, path: Path) -> Path:
    if path.suffix == ".safetensors":
        save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, str(path))
    else:
        torch.save(model.state_dict(), path)
    return path


def exported(path: Path, stored: dict[str, Any], out: Path, **details: object) -> Embedder:
    out.mkdir(exist_ok=True)
    checkpoint = Checkpoint(architecture="tiny", config=stored, path=path, preprocess=PREPROCESS)
    return Embedder(export_open_clip(checkpoint, out, name="own/tiny", details=details), threads=1)


def wanted_pictures(model: Any, pictures: np.ndarray) -> np.ndarray:
    mean, deviation = (torch.tensor(values).reshape(1, 3, 1, 1) for values in (MEAN, DEVIATION))
    with torch.no_grad():
        found = model.encode_image((torch.from_numpy(pictures) - mean) / deviation, normalize=True)
    return np.asarray(found.numpy())


@pytest.mark.parametrize("file", ["weights.pt", "weights.safetensors", "named-after-nothing"])
@pytest.mark.parametrize("stored", [config(), QUICK, RESIDUAL, FROM_TIMM], ids=["vit", "quick", "residual", "timm"])
def test_vectors_are_those_of_pytorch(tmp_path: Path, file: str, stored: dict[str, Any]) -> None:
    model = made(tmp_path / "made", stored)
    embedder = exported(saved(model, tmp_path / file), stored, tmp_path / "out", license="MIT")
    assert embedder.size == SIZE
    assert embedder.spaces == {"copy", "mark", "caption"}
    pictures = np.random.default_rng(1).random((4, 3, SIZE, SIZE), dtype=np.float32)
    for space in embedder.spaces:
        np.testing.assert_allclose(embedder.embed(pictures, space), wanted_pictures(model, pictures), atol=1e-4)
    with torch.no_grad():
        wanted = model.encode_text(open_clip.tokenize(TEXTS, context_length=16), normalize=True).numpy()
    np.testing.assert_allclose(embedder.embed_texts(TEXTS), wanted, atol=1e-4)
    assert embedder.embed_texts(TEXTS).shape[1] == embedder.dimensions("caption")


def test_a_tower_that_reads_bytes_gets_the_project_s_own_tokenizer(tmp_path: Path) -> None:
    from index.tokenizer import byte_ids

    model = made(tmp_path / "made", BYTES)
    embedder = exported(saved(model, tmp_path / "w.pt"), BYTES, tmp_path / "out")
    assert embedder.manifest.text
    assert embedder.manifest.text.tokenizer == "bytes-v1"
    with torch.no_grad():
        wanted = model.encode_text(torch.from_numpy(byte_ids(TEXTS, 16)), normalize=True).numpy()
    np.testing.assert_allclose(embedder.embed_texts(TEXTS), wanted, atol=1e-4)


@pytest.mark.parametrize(
    "text", [{"vocab_size": 1000}, {"tokenizer_kwargs": {"clean": "canonicalize"}}, {"hf_tokenizer_name": "some/one"}]
)
def test_words_that_cannot_be_tokenized_are_left_out_and_the_manifest_says_why(
    tmp_path: Path, text: dict[str, Any]
) -> None:
    stored = config(**text)
    embedder = exported(saved(made(tmp_path / "made", stored), tmp_path / "w.pt"), stored, tmp_path / "out")
    assert embedder.manifest.text is None
    assert "tokenizer" in json.loads((tmp_path / "out" / "embedder.json").read_text())["text_left_out"]
    assert not (tmp_path / "out" / "text.onnx").exists()


class _Runs:
    """Unpickled, it would write a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.write_text, (self.marker, "ran")


def corrupt_truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def corrupt_empty(path: Path) -> None:
    path.write_bytes(b"")


def corrupt_text(path: Path) -> None:
    path.write_text("no weights")


def corrupt_safetensors(path: Path) -> None:
    path.write_bytes((2**40).to_bytes(8, "little") + b"{}")


def corrupt_code(path: Path) -> None:
    path.write_bytes(pickle.dumps({"weights": _Runs(path.with_name("marker"))}))


def corrupt_list(path: Path) -> None:
    torch.save([1, 2], path)


def corrupt_nothing(path: Path) -> None:
    torch.save({}, path)


@pytest.mark.parametrize(
    "damage",
    [corrupt_truncated, corrupt_empty, corrupt_text, corrupt_safetensors, corrupt_code, corrupt_list, corrupt_nothing],
)
def test_a_file_that_is_no_checkpoint_is_bad_input_and_runs_nothing(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    path = saved(made(tmp_path / "made", config()), tmp_path / "w.pt")
    damage(path)
    with pytest.raises(BadInput, match="cannot be read as weights of tiny") as refusal:
        exported(path, config(), tmp_path / "out")
    assert refusal.value.file == str(path)
    assert refusal.value.advice
    assert not (tmp_path / "marker").exists()
    assert list((tmp_path / "out").iterdir()) == []


def test_weights_of_another_architecture_are_bad_input(tmp_path: Path) -> None:
    path = saved(made(tmp_path / "made", config()), tmp_path / "w.pt")
    wider = config() | {"embed_dim": 48}
    with pytest.raises(BadInput, match="another architecture than tiny") as refusal:
        exported(path, wider, tmp_path / "out")
    assert "--model" in refusal.value.advice


@pytest.mark.parametrize(
    ("stored", "says"),
    [
        ({}, "has no embed_dim"),
        ({"embed_dim": 8, "vision_cfg": [], "text_cfg": {}}, "has no towers"),
        (config(hf_model_name="some/model"), "transformers"),
        (config() | {"embed_dim": 10**12}, "has a number over"),
        (config(width="wide"), "cannot be read as weights"),
        (
            config() | {"vision_cfg": {"timm_model_name": "no_such_tower", "image_size": 32}},
            "cannot be read as weights",
        ),
        (config() | {"unknown_switch": True}, "cannot be read as weights"),
        (config() | {"vision_cfg": {"timm_model_name": "hf-hub:own/tiny", "image_size": 32}}, "fetched from elsewhere"),
        (config(context_length=2), "no length from 3 to"),
        (config(context_length=5000), "no length from 3 to"),
        (config(context_length="long"), "no length from 3 to"),
    ],
)
def test_a_configuration_that_is_none_is_bad_input(tmp_path: Path, stored: dict[str, Any], says: str) -> None:
    path = saved(made(tmp_path / "made", config()), tmp_path / "w.pt")
    with pytest.raises(BadInput, match=says) as refusal:
        exported(path, stored, tmp_path / "out")
    assert refusal.value.advice


@pytest.mark.parametrize(
    "preprocess",
    [{"mean": "abc"}, {"mean": [0, 1]}, {"std": [0, 0, 0]}, {"std": [1, 1, float("nan")]}, {"mean": [[0, 0, 0]]}],
)
def test_colors_that_are_none_are_bad_input(tmp_path: Path, preprocess: dict[str, Any]) -> None:
    path = saved(made(tmp_path / "made", config()), tmp_path / "w.pt")
    checkpoint = Checkpoint(architecture="tiny", config=config(), path=path, preprocess=preprocess)
    with pytest.raises(BadInput, match="no three numbers"):
        export_open_clip(checkpoint, tmp_path, name="own/tiny", details={})


def test_files_that_compute_something_else_are_not_handed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(made(tmp_path / "made", config()), tmp_path / "w.pt")
    monkeypatch.setattr(open_clip_export, "PARITY_TOLERANCE", 0.0)
    with pytest.raises(ExportDiffers, match="differ from PyTorch's"):
        exported(path, config(), tmp_path / "out")


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    model = made(tmp_path / "made", config())
    with torch.no_grad():
        model.visual.proj.fill_(float("nan"))
    with pytest.raises(AssayerError, match="not finite"):
        exported(saved(model, tmp_path / "w.pt"), config(), tmp_path / "out")
