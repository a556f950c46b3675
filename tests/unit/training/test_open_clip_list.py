"""What open_clip knows, read without importing it, and what of it lies on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import open_clip
import pytest

from domain.errors import BadInput
from training.open_clip_list import Pretrained, find_pretrained, model_config, read_config

REPOSITORY = Path(__file__).resolve().parents[3]
COMMIT = "0" * 40


def test_the_list_is_open_clips_own() -> None:
    for model, tag in open_clip.list_pretrained():
        known, found = open_clip.get_pretrained_cfg(model, tag), find_pretrained(model, tag)
        assert found.quick_gelu == bool(known.get("quick_gelu"))
        assert (tuple(found.preprocess["mean"]), tuple(found.preprocess["std"])) == (known["mean"], known["std"])
        assert known["hf_hub"].startswith(f"{found.repository}/")
        assert found.repository.count("/") == 1
        assert model_config(model)["embed_dim"] == open_clip.get_model_config(model)["embed_dim"]


def test_reading_the_list_imports_nothing_heavy_and_leaves_imports_as_they_were() -> None:
    code = (
        "import sys; from training.open_clip_list import find_pretrained, model_config;"
        "find_pretrained('ViT-B-32', 'openai'); model_config('ViT-B-32');"
        "assert not {'torch', 'open_clip', 'numpy', 'huggingface_hub'} & set(sys.modules);"
        "import huggingface_hub, safetensors.torch"
    )
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True)


def test_tags_are_read_as_open_clip_reads_them() -> None:
    assert find_pretrained("ViT-B-32", "LAION2B-s34b-b79k").name == "ViT-B-32/laion2b_s34b_b79k"


@pytest.mark.parametrize(
    ("model", "tag", "says", "near"),
    [
        ("ViT-B-33", "openai", "no weights for a model 'ViT-B-33'", "ViT-B-32"),
        ("ViT-B-32", "laion2b", "no weights 'laion2b'", "laion2b_e16"),
        ("zzzz", "x", "'zzzz'", "EVA01-g-14"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(model: str, tag: str, says: str, near: str) -> None:
    with pytest.raises(BadInput, match=says) as refusal:
        find_pretrained(model, tag)
    assert near in refusal.value.advice


def test_an_unknown_architecture_is_answered_with_the_nearest() -> None:
    with pytest.raises(BadInput, match="no model 'ViT-B32'") as refusal:
        model_config("ViT-B32")
    assert "ViT-B-32" in refusal.value.advice


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"\xff", b"{", b"[" * 100_000, b'{"model_cfg": 1}', b'{"model_cfg": {}, "preprocess_cfg": 1}'],
)
def test_a_configuration_that_is_none_is_bad_input(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "c.json").write_bytes(content)
    with pytest.raises(BadInput, match="is not a model configuration"):
        read_config(tmp_path / "c.json")


def test_a_configuration_may_say_how_pictures_are_normalized(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text(json.dumps({"model_cfg": {"embed_dim": 8}, "preprocess_cfg": {"mean": [0, 0, 0]}}))
    assert read_config(tmp_path / "c.json") == ({"embed_dim": 8}, {"mean": [0, 0, 0]})


class _Hub(BaseHTTPRequestHandler):
    """One repository, as the hub's client asks for it."""

    files: ClassVar[dict[str, bytes]] = {
        "README.md": b"---\nlicense: apache-2.0\ntags: []\n---\n# Tiny",
        "open_clip_model.safetensors": b"weights",
    }

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        prefix = "/own/tiny/resolve/main/"
        content = self.files.get(self.path.removeprefix(prefix)) if self.path.startswith(prefix) else None
        if self.path == "/":
            content = b"hub"
        self.send_response(200 if content is not None else 404)
        if content is None:
            self.send_header("X-Error-Code", "EntryNotFound")
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{abs(hash(self.path))}"')
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        if body and content:
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


