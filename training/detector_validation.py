"""How many marks of unseen brands a detector finds on composed photographs, at one false box a picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from index.logo_detector import keep_boxes
from training.detector_network import DetectorNetwork
from training.detector_recipe import DetectorRecipe
from training.logo_scenes import held_out_scenes
from training.sources import Sources

_SEED = 2**40
_FIT = 0.5
"""Intersection over union from which a box is of a mark (PASCAL VOC's)."""
_AT_ONCE = 25


class DetectorValidation:
    """Scenes composed once at full strength from held-out sources, then shown to the network again and again."""

    def __init__(self, sources: Sources, recipe: DetectorRecipe) -> None:
        self.scenes = held_out_scenes(
            sources.marks,
            sources.mark_names,
            sources.photos,
            seed=_SEED,
            count=recipe.validation_scenes,
            size=recipe.size,
        )

    def measure(self, network: DetectorNetwork) -> dict[str, float]:
        """Recall at one false box a picture, and at a tenth of one."""
        found = detect_with(network, [scene.picture for scene in self.scenes])
        truths = [scene.boxes for scene in self.scenes]
        rates = {"recall": 1.0, "recall_at_a_tenth": 0.1}
        return {name: round(recall_at(found, truths, false_boxes=rate), 4) for name, rate in rates.items()}


def detect_with(
    network: DetectorNetwork, pictures: Sequence[NDArray[np.uint8]]
) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Boxes (k, 4) and scores (k,) of square pictures of one size, best first, as the exported model gives them."""
    network.eval()
    found = []
    for start in range(0, len(pictures), _AT_ONCE):
        stacked = torch.from_numpy(np.stack(pictures[start : start + _AT_ONCE]))
        with torch.inference_mode():
            logits, boxes = network(stacked.permute(0, 3, 1, 2).float() / 255)
        side = stacked.shape[1]
        for box, score in zip(boxes.numpy(), logits.sigmoid().numpy(), strict=True):
            found.append(keep_boxes(box, score, (side, side)))
    return found


def recall_at(
    found: Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]],
    truths: Sequence[NDArray[np.float32]],
    *,
    false_boxes: float,
) -> float:
    """Share of the true boxes that are found with an overlap of 0.5, at the score that lets `false_boxes` through.

    `found` are boxes (k, 4) and scores (k,) for each picture, `truths` its true boxes (m, 4); `false_boxes` is a mean
    over pictures. A true box is found once: a second box on it is a false one. 0 where there is nothing to find.
    """
    marks = sum(len(truth) for truth in truths)
    hits = [hit for (boxes, scores), truth in zip(found, truths, strict=True) for hit in _hits(boxes, scores, truth)]
    hits.sort(key=lambda hit: -hit[0])
    right = np.cumsum([hit for _, hit in hits])
    wrong = np.arange(1, len(hits) + 1) - right
    allowed = np.flatnonzero(wrong <= false_boxes * len(found))
    return float(right[allowed[-1]] / marks) if marks and len(allowed) else 0.0


def _hits(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], truth: NDArray[np.float32]
) -> list[tuple[float, bool]]:
    free, hits = np.ones(len(truth), dtype=bool), []
    for box, score in zip(boxes, scores, strict=True):
        fits = np.where(free, overlaps(box, truth), 0) if len(truth) else np.zeros(0)
        hit = bool(len(fits) and fits.max() >= _FIT)
        if hit:
            free[fits.argmax()] = False
        hits.append((float(score), hit))
    return hits


def overlaps(box: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of a box (4,) with others (k, 4)."""
    corner, other = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    shared = np.clip(other - corner, 0, None).prod(axis=1)
    area = (box[2:] - box[:2]).prod() + (others[:, 2:] - others[:, :2]).prod(axis=1)
    return np.asarray(shared / np.maximum(area - shared, 1e-6), dtype=np.float32)
