"""The three losses: contrast between views, spreading out (both SSCD, arXiv 2202.10261), image and caption (CLIP)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def contrastive_loss(first: Tensor, second: Tensor, *, temperature: float, others: Tensor | None = None) -> Tensor:
    """NT-Xent over (n, d) and (n, d), both of unit length: each picture must pick its partner among 2n - 1.

    `others` (b, d) of unit length are nobody's partner: b wrong answers more for each.
    """
    everything = torch.cat([first, second])
    count = len(first)
    logits = everything @ everything.T / temperature
    logits = logits.masked_fill(torch.eye(2 * count, dtype=torch.bool, device=logits.device), float("-inf"))
    if others is not None:
        logits = torch.cat([logits, everything @ others.T / temperature], dim=1)
    partner = torch.arange(2 * count, device=logits.device).roll(count)
    return functional.cross_entropy(logits, partner)


def spreading_loss(references: Tensor) -> Tensor:
    """Differential entropy by Kozachenko and Leonenko: minus the mean log distance to the nearest other, (n, d)."""
    with torch.no_grad():
        similarity = references @ references.T
        similarity.fill_diagonal_(-2)
        nearest = similarity.argmax(dim=1)
    distance = (references - references[nearest]).pow(2).sum(dim=1).add(1e-8).sqrt()
    return -distance.log().mean()


def caption_loss(pictures: Tensor, texts: Tensor, same: Tensor, *, scale: Tensor) -> Tensor:
    """CLIP's loss (arXiv 2103.00020) over (n, d) and (n, d) of unit length, where some captions are equal.

    `same` (n, n) bool tells which captions are equal; each row's target is shared among them, as in UniCL
    (arXiv 2204.03610), for a picture must not be pushed from words that are true of it.
    """
    logits = scale * pictures @ texts.T
    targets = same.float() / same.sum(dim=1, keepdim=True)
    return (functional.cross_entropy(logits, targets) + functional.cross_entropy(logits.T, targets)) / 2
