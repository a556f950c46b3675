"""The network of a manifest with fresh weights: what the architecture alone is worth, and PyTorch's speed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from domain.errors import NotReady
from index.embedder import EmbedderManifest, Space
from index.preprocessing import network_input
from store.images import RGB

if TYPE_CHECKING:
    from torch import nn

SEED = 0


def fresh_network(manifest: EmbedderManifest, *, seed: int = SEED) -> nn.Module:
    """As the manifest's ``architecture`` describes it, initialized from `seed`, in training mode.

    Raises NotReady: without PyTorch, or for an architecture that this release does not build.
    """
    if find_spec("torch") is None:
        raise NotReady("an untrained network needs torch", advice="Install it: pip install 'assayer[train]'.")
    import torch

    architecture = (manifest.model_extra or {}).get("architecture")
    if not isinstance(architecture, dict):
        raise NotReady("the manifest does not say what its network is made of")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _build(architecture.get("config", architecture)).train()


def _build(config: dict[str, Any]) -> nn.Module:
    from training.network import EmbeddingNetwork

    try:
        return EmbeddingNetwork({"embed_dim": config["embed_dim"], **config})
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise NotReady(f"the manifest's architecture is not one that this release builds ({error!r})") from error


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """PyTorch on the thread that calls it, as ONNX Runtime is here; what was set before is set again."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class UntrainedTower:
    """Gives vectors like the embedder, from weights that have seen nothing."""

    def __init__(self, manifest: EmbedderManifest, pictures: Sequence[RGB]) -> None:
        """`pictures` set the batch norms' statistics, without which activations of fresh weights fade or explode.

        Raises NotReady as `fresh_network` does.
        """
        import torch

        self._size = manifest.input.size
        self._network = fresh_network(manifest)
        for module in self._network.modules():
            if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
                module.momentum = None  # the plain mean over what it sees
        with one_torch_thread(), torch.no_grad():
            self._network(torch.from_numpy(np.stack([network_input(rgb, self._size) for rgb in pictures])))
        self._network.eval()

    @property
    def size(self) -> int:
        """Side of the square input, in pixels."""
        return self._size

    def embed(self, images: NDArray[np.float32], space: Space = "copy") -> NDArray[np.float32]:
        """(n, 3, size, size) views to (n, d) of unit length."""
        import torch

        with one_torch_thread(), torch.inference_mode():
            raw = self._network(torch.from_numpy(images))[space].numpy()
        return np.asarray(raw / np.maximum(np.linalg.norm(raw, axis=1, keepdims=True), 1e-12), np.float32)
