"""Another embedder than the embedded one, from a checkpoint on disk to verdicts, by the commands that people type."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
UNREACHABLE = {"HF_ENDPOINT": "http://127.0.0.1:9"}


@dataclass(frozen=True, kw_only=True)
class Tiny:
    """An open_clip model of our own with random weights."""

    config: Path
    weights: Path
    safe: Path


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    import open_clip
    import torch
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("tiny")
    made = Tiny(config=folder / "tiny.json", weights=folder / "first.pt", safe=folder / "second.safetensors")
    config = {
        "embed_dim": 24,
        "vision_cfg": {"image_size": 48, "layers": 2, "width": 32, "patch_size": 12, "head_width": 16},
        "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 2},
    }
    made.config.write_text(json.dumps(config))
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config}))
    for seed, path in ((1, made.weights), (2, made.safe)):
        torch.manual_seed(seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            state = open_clip.create_model(f"local-dir:{folder}", load_weights=False).state_dict()
        if path == made.safe:
            save_file({name: tensor.contiguous() for name, tensor in state.items()}, str(path))
        else:
            torch.save(state, path)
    return made


def test_a_pulled_embedder_is_chosen_indexed_with_and_scores(
    tiny: Tiny, home_after: Callable[[str], Path], command_line: Callable[[Path], Any]
) -> None:
    assayer = command_line(home := home_after("score"))
    before = assayer("models", "list", "--json").json["embedder"]
    pulled = assayer(
        "models", "pull", "--checkpoint", tiny.weights, "--model", tiny.config, "--license", "MIT", "--json"
    )
    assert (pulled.json["name"], pulled.json["license"], pulled.json["reads_words"]) == ("tiny/first", "MIT", True)
    assert max(pulled.json["parity"]["pictures"], pulled.json["parity"]["texts"]) <= 1e-4
    folder = home / "models" / "tiny--first"
    assert {path.name for path in folder.iterdir()} == {
        *("embedder.onnx", "embedder.json", "embedder.md", "text.onnx", "vocabulary.txt.gz", "LICENSE.txt")
    }
    assert "MIT" in (folder / "LICENSE.txt").read_text()
    assert pulled.json["version"] in (folder / "embedder.md").read_text()

    assert assayer("models", "list", "--json").json["embedder"] == before, "pulling chooses nothing"
    assayer("models", "use", "tiny/first")
    listed = assayer("models", "list", "--json").json
    assert listed["embedder"] == pulled.json["version"]
    assert [(one["name"], one["in_use"]) for one in listed["embedders"]] == [("embedded", False), ("tiny/first", True)]

    refused = assayer("score", "--all", "--json", code=2).json["error"]
    assert refused["code"] == "index-mismatch"
    assert "assayer index build" in refused["advice"]
    assert assayer("index", "build", "--json").json["embedder"] == pulled.json["version"]
    scores = home / "scores.jsonl"
    scored = assayer("score", "--all", "--out", scores, "--json").json
    assert scored["scored"] == 40
    assert scored["matched"] > 0
    rows = [json.loads(line) for line in scores.read_text().splitlines()]
    assert {row["versions"]["embedder"] for row in rows} == {pulled.json["version"]}

    assayer("models", "use", "embedded")
    assert assayer("index", "build", "--json").json["embedder"] == before


def test_pulling_again_replaces_and_a_failure_leaves_what_was_there(
    tiny: Tiny, tmp_path: Path, command_line: Callable[[Path], Any]
) -> None:
    assayer = command_line(tmp_path / "home")
    first = assayer("models", "pull", "own/one", "--checkpoint", tiny.weights, "--model", tiny.config, "--json").json
    again = assayer("models", "pull", "own/one", "--checkpoint", tiny.safe, "--model", tiny.config, "--json").json
    assert first["license"] == "unknown"
    assert again["version"] != first["version"]
    broken = tmp_path / "broken.pt"
    broken.write_bytes(tiny.weights.read_bytes()[:5000])
    refused = assayer("models", "pull", "own/one", "--checkpoint", broken, "--model", tiny.config, "--json", code=2)
    assert refused.json["error"]["code"] == "bad-input"
    assert refused.json["error"]["advice"]
    (kept,) = [one for one in assayer("models", "list", "--json").json["embedders"] if one["name"] == "own/one"]
    assert kept["version"] == again["version"]
    assert [path.name for path in (tmp_path / "home" / "models").iterdir()] == ["own--one"]


@pytest.mark.parametrize(
    ("arguments", "code", "error", "advice"),
    [
        (("ViT-B-32/laion2b_s34b_b79k",), 1, "not-ready", "--download"),
        (("ViT-B-32/laion2b_s34b_b79k", "--download"), 1, "fetch-refused", "Check the network"),
        (("ViT-B-33/openai",), 2, "bad-input", "ViT-B-32"),
        (("ViT-B-32/opneai",), 2, "bad-input", "openai"),
        (("no name",), 2, "bad-input", "NAME/TAG"),
        ((), 2, "bad-input", "NAME/TAG"),
        (("a/b", "--model", "RN50"), 2, "bad-input", "NAME/TAG"),
        (("a/b", "--checkpoint", "nowhere.pt"), 2, "bad-input", "--model NAME"),
        (("a/b", "--checkpoint", "nowhere.pt", "--model", "RN50"), 2, "bad-input", ""),
        (("a/b", "--checkpoint", __file__, "--model", "RN5"), 2, "bad-input", "RN50"),
        (("a/b", "--checkpoint", __file__, "--model", "nowhere.json"), 2, "bad-input", ""),
    ],
)
def test_what_cannot_be_pulled_is_refused_before_anything_heavy_is_imported_or_any_host_is_asked(
    tmp_path: Path, arguments: tuple[str, ...], code: int, error: str, advice: str
) -> None:
    program = (
        "import json, socket, sys\n"
        "asked = []\n"
        "def audit(event, details):\n"
        "    if event in ('socket.connect', 'socket.getaddrinfo'): asked.append(event)\n"
        "sys.addaudithook(audit)\n"
        "import cli.main\n"
        f"sys.argv = ['assayer', 'models', 'pull', *{arguments!r}, '--json']\n"
        "try: cli.main.run()\n"
        "except SystemExit as leaving:\n"
        "    heavy = {'torch', 'open_clip', 'timm', 'onnxruntime', 'faiss', 'cv2', 'scrapy'} & set(sys.modules)\n"
        "    print(json.dumps([leaving.code, sorted(heavy), asked]), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PATH": "", "PYTHONPATH": str(REPOSITORY), "HOME": str(tmp_path), "HF_HOME": str(tmp_path)} | UNREACHABLE,
        capture_output=True,
        text=True,
        check=False,
    )
    left, heavy, asked = json.loads(done.stderr.splitlines()[-1])
    said = json.loads(done.stdout)["error"]
    assert (left, said["code"]) == (code, error)
    assert advice in said["advice"]
    assert heavy == []
    assert bool(asked) == ("--download" in arguments)
    assert not (tmp_path / "assayer-data").exists()


def test_weights_in_the_hubs_cache_need_no_network(
    tiny: Tiny, tmp_path: Path, command_line: Callable[[Path], Any]
) -> None:
    """Here under the name of a larger model, so that they are found, read, and found not to fit."""
    cached = tmp_path / "hub" / "models--jienengchen--ViTamin-S"
    snapshot = cached / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("0" * 40)
    (snapshot / "pytorch_model.safetensors").write_bytes(tiny.safe.read_bytes())
    done = subprocess.run(
        [sys.executable, "-m", "cli", "models", "pull", "ViTamin-S/datacomp1b", "--json"],
        cwd=REPOSITORY,
        env={"PATH": "", "HOME": str(tmp_path), "HF_HOME": str(tmp_path), "ASSAYER_HOME": str(tmp_path / "home")}
        | UNREACHABLE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "holds weights of another architecture than ViTamin-S" in json.loads(done.stdout)["error"]["message"]
    assert list((tmp_path / "home" / "models").iterdir()) == []
