"""Which place has to find which mark, and what its mistakes cost."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.ops import generalized_box_iou_loss  # type: ignore[import-untyped]

from training.detector_network import STRIDES, places

_REACHES = ((0.0, 36.0), (26.0, 84.0), (60.0, float("inf")))
"""Square root of a mark's area, in pixels, that each stride answers for; neighbors share the marks between."""
_NEAR = 1.5
"""Strides from a mark's middle within which a place has to find it, if it is inside the mark's middle part …"""
_NEAREST = 0.75
"""… or this near."""
_BOX_WEIGHT = 2.0


def assign(boxes: Tensor, side: int) -> Tensor:
    """(p,) int64: for each place of a picture of `side` px the number of the box (k, 4) it has to find; -1 for none.

    Where two marks claim a place, the smaller one has it.
    """
    parts = []
    middle, size = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]).clamp(min=1)
    area = size.prod(dim=1)
    for stride, (low, high) in zip(STRIDES, _REACHES, strict=True):
        away = (places(side // stride, side // stride, stride)[:, None] - middle[None]).abs()
        within = (away < _NEAR * stride).all(dim=2) & (away < size[None] / 4).all(dim=2)
        claimed = (within | (away <= _NEAREST * stride).all(dim=2)) & (area.sqrt() >= low) & (area.sqrt() < high)
        rank = torch.where(claimed, area[None], torch.inf)
        nobody = torch.full((len(rank),), -1)
        parts.append(torch.where(claimed.any(dim=1), rank.argmin(dim=1), nobody) if len(boxes) else nobody)
    return torch.cat(parts)


def detector_loss(logits: Tensor, boxes: Tensor, truths: Sequence[Tensor], side: int) -> dict[str, Tensor]:
    """Of n pictures: (n, p) logits and (n, p, 4) boxes against each picture's (k, 4) true boxes.

    A score has to tell how well the place's own box fits: quality focal loss (Li et al. 2020, arXiv:2006.04388, eq. 5)
    against the intersection over union. Boxes: generalized IoU loss (Rezatofighi et al. 2019), as torchvision has it.
    """
    owners = torch.stack([assign(truth, side) for truth in truths]).to(logits.device)
    found = owners >= 0
    count = found.sum().clamp(min=1)
    wanted = torch.cat([truth[owner[owner >= 0]] for truth, owner in zip(truths, owners.cpu(), strict=True)])
    wanted = wanted.to(boxes.device)
    fit = torch.zeros_like(logits)
    fit[found] = _overlaps(boxes[found].detach(), wanted)
    miss = functional.binary_cross_entropy_with_logits(logits, fit, reduction="none")
    score = (miss * (logits.sigmoid() - fit).abs().pow(2)).sum() / count
    box = generalized_box_iou_loss(boxes[found], wanted, reduction="sum") / count
    return {"score": score, "box": _BOX_WEIGHT * box}


def _overlaps(boxes: Tensor, others: Tensor) -> Tensor:
    """Intersection over union of each pair (n,)."""
    corner, other = torch.maximum(boxes[:, :2], others[:, :2]), torch.minimum(boxes[:, 2:], others[:, 2:])
    shared = (other - corner).clamp(min=0).prod(dim=1)
    areas = [(each[:, 2:] - each[:, :2]).prod(dim=1) for each in (boxes, others)]
    return shared / (areas[0] + areas[1] - shared).clamp(min=1e-6)
