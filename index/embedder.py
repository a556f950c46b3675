"""Pictures and words to vectors by ONNX Runtime: a manifest and its files, checked against each other before use."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.errors import BadInput, NotReady
from index.preprocessing import PREPROCESSING
from index.tokenizer import Tokenizer, TokenizerName, load_tokenizer

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Space = Literal["copy", "mark", "caption"]
"""What a vector is close in: the photograph a picture was made from, the mark it bears, or what a caption says."""

MAX_SIZE = 1024
"""Largest side of a network's input, in pixels."""
MAX_CONTEXT_LENGTH = 4096
"""Most ids of one text."""
_PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")
_ADVICE = "Restore the model and its manifest together, or train one: assayer train embedder --data DIR."
_SHA256 = "^[0-9a-f]{64}$"
_FILE_NAME = r"^\w[\w.-]*$"


class InputContract(BaseModel):
    """What the image tower takes: (n, 3, size, size) float32, RGB, 0 to 1."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str
    size: int = Field(gt=0, le=MAX_SIZE, description="Side of the square input, in pixels.")
    preprocessing: str = Field(description="Name of the recipe in index.preprocessing.")


class OutputContract(BaseModel):
    """One output of the image tower: (n, dimensions) float32, of any length."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str
    dimensions: int = Field(gt=0)


class VocabularyContract(BaseModel):
    """The file that a tokenizer reads."""

    model_config = ConfigDict(frozen=True, extra="allow")

    file: str = Field(pattern=_FILE_NAME)
    sha256: str = Field(pattern=_SHA256)


class TextContract(BaseModel):
    """The text tower: (n, context_length) int64 ids to (n, dimensions) float32, of any length."""

    model_config = ConfigDict(frozen=True, extra="allow")

    file: str = Field(pattern=_FILE_NAME)
    sha256: str = Field(pattern=_SHA256)
    input: str
    output: str
    dimensions: int = Field(gt=0)
    tokenizer: TokenizerName
    vocabulary: VocabularyContract | None = None
    context_length: int = Field(ge=3, le=MAX_CONTEXT_LENGTH, description="Ids of one text, begin and end among them.")


