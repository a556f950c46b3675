"""What a training run is judged by on the way: pictures, products and brands that do not train it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from index.embedder import Space
from training.bare_pictures import draw_windows, photograph_windows
from training.batches import Batch, TrainingSteps, photo_grounds, tokens_of
from training.mark_scenes import compose_marks, reference_marks
from training.network import EmbeddingNetwork
from training.recipe import EmbedderRecipe
from training.sources import Sources

_SEED = 2**40
_SCENES_A_MARK = 2
_BARE = 1000
_MOST_MARKS = 500
"""Composed all at once: what validates where nothing is held out are all marks that train, which fill the memory."""


class Validation:
    """Composed once at full strength from held-out sources, then shown to the network again and again."""

    def __init__(self, sources: Sources, recipe: EmbedderRecipe) -> None:
        fixed = replace(recipe, full_strength_at=1e-9, copy_pairs=recipe.validation_pairs, mark_pairs=2)
        # step 1 is the first at full strength
        self._pairs: Batch = TrainingSteps(sources, replace(fixed, steps=2), seed=_SEED)[1]
        self._marks = _mark_scenes(sources, recipe)

    def measure(self, network: EmbeddingNetwork) -> dict[str, float]:
        """Recall@1 of copies and of brands, recall@5 of captions, and the score that picks the best weights."""
        copies = recall(
            _vectors(network, self._pairs.copies, "copy"), _vectors(network, self._pairs.references, "copy")
        )
        captions = self._captions(network)
        marks, kept = self._mark_recall(network)
        measured = {
            "copy_recall_at_1": copies,
            "mark_recall_at_1": marks,
            "mark_recall_at_1_percent_bare": kept,
            "caption_recall_at_5": captions,
        }
        score = float(np.mean([copies, marks, measured["mark_recall_at_1_percent_bare"]])) if self._marks else copies
        return {name: round(value, 4) for name, value in measured.items()} | {"score": round(score, 4)}

    def _captions(self, network: EmbeddingNetwork) -> float:
        texts = self._pairs.captions
        first = [texts.index(text) for text in dict.fromkeys(texts)]
        network.eval()
        device = next(network.parameters()).device
        with torch.inference_mode():
            tokens = tokens_of(tuple(texts[row] for row in first), network.context_length)
            words = functional.normalize(network.embed_texts(tokens.to(device))).cpu()
        return recall(words, _vectors(network, self._pairs.references[first], "caption"), rank=5)

    def _mark_recall(self, network: EmbeddingNetwork) -> tuple[float, float]:
        """Share of scenes named right, and named right with more certainty than all but 1 % of bare windows have."""
        if not self._marks:
            return 0.0, 0.0
        scenes, black, white, bare = (_vectors(network, pictures, "mark") for pictures in self._marks)
        similarity = torch.maximum(scenes @ black.T, scenes @ white.T)
        right = similarity.argmax(dim=1) == torch.arange(len(scenes)) % len(black)
        mistaken = torch.maximum(bare @ black.T, bare @ white.T).amax(dim=1).quantile(0.99)
        sure = similarity.amax(dim=1) > mistaken
        return float(right.float().mean()), float((right & sure).float().mean())


def _mark_scenes(sources: Sources, recipe: EmbedderRecipe) -> tuple[Tensor, Tensor, Tensor, Tensor] | None:
    """Scenes (k n), n clean marks in black and in white, and windows without a mark.

    Row i of the scenes shows mark i modulo n.
    """
    if len(sources.marks) < 2:
        return None
    masks = torch.from_numpy(sources.marks[:_MOST_MARKS])
    generator = np.random.default_rng(_SEED)
    grounds = photo_grounds(sources, generator, recipe.size, _SCENES_A_MARK * len(masks))
    scenes = compose_marks(
        masks.repeat(_SCENES_A_MARK, 1, 1).float() / 255,
        grounds.float() / 255,
        torch.Generator().manual_seed(_SEED),
        strength=1.0,
    )
    black, white = reference_marks(masks.float() / 255, size=recipe.size)
    windows = draw_windows(sources, generator, recipe.size, _BARE).float() / 255
    bare = photograph_windows(windows, torch.Generator().manual_seed(_SEED), strength=1.0)
    return scenes.pictures, black, white, bare


def _vectors(network: EmbeddingNetwork, pictures: Tensor, space: Space) -> Tensor:
    """(n, d) float32 of unit length, on the processor."""
    network.eval()
    device = next(network.parameters()).device
    parts = []
    with torch.inference_mode():
        for start in range(0, len(pictures), 128):
            part = pictures[start : start + 128].to(device)
            part = part.float() / 255 if part.dtype == torch.uint8 else part
            parts.append(functional.normalize(network(part)[space].float()).cpu())
    return torch.cat(parts)


def recall(queries: Tensor, gallery: Tensor, *, rank: int = 1) -> float:
    """Share of the (n, d) queries whose own row of the (n, d) gallery is among the `rank` nearest."""
    similarity = queries @ gallery.T
    own = similarity.diagonal()[:, None]
    # what is not smaller counts against it: ties, and what is no number
    return float(((~(similarity < own)).sum(dim=1) <= rank).float().mean())
