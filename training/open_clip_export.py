"""Any open_clip model as an embedder: both towers in ONNX, its normalization of pictures folded in."""

from __future__ import annotations

import json
import pickle
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from open_clip.tokenizer import default_bpe
from safetensors import SafetensorError
from torch import Tensor, nn

from domain.errors import AssayerError, BadInput
from domain.progress import Progress, silent
from index.embedder import MAX_CONTEXT_LENGTH, MAX_SIZE, Embedder
from index.tokenizer import BYTES_VOCABULARY, CLIP_VOCABULARY, TokenizerName, load_tokenizer
from training.model_files import file_facts, input_facts, write_manifest
from training.onnx_export import export_onnx

PARITY_TOLERANCE = 1e-4
_IMAGE_INPUT, _IMAGE_OUTPUT, _TEXT_INPUT, _TEXT_OUTPUT = "pictures", "vectors", "ids", "vectors"
_TEXTS = ("a photo of a leather bag on a white table", "Logo, 24×7!", "")
_LARGEST_NUMBER = 1_000_000
_CONTEXT_LENGTH = 77
"""Of open_clip, where a configuration names none."""
_WRONG_SHAPE = "Error(s) in loading state_dict"
_UNREADABLE = (
    *(RuntimeError, ValueError, KeyError, TypeError, AttributeError, AssertionError, StopIteration, EOFError, OSError),
    *(ImportError, IndexError, ArithmeticError, MemoryError, pickle.UnpicklingError, SafetensorError),
)
"""What open_clip, torch and safetensors were seen to raise, or may, for files that are not what they should be."""


class ExportDiffers(AssayerError):
    """The ONNX files do not compute what PyTorch computes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """A file of weights, and the architecture that they are of."""

    architecture: str
    """open_clip's name of it, or the file name of a configuration."""
    config: Mapping[str, Any]
    """open_clip's model configuration: ``embed_dim``, ``vision_cfg``, ``text_cfg``."""
    path: Path
    preprocess: Mapping[str, Any]
    """open_clip's ``mean``, ``std`` and the like, where they are not its defaults."""


class _ImageTower(nn.Module):
    """(n, 3, size, size) in 0 to 1 to (n, d)."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, visual: nn.Module, mean: Tensor, deviation: Tensor) -> None:
        super().__init__()
        self.visual = visual
        self.register_buffer("mean", mean.reshape(1, 3, 1, 1))
        self.register_buffer("deviation", deviation.reshape(1, 3, 1, 1))

    def forward(self, pictures: Tensor) -> Tensor:
        """Normalized as in training, then seen."""
        vectors = self.visual((pictures - self.mean) / self.deviation)
        found: Tensor = vectors[0] if isinstance(vectors, tuple) else vectors
        return found


class _TextTower(nn.Module):
    """(n, context_length) ids to (n, d)."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        # what reads pictures is no part of it, nor of its size
        self.model.visual = nn.Identity()

    def forward(self, ids: Tensor) -> Tensor:
        """Ids of the tokenizer, read."""
        encode: Any = self.model.encode_text
        vectors: Tensor = encode(ids)
        return vectors


def export_open_clip(
    checkpoint: Checkpoint, folder: Path, *, name: str, details: Mapping[str, Any], progress: Progress = silent
) -> Path:
    """Write ``embedder.onnx``, its manifest, and where its words can be read ``text.onnx``; the image tower's path.

    `details` (license, source, command) go into the manifest as they are. All three spaces are the one image output.
    Raises BadInput for a checkpoint or configuration that is broken, of another architecture or not to be exported,
    ExportFailed, and ExportDiffers when vectors of unit length are not PyTorch's within PARITY_TOLERANCE.
    """
    _check_config(checkpoint)
    progress("export", 0, 4)
    model = _load(checkpoint)
    size = _input_size(model, checkpoint)
    progress("export", 1, 4)
    mean, deviation = (torch.tensor(model.visual.preprocess_cfg[key]) for key in ("mean", "std"))
    image = _ImageTower(model.visual, mean, deviation)
    path = folder / "embedder.onnx"
    manifest = _image_manifest(image, path, size, name) | dict(details)
    progress("export", 2, 4)
    wanted = _vectors(image, _pictures(size))
    text, why_not = _tokenizer(checkpoint)
    if text:
        tower = _TextTower(model)
        manifest["text"] = _text_manifest(
            tower, folder, text, checkpoint.config["text_cfg"].get("context_length", _CONTEXT_LENGTH)
        )
    else:
        tower = None
        manifest["text_left_out"] = why_not
    write_manifest(path.with_suffix(".json"), manifest)
    progress("export", 3, 4)
    manifest["parity"] = _parity(path, size, wanted, tower)
    write_manifest(path.with_suffix(".json"), manifest)
    progress("export", 4, 4)
    return path


