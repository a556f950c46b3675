"""Pictures and words to vectors by ONNX Runtime: a manifest and its files, checked against each other before use."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from domain.errors import BadInput, NotReady
from index.model_files import (
    FILE_NAME,
    SHA256,
    ModelKind,
    read_checked,
    read_model_manifest,
    runtime_errors,
    start_session,
    usable_providers,
)
from index.preprocessing import PREPROCESSING
from index.tokenizer import Tokenizer, TokenizerName, load_tokenizer

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

__all__ = [
    "MAX_CONTEXT_LENGTH",
    "MAX_SIZE",
    "Embedder",
    "EmbedderManifest",
    "Space",
    "read_manifest",
    "usable_providers",
]

Space = Literal["copy", "mark", "caption"]
"""What a vector is close in: the photograph a picture was made from, the mark it bears, or what a caption says."""

MAX_SIZE = 1024
"""Largest side of a network's input, in pixels."""
MAX_CONTEXT_LENGTH = 4096
"""Most ids of one text."""
_ADVICE = "Restore the model and its manifest together, or train one: assayer train embedder --data DIR."
_KIND = ModelKind("embedder", advice=_ADVICE)


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

    file: str = Field(pattern=FILE_NAME)
    sha256: str = Field(pattern=SHA256)


class TextContract(BaseModel):
    """The text tower: (n, context_length) int64 ids to (n, dimensions) float32, of any length."""

    model_config = ConfigDict(frozen=True, extra="allow")

    file: str = Field(pattern=FILE_NAME)
    sha256: str = Field(pattern=SHA256)
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
    sha256: str = Field(pattern=SHA256)
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
        self._content = read_checked(model_path, self.manifest.sha256, _KIND)

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
        except runtime_errors() as error:
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
                self._session = start_session(self._content, self._threads, _KIND)
                self._content = b""
            return self._session

    def _ready_text(self, tower: TextContract) -> tuple[InferenceSession, Tokenizer]:
        with self._lock:
            if self._text is None:
                content = read_checked(self._folder / tower.file, tower.sha256, _KIND)
                self._text = start_session(content, self._threads, _KIND), self._load_tokenizer(tower)
            return self._text

    def _load_tokenizer(self, tower: TextContract) -> Tokenizer:
        vocabulary = None
        if tower.vocabulary:
            vocabulary = read_checked(self._folder / tower.vocabulary.file, tower.vocabulary.sha256, _KIND)
        return load_tokenizer(tower.tokenizer, tower.context_length, vocabulary)


def read_manifest(path: Path) -> EmbedderManifest:
    """The manifest at `path`. Raises NotReady: missing, unreadable, or for another preprocessing than ours."""
    manifest = read_model_manifest(path, EmbedderManifest, _KIND)
    if manifest.input.preprocessing != PREPROCESSING:
        raise NotReady(
            f"{path.name} was trained with {manifest.input.preprocessing}; this release prepares {PREPROCESSING}",
            advice=_ADVICE,
        )
    return manifest