TINY = (
    "from training.open_clip_list import *\n"
    "from domain.errors import AssayerError\n"
    "known = Pretrained(model='tiny', tag='ours', repository='own/tiny',"
    " files=('gone.safetensors', 'open_clip_model.safetensors'), preprocess={}, quick_gelu=False)\n"
)


def ask(code: str, home: Path, endpoint: str = "http://127.0.0.1:9", **set_: str) -> str:
    """What `code` prints in a process whose hub and cache are these."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    environment = kept | {"HF_HOME": str(home), "HF_ENDPOINT": endpoint, "HF_HUB_DISABLE_PROGRESS_BARS": "1"} | set_
    done = subprocess.run(
        [sys.executable, "-c", TINY + code],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


REFUSED = "try: {call}(known)\nexcept AssayerError as error: print(error.code, error.message, error.advice)"


def test_what_was_fetched_lies_in_the_cache_and_names_its_license(tmp_path: Path, hub: str) -> None:
    assert (
        ask("print(download_weights(known).read_bytes(), stated_license(known))", tmp_path, hub)
        == "b'weights' apache-2.0"
    )
    assert ask("print(cached_weights(known).read_bytes(), stated_license(known))", tmp_path) == "b'weights' apache-2.0"


def test_weights_that_are_not_cached_are_not_ready_and_one_is_told_how_to_get_them(tmp_path: Path) -> None:
    said = ask(REFUSED.format(call="cached_weights"), tmp_path)
    assert said.startswith("not-ready the weights tiny/ours are not in this machine's cache")
    assert "assayer models pull tiny/ours --download" in said
    assert "--checkpoint FILE --model tiny" in said


def test_a_hub_that_is_not_there_is_found_out_before_its_client_is_asked(tmp_path: Path) -> None:
    said = ask(REFUSED.format(call="download_weights"), tmp_path)
    assert said.startswith("fetch-refused http://127.0.0.1:9: cannot be reached")


def test_a_repository_without_the_weights_is_refused(tmp_path: Path, hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Hub, "files", {})
    said = ask(REFUSED.format(call="download_weights"), tmp_path, hub)
    assert "own/tiny: has none of gone.safetensors, open_clip_model.safetensors" in said


def test_a_hub_that_falls_silent_is_not_taken_for_a_repository_without_the_weights(tmp_path: Path, hub: str) -> None:
    """Its client, told to stay offline, fails as where the network goes away after the first answer."""
    said = ask(REFUSED.format(call="download_weights"), tmp_path, hub, HF_HUB_OFFLINE="1")
    assert said.startswith("fetch-refused")
    assert "has none of" not in said


def test_an_error_without_words_is_named(tmp_path: Path, hub: str) -> None:
    silent = "import huggingface_hub\ndef fail(*_, **__): raise TimeoutError\nhuggingface_hub.hf_hub_download = fail\n"
    assert "own/tiny: TimeoutError" in ask(silent + REFUSED.format(call="download_weights"), tmp_path, hub)


@pytest.mark.parametrize(
    ("page", "license_name"),
    [
        ("---\nlicense: mit\n---", "mit"),
        ('license: "cc-by-4.0"', "cc-by-4.0"),
        ("# no front matter", None),
        ("x" * 9000 + "\nlicense: late", None),
    ],
)
def test_the_license_is_what_the_page_says(
    tmp_path: Path, hub: str, monkeypatch: pytest.MonkeyPatch, page: str, license_name: str | None
) -> None:
    monkeypatch.setattr(_Hub, "files", _Hub.files | {"README.md": page.encode()})
    assert ask("download_weights(known); print(stated_license(known))", tmp_path, hub) == str(license_name)


def test_a_name_reads_as_people_type_it() -> None:
    known = Pretrained(model="m", tag="t", repository="o/r", files=(), preprocess={}, quick_gelu=False)
    assert known.name == "m/t"
