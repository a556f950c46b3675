"""Which models and weights open_clip knows, and which of them lie on this machine: read without importing torch."""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from domain.errors import BadInput, FetchRefused, NotReady

_ALIAS = "_open_clip_list"
_HEAVY = ("safetensors.torch", "huggingface_hub")
_PROBE_TIMEOUT_S = 3.0
_MOST_NAMES = 5
_LICENSE = re.compile(r"^license:[ \t]*[\"']?([\w.+ -]{1,60})", re.MULTILINE)
_CARD_BYTES = 8_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Pretrained:
    """Weights that open_clip knows by a model's name and a tag."""

    model: str
    tag: str
    repository: str
    """``owner/name`` on the hub."""
    files: tuple[str, ...]
    """Names that the weights may have there, best first."""
    preprocess: Mapping[str, Any]
    """open_clip's ``mean``, ``std`` and the like."""
    quick_gelu: bool
    """Whether the weights learned with the quick approximation of GELU, whatever the model's configuration says."""

    @property
    def name(self) -> str:
        """``model/tag``."""
        return f"{self.model}/{self.tag}"


def find_pretrained(model: str, tag: str) -> Pretrained:
    """The weights of that name. Raises BadInput with the nearest names, NotReady where open_clip is missing."""
    known = _own_list()._PRETRAINED
    if model not in known:
        near = get_close_matches(model, known, n=_MOST_NAMES, cutoff=0.5) or sorted(known)[:_MOST_NAMES]
        raise BadInput(f"open_clip has no weights for a model {model!r}", advice=f"Nearest: {', '.join(near)}.")
    found = tag.lower().replace("-", "_")
    if found not in known[model]:
        tags = get_close_matches(found, known[model], n=_MOST_NAMES, cutoff=0.0)
        raise BadInput(f"open_clip has no weights {tag!r} for {model}", advice=f"It has: {', '.join(tags)}.")
    stored = known[model][found]
    repository, _, file = stored["hf_hub"].rpartition("/")
    preprocess = {key: stored[key] for key in ("mean", "std", "interpolation", "resize_mode") if key in stored}
    return Pretrained(
        model=model,
        tag=found,
        repository=repository,
        files=_file_names(file),
        preprocess=preprocess,
        quick_gelu=bool(stored.get("quick_gelu")),
    )


def model_config(name: str) -> dict[str, Any]:
    """open_clip's configuration of that name. Raises BadInput with the nearest names."""
    files = {path.stem: path for path in (_folder() / "model_configs").glob("*.json")}
    if name not in files:
        near = get_close_matches(name, files, n=_MOST_NAMES, cutoff=0.5) or sorted(files)[:_MOST_NAMES]
        raise BadInput(f"open_clip has no model {name!r}", field="--model", advice=f"Nearest: {', '.join(near)}.")
    config: dict[str, Any] = json.loads(files[name].read_text(encoding="utf-8"))
    return config


def read_config(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Model and preprocessing configuration of a JSON file as open_clip writes it. Raises BadInput."""
    try:
        with path.open("rb") as file:
            stored = json.loads(file.read(1_000_000))
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"is not a model configuration ({error})", file=str(path), field="--model") from error
    config = stored.get("model_cfg", stored) if isinstance(stored, dict) else None
    preprocess = stored.get("preprocess_cfg", {}) if isinstance(stored, dict) else {}
    if not isinstance(config, dict) or not isinstance(preprocess, dict):
        raise BadInput("is not a model configuration", file=str(path), field="--model")
    return config, preprocess


def cached_weights(pretrained: Pretrained) -> Path:
    """The weights in the hub's cache on this machine. Raises NotReady where they are not there; asks no network."""
    from huggingface_hub import try_to_load_from_cache

    for name in pretrained.files:
        if isinstance(found := try_to_load_from_cache(pretrained.repository, name), str):
            return Path(found)
    raise NotReady(
        f"the weights {pretrained.name} are not in this machine's cache",
        advice=f"Fetch them: assayer models pull {pretrained.name} --download. Without a network, copy a checkpoint "
        f"here: assayer models pull --checkpoint FILE --model {pretrained.model}.",
    )


def download_weights(pretrained: Pretrained) -> Path:
    """Fetch the weights, and the page that names their license, into the hub's cache. Raises FetchRefused."""
    import httpx
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, RemoteEntryNotFoundError

    probe_hub(constants.ENDPOINT)

    def fetch(name: str) -> Path | None:
        try:
            return Path(hf_hub_download(pretrained.repository, name, etag_timeout=_PROBE_TIMEOUT_S))
        except RemoteEntryNotFoundError:
            return None
        except (HfHubHTTPError, httpx.HTTPError, OSError, ValueError) as error:
            said = str(error).strip().splitlines() or [type(error).__name__]  # a timeout has no words
            raise _refused(said[0], f"{constants.ENDPOINT}/{pretrained.repository}") from error

    fetch("README.md")
    for name in pretrained.files:
        if found := fetch(name):
            return found
    raise _refused(f"has none of {', '.join(pretrained.files)}", f"{constants.ENDPOINT}/{pretrained.repository}")


def probe_hub(endpoint: str) -> None:
    """Raises FetchRefused within seconds where the hub cannot be reached; its client would try again for a minute."""
    import httpx

    try:
        httpx.head(endpoint, timeout=_PROBE_TIMEOUT_S)
    except httpx.HTTPError as error:
        raise _refused(f"cannot be reached ({error})", endpoint) from error


def stated_license(pretrained: Pretrained) -> str | None:
    """What the cached page of the weights names as their license; None where it is not there or names none."""
    from huggingface_hub import try_to_load_from_cache

    if not isinstance(found := try_to_load_from_cache(pretrained.repository, "README.md"), str):
        return None
    with Path(found).open(encoding="utf-8", errors="replace") as page:
        stated = _LICENSE.search(page.read(_CARD_BYTES))
    return stated[1].strip() if stated else None


def _refused(reason: str, url: str) -> FetchRefused:
    return FetchRefused(
        reason, url=url, advice="Check the network, or give a local file: assayer models pull --checkpoint FILE."
    )


def _file_names(file: str) -> tuple[str, ...]:
    """The safe format first, as open_clip looks for them; without a name, the hub's default."""
    own = _own_list()
    if not file or file == own.HF_WEIGHTS_NAME:
        return own.HF_SAFE_WEIGHTS_NAME, own.HF_WEIGHTS_NAME
    return str(Path(file).with_suffix(".safetensors")), file


def _folder() -> Path:
    spec = find_spec("open_clip")
    if spec is None or not spec.submodule_search_locations:
        raise NotReady("pulling a model needs open_clip", advice="Install it: pip install 'assayer[train]'.")
    return Path(spec.submodule_search_locations[0])


@cache
def _own_list() -> Any:
    """open_clip's module of names, imported beside its package, whose own import takes torch and seconds."""
    alias = ModuleType(_ALIAS)
    alias.__path__ = [str(_folder())]
    sys.modules[_ALIAS] = alias
    with _without(_HEAVY):
        return importlib.import_module(f"{_ALIAS}.pretrained")


@contextmanager
def _without(names: tuple[str, ...]) -> Iterator[None]:
    """Imports of these fail, as where they are not installed; the module of names does without."""
    hidden = {name: sys.modules.get(name) for name in names}
    sys.modules.update(dict.fromkeys(names))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name, module in hidden.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