class EmbedderManifest(BaseModel):
    """The part of ``embedder.json`` that serving relies on; training writes more beside it."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str
    file: str
    sha256: str = Field(pattern=_SHA256)
    input: InputContract
    outputs: dict[Space, OutputContract] = Field(min_length=1)
    text: TextContract | None = None


class Embedder:
    """An image embedder, with a text tower where its manifest names one.

    Construction reads the manifest and checks the image tower's file; sessions start at first use, the text tower
    is read and checked then.
    """

    def __init__(self, model_path: Path, *, threads: int = 0) -> None:
        """`threads` of ONNX Runtime, 0: one per core. Raises NotReady: missing, tampered, or of another recipe."""
        self._threads = threads
        self._lock = threading.Lock()
        self._folder = model_path.parent
        self._session: InferenceSession | None = None
        self._text: tuple[InferenceSession, Tokenizer] | None = None
        self.manifest = read_manifest(model_path.with_suffix(".json"))
        self._content = _read_checked(model_path, self.manifest.sha256)

    @property
    def version(self) -> str:
        """``name@`` and the first 12 hex digits of the image tower's SHA-256."""
        return f"{self.manifest.name}@{self.manifest.sha256[:12]}"

    @property
    def size(self) -> int:
        """Side of the square input, in pixels."""
        return self.manifest.input.size

    @property
    def spaces(self) -> frozenset[Space]:
        """What this model has vectors for."""
        return frozenset(self.manifest.outputs)

    def dimensions(self, space: Space = "copy") -> int:
        """Length of a vector. Raises NotReady for a space that this model lacks."""
        return self._output(space).dimensions

    def embed(self, images: NDArray[np.float32], space: Space = "copy") -> NDArray[np.float32]:
        """Views of index.preprocessing, (n, 3, size, size) float32, to (n, d) float32 of unit length; n may be 0.

        Raises BadInput for another shape or type, NotReady for a space that this model lacks or when it does not run.
        """
        output = self._output(space)
        expected = (3, self.size, self.size)
        if images.ndim != 4 or images.shape[1:] != expected or images.dtype != np.float32:
            raise BadInput(f"pictures are {images.dtype} {images.shape}; the embedder takes float32 (n, *{expected})")
        if len(images) == 0:
            return np.zeros((0, output.dimensions), dtype=np.float32)
        return self._run(self._ready_session(), output.name, {self.manifest.input.name: images}, output.dimensions)

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """n texts to (n, d) float32 of unit length, comparable with pictures in the caption space; n may be 0.

        Raises NotReady when there is no text tower, its file is missing or tampered with, or it does not run.
        """
        tower = self._text_tower()
        if not texts:
            return np.zeros((0, tower.dimensions), dtype=np.float32)
        session, tokenize = self._ready_text(tower)
        return self._run(session, tower.output, {tower.input: tokenize(texts)}, tower.dimensions)

    def _output(self, space: Space) -> OutputContract:
        if space not in self.manifest.outputs:
            has = ", ".join(sorted(self.manifest.outputs))
            raise NotReady(
                f"the embedder {self.version} has no {space} vectors, only {has}",
                advice="Use a model that has them: assayer models list.",
            )
        return self.manifest.outputs[space]

    def _text_tower(self) -> TextContract:
        if self.manifest.text is None:
            raise NotReady(
                f"the embedder {self.version} has no text tower",
                advice="Use a model that has one: assayer models list.",
            )
        return self.manifest.text

    def _run(
        self, session: InferenceSession, output: str, inputs: dict[str, NDArray[Any]], dimensions: int
    ) -> NDArray[np.float32]:
        try:
            (raw,) = session.run([output], inputs)
        except _runtime_errors() as error:
            raise NotReady(f"the embedder {self.version} does not run: {error}", advice=_ADVICE) from error
        vectors = np.asarray(raw, dtype=np.float32)
        wanted = (len(next(iter(inputs.values()))), dimensions)
        if vectors.shape != wanted:
            raise NotReady(f"the embedder {self.version} gives {vectors.shape}, not {wanted}", advice=_ADVICE)
        if not np.isfinite(vectors).all():
            raise NotReady(f"the embedder {self.version} gives numbers that are not finite", advice=_ADVICE)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)

    def _ready_session(self) -> InferenceSession:
        with self._lock:
            if self._session is None:
                self._session = _start_session(self._content, self._threads)
                self._content = b""
            return self._session

    def _ready_text(self, tower: TextContract) -> tuple[InferenceSession, Tokenizer]:
        with self._lock:
            if self._text is None:
                content = _read_checked(self._folder / tower.file, tower.sha256)
                self._text = _start_session(content, self._threads), self._load_tokenizer(tower)
            return self._text

    def _load_tokenizer(self, tower: TextContract) -> Tokenizer:
        vocabulary = None
        if tower.vocabulary:
            vocabulary = _read_checked(self._folder / tower.vocabulary.file, tower.vocabulary.sha256)
        return load_tokenizer(tower.tokenizer, tower.context_length, vocabulary)


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
    if manifest.input.preprocessing != PREPROCESSING:
        raise NotReady(
            f"{path.name} was trained with {manifest.input.preprocessing}; this release prepares {PREPROCESSING}",
            advice=_ADVICE,
        )
    return manifest


def _read_checked(path: Path, sha256: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NotReady(f"no embedder at {path.name}: {error.strerror}", advice=_ADVICE) from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise NotReady(f"{path.name} hashes to {found[:12]}, its manifest says {sha256[:12]}", advice=_ADVICE)
    return content


def usable_providers(available: Sequence[str]) -> list[str]:
    """Where a model runs, best first, of what this ONNX Runtime offers: CUDA, then the CPU."""
    return [name for name in _PROVIDERS if name in available]


def _start_session(content: bytes, threads: int) -> InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    providers = usable_providers(onnxruntime.get_available_providers())
    try:
        return onnxruntime.InferenceSession(content, options, providers=providers)
    except _runtime_errors() as error:
        raise NotReady(f"the embedder is not a model that ONNX Runtime reads: {error}", advice=_ADVICE) from error


def _runtime_errors() -> tuple[type[Exception], ...]:
    """What ONNX Runtime raises for a model that it cannot read, start or run; its classes have no base of their own."""
    from onnxruntime.capi import onnxruntime_pybind11_state as raised

    return (
        *(raised.EPFail, raised.Fail, raised.InvalidArgument, raised.InvalidGraph, raised.InvalidProtobuf),
        *(raised.NotImplemented, raised.RuntimeException, ValueError),
    )