def _check_config(checkpoint: Checkpoint) -> None:
    config, where = checkpoint.config, checkpoint.architecture
    missing = [key for key in ("embed_dim", "vision_cfg", "text_cfg") if key not in config]
    if missing or not all(isinstance(config[key], dict) for key in ("vision_cfg", "text_cfg")):
        raise BadInput(
            f"has no {', '.join(missing) or 'towers'}", file=where, advice="Give an open_clip configuration."
        )
    if any(abs(number) > _LARGEST_NUMBER for number in _numbers(config)):
        raise BadInput(f"has a number over {_LARGEST_NUMBER:,}", file=where, advice="Choose a smaller model.")
    if config["text_cfg"].get("hf_model_name"):
        raise BadInput(
            "its text tower is one of the transformers library, which is not exported",
            file=where,
            advice="Choose a model whose text tower is open_clip's own, such as ViT-B-32.",
        )
    if ":" in str(config["vision_cfg"].get("timm_model_name", "")):  # timm would fetch hf-hub:OWNER/NAME
        raise BadInput(
            "its image tower is to be fetched from elsewhere", file=where, advice="Name a trunk that timm has itself."
        )
    if not _ids_fit(config["text_cfg"].get("context_length", _CONTEXT_LENGTH)):
        reason = f"its texts have no length from 3 to {MAX_CONTEXT_LENGTH}"
        raise BadInput(reason, file=where, field="context_length", advice="Choose another model.")
    for key in ("mean", "std"):
        if not _are_colors(checkpoint.preprocess.get(key), least=1e-6 if key == "std" else 0):
            advice = "Write open_clip's mean and std, or leave preprocess_cfg out."
            raise BadInput("are no three numbers from 0 to 1", file=where, field=key, advice=advice)


def _ids_fit(context_length: object) -> bool:
    return isinstance(context_length, int) and 3 <= context_length <= MAX_CONTEXT_LENGTH


def _are_colors(values: object, *, least: float) -> bool:
    """Three numbers for red, green and blue; None stands for open_clip's own."""
    if values is None:
        return True
    if not isinstance(values, list | tuple) or len(values) != 3:
        return False
    return all(isinstance(value, int | float) and least <= value <= 1 for value in values)


