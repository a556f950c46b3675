"""Pictures to vectors by ONNX Runtime: one file, one manifest, checked against each other before use."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.errors import BadInput, NotReady
from index.preprocessing import INPUT_SIZE, PREPROCESSING

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

_PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")
_ADVICE = "Restore the model and its manifest together, or train one: assayer train embedder --data DIR."


class InputContract(BaseModel):
    """What the network takes."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str
    size: int = Field(gt=0, description="Side of the square input, in pixels.")
    preprocessing: str = Field(description="Name of the recipe in index.preprocessing.")


class EmbedderManifest(BaseModel):
    """The part of ``embedder.json`` that serving relies on; training writes more beside it."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str
    file: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    input: InputContract
    output: str
    dimensions: int = Field(gt=0)


class Embedder:
    """An image embedder. Construction reads the manifest and checks the file; the session starts at first use."""

    def __init__(self, model_path: Path, *, threads: int = 0) -> None:
        """`threads` of ONNX Runtime, 0: one per core. Raises NotReady: missing, tampered, or of another recipe."""
        self._threads = threads
        self._lock = threading.Lock()
        self._session: InferenceSession | None = None
        self.manifest = read_manifest(model_path.with_suffix(".json"))
        self._content = _read_checked(model_path, self.manifest)

    @property
    def version(self) -> str:
        """``name@`` and the first 12 hex digits of the file's SHA-256."""
        return f"{self.manifest.name}@{self.manifest.sha256[:12]}"

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return self.manifest.dimensions

    def embed(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Views of index.preprocessing, (n, 3, s, s) float32, to (n, d) float32, each of unit length; n may be 0.

        Raises BadInput for another shape or type, NotReady when the model does not run here.
        """
        expected = (3, self.manifest.input.size, self.manifest.input.size)
        if images.ndim != 4 or images.shape[1:] != expected or images.dtype != np.float32:
            raise BadInput(f"pictures are {images.dtype} {images.shape}; the embedder takes float32 (n, *{expected})")
        if len(images) == 0:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        raw = self._run(images)
        lengths = np.linalg.norm(raw, axis=1, keepdims=True)
        return np.asarray(raw / np.maximum(lengths, 1e-12), dtype=np.float32)

    def _run(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, RuntimeException

        try:
            (raw,) = self._ready_session().run([self.manifest.output], {self.manifest.input.name: images})
        except (Fail, InvalidArgument, RuntimeException) as error:
            raise NotReady(f"the embedder {self.version} does not run: {error}", advice=_ADVICE) from error
        return np.asarray(raw, dtype=np.float32)

    def _ready_session(self) -> InferenceSession:
        with self._lock:
            if self._session is None:
                self._session = _start_session(self._content, self._threads)
                self._content = b""
            return self._session


def read_manifest(path: Path) -> EmbedderManifest:
    """The manifest at `path`. Raises NotReady: missing, unreadable, or for another preprocessing than ours."""
    try:
        manifest = EmbedderManifest.model_validate_json(path.read_bytes())
    except OSError as error:
        raise NotReady(f"no embedder manifest at {path.name}: {error.strerror}", advice=_ADVICE) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise NotReady(f"{path.name}: {field}: {first['msg']}", advice=_ADVICE) from error
    if (manifest.input.preprocessing, manifest.input.size) != (PREPROCESSING, INPUT_SIZE):
        raise NotReady(
            f"{path.name} was trained with {manifest.input.preprocessing} at {manifest.input.size} px; "
            f"this release prepares {PREPROCESSING} at {INPUT_SIZE} px",
            advice=_ADVICE,
        )
    return manifest


def _read_checked(path: Path, manifest: EmbedderManifest) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NotReady(f"no embedder at {path.name}: {error.strerror}", advice=_ADVICE) from error
    found = hashlib.sha256(content).hexdigest()
    if found != manifest.sha256:
        raise NotReady(
            f"{path.name} hashes to {found[:12]}, its manifest says {manifest.sha256[:12]}",
            advice=_ADVICE,
        )
    return content


def _start_session(content: bytes, threads: int) -> InferenceSession:
    import onnxruntime
    from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidGraph, InvalidProtobuf

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    usable = [name for name in _PROVIDERS if name in onnxruntime.get_available_providers()]
    try:
        return onnxruntime.InferenceSession(content, options, providers=usable)
    except (Fail, InvalidGraph, InvalidProtobuf) as error:
        raise NotReady(f"the embedder is not a model that ONNX Runtime reads: {error}", advice=_ADVICE) from error
