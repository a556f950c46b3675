"""What every ONNX model is read by: a manifest, a file checked against it, a session. Failures are NotReady."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from domain.errors import NotReady

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

SHA256 = "^[0-9a-f]{64}$"
"""Of a file, in a manifest."""
FILE_NAME = r"^\w[\w.-]*$"
"""Of a file beside its manifest: no folder, no dot in front."""
_PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")

Manifest = TypeVar("Manifest", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class ModelKind:
    """What a refusal calls the model, and what it advises."""

    name: str
    """As in "no embedder at …"."""
    advice: str


def read_model_manifest(path: Path, form: type[Manifest], kind: ModelKind) -> Manifest:
    """The manifest at `path`. Raises NotReady: missing, or unreadable, with the field."""
    try:
        return form.model_validate_json(path.read_bytes())
    except OSError as error:
        raise NotReady(f"no {kind.name} manifest at {path.name}: {error.strerror}", advice=kind.advice) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise NotReady(f"{path.name}: {field}: {first['msg']}", advice=kind.advice) from error


def read_checked(path: Path, sha256: str, kind: ModelKind) -> bytes:
    """A model's file. Raises NotReady: missing, or not the one that its manifest names."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NotReady(f"no {kind.name} at {path.name}: {error.strerror}", advice=kind.advice) from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise NotReady(f"{path.name} hashes to {found[:12]}, its manifest says {sha256[:12]}", advice=kind.advice)
    return content


def usable_providers(available: Sequence[str]) -> list[str]:
    """Where a model runs, best first, of what this ONNX Runtime offers: CUDA, then the CPU."""
    return [name for name in _PROVIDERS if name in available]


def start_session(content: bytes, threads: int, kind: ModelKind) -> InferenceSession:
    """`threads` of ONNX Runtime, 0: one per core. Raises NotReady for what it cannot read."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    providers = usable_providers(onnxruntime.get_available_providers())
    try:
        return onnxruntime.InferenceSession(content, options, providers=providers)
    except runtime_errors() as error:
        raise NotReady(
            f"the {kind.name} is not a model that ONNX Runtime reads: {error}", advice=kind.advice
        ) from error


def runtime_errors() -> tuple[type[Exception], ...]:
    """What ONNX Runtime raises for a model that it cannot read, start or run; its classes have no base of their own."""
    from onnxruntime.capi import onnxruntime_pybind11_state as raised

    return (
        *(raised.EPFail, raised.Fail, raised.InvalidArgument, raised.InvalidGraph, raised.InvalidProtobuf),
        *(raised.NotImplemented, raised.RuntimeException, ValueError),
    )