def _numbers(value: object) -> Iterator[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _numbers(one)
    elif isinstance(value, int | float):
        yield value


def _load(checkpoint: Checkpoint) -> Any:
    """The model with its weights, read as weights alone: a pickle that would run code is refused."""
    if str(checkpoint.config["vision_cfg"].get("timm_model_name", "")).startswith("assayer"):
        import training.network  # noqa: F401  (it makes the project's own towers known to timm)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stored = {"model_cfg": dict(checkpoint.config), "preprocess_cfg": dict(checkpoint.preprocess)}
        Path(folder, "open_clip_config.json").write_text(json.dumps(stored), encoding="utf-8")
        try:
            # names that open_clip looks for, by what the file holds rather than by what it is called
            known = "open_clip_model.safetensors" if _is_safetensors(checkpoint.path) else "open_clip_pytorch_model.bin"
            Path(folder, known).symlink_to(checkpoint.path.resolve())
            model = open_clip.create_model(f"local-dir:{folder}", precision="fp32", require_pretrained=True)
        except _UNREADABLE as error:
            raise _refused(checkpoint, error) from error
    model.eval()
    return model


def _refused(checkpoint: Checkpoint, error: BaseException) -> BadInput:
    said = str(error).strip().splitlines() or [type(error).__name__]
    # open_clip asserts where it fits positions to the architecture, before torch compares the rest
    if said[0].startswith(_WRONG_SHAPE) or isinstance(error, AssertionError):
        what = " ".join(said[1:3] or said)[:200]
        return BadInput(
            f"holds weights of another architecture than {checkpoint.architecture} ({what})",
            file=str(checkpoint.path),
            advice="Name the architecture that the weights were trained with: --model NAME or its configuration.",
        )
    return BadInput(
        f"cannot be read as weights of {checkpoint.architecture} ({said[0][:200]})",
        file=str(checkpoint.path),
        advice="Give a state dict saved by torch.save or safetensors, whole and without code in it.",
    )


def _is_safetensors(path: Path) -> bool:
    """By content: 8 bytes of length, then JSON."""
    with path.open("rb") as file:
        head = file.read(9)
    return len(head) == 9 and head[8:] == b"{"


def _input_size(model: Any, checkpoint: Checkpoint) -> int:
    size = model.visual.preprocess_cfg["size"]
    sides = {int(side) for side in (size if isinstance(size, tuple | list) else (size,))}
    if len(sides) != 1 or not 0 < max(sides) <= MAX_SIZE:
        reason = f"takes pictures of {size} px; only squares up to {MAX_SIZE} px are prepared"
        raise BadInput(reason, file=checkpoint.architecture, advice="Choose another model.")
    return sides.pop()


def _tokenizer(checkpoint: Checkpoint) -> tuple[TokenizerName | None, str]:
    """How the text tower's words become ids, or why that cannot be done here."""
    text = checkpoint.config["text_cfg"]
    own = text.get("hf_tokenizer_name") or ("siglip" in checkpoint.architecture.lower() and "SigLIP's")
    if own or text.get("tokenizer_kwargs"):
        return None, f"its tokenizer ({own or 'with options'}) is not one that is served"
    vocabulary = text.get("vocab_size", CLIP_VOCABULARY)
    if vocabulary == CLIP_VOCABULARY:
        return "clip-bpe-v1", ""
    if vocabulary == BYTES_VOCABULARY:
        return "bytes-v1", ""
    return None, f"no tokenizer that is served has {vocabulary} ids"


def _image_manifest(tower: nn.Module, path: Path, size: int, name: str) -> dict[str, Any]:
    axes = {_IMAGE_INPUT: {0: "n"}, _IMAGE_OUTPUT: {0: "n"}}
    exporter = export_onnx(tower, (torch.zeros(2, 3, size, size),), path, [_IMAGE_INPUT], [_IMAGE_OUTPUT], axes)
    with torch.no_grad():
        dimensions = tower(torch.zeros(1, 3, size, size)).shape[1]
    output = {"name": _IMAGE_OUTPUT, "dimensions": dimensions}
    return {
        "name": name,
        **file_facts(path),
        "input": input_facts(_IMAGE_INPUT, size),
        "outputs": {"copy": output, "mark": output, "caption": output},
        "similarity": "cosine",
        "parameters": sum(parameter.numel() for parameter in tower.parameters()),
        "exporter": exporter,
        "made_with": {package: version(package) for package in ("open_clip_torch", "torch")},
    }


def _text_manifest(tower: nn.Module, folder: Path, tokenizer: TokenizerName, context_length: int) -> dict[str, Any]:
    path = folder / "text.onnx"
    example = torch.from_numpy(_ids(tokenizer, context_length)[:2])
    axes = {_TEXT_INPUT: {0: "n"}, _TEXT_OUTPUT: {0: "n"}}
    exporter = export_onnx(tower, (example,), path, [_TEXT_INPUT], [_TEXT_OUTPUT], axes)
    with torch.no_grad():
        dimensions = tower(example).shape[1]
    facts: dict[str, Any] = {
        **file_facts(path),
        "input": _TEXT_INPUT,
        "output": _TEXT_OUTPUT,
        "dimensions": dimensions,
        "tokenizer": tokenizer,
        "context_length": context_length,
        "exporter": exporter,
    }
    if tokenizer == "clip-bpe-v1":
        vocabulary = folder / "vocabulary.txt.gz"
        vocabulary.write_bytes(Path(default_bpe()).read_bytes())
        facts["vocabulary"] = file_facts(vocabulary)
    return facts


def _ids(tokenizer: TokenizerName, context_length: int) -> NDArray[np.int64]:
    return load_tokenizer(tokenizer, context_length, Path(default_bpe()).read_bytes())(_TEXTS)


def _parity(path: Path, size: int, wanted: NDArray[np.float32], text: nn.Module | None) -> dict[str, float]:
    """Largest difference between vectors of unit length. Raises ExportDiffers over the tolerance."""
    served = Embedder(path, threads=1)
    pictures = _pictures(size)
    found = np.concatenate([served.embed(pictures[:1]), served.embed(pictures[1:])])
    differences = {"pictures": float(np.abs(found - wanted).max())}
    if text and served.manifest.text:
        contract = served.manifest.text
        ids = torch.from_numpy(_ids(contract.tokenizer, contract.context_length))
        read = np.concatenate([served.embed_texts(_TEXTS[:1]), served.embed_texts(_TEXTS[1:])])
        differences["texts"] = float(np.abs(read - _vectors(text, ids)).max())
    for what, difference in differences.items():
        if not difference <= PARITY_TOLERANCE:
            raise ExportDiffers(f"{path.name}: vectors of {what} differ from PyTorch's by {difference:.2g}")
    return differences | {"tolerance": PARITY_TOLERANCE}


def _vectors(tower: nn.Module, inputs: Tensor | NDArray[np.float32]) -> NDArray[np.float32]:
    tensor = inputs if isinstance(inputs, Tensor) else torch.from_numpy(inputs)
    with torch.no_grad():
        vectors: NDArray[np.float32] = nn.functional.normalize(tower(tensor).float()).numpy()
    return vectors


def _pictures(size: int) -> NDArray[np.float32]:
    """Noise, white, and a dark box on gray."""
    pictures = np.random.default_rng(0).random((3, 3, size, size), dtype=np.float32)
    pictures[1] = 1.0
    pictures[2] = 0.6
    pictures[2, :, size // 4 : size // 2, size // 3 :] = 0.1
    return pictures
