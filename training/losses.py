"""Losses of copy detection: contrast among all pictures of a batch, and spreading out (SSCD, arXiv 2202.10261)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def contrastive_loss(references: Tensor, copies: Tensor, *, temperature: float) -> Tensor:
    """NT-Xent over (n, d) and (n, d), both of unit length: each picture must pick its partner among 2n - 1."""
    everything = torch.cat([references, copies])
    count = len(references)
    logits = everything @ everything.T / temperature
    logits = logits.masked_fill(torch.eye(2 * count, dtype=torch.bool, device=logits.device), float("-inf"))
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
