"""The logo detector's network: the embedder's trunk, a small feature pyramid, and one head for each of three strides.

Each place of strides 8, 16 and 32 says how sure it is that a mark's middle is near it, and the mark's box. There are no
anchors: a mark has any aspect. Small, long marks may have no place inside them, so a box is told by its middle and its
sides, not by four distances from a place within it.
"""

from __future__ import annotations

import math

import torch
from timm.layers import ConvNormAct  # type: ignore[attr-defined]
from torch import Tensor, nn
from torch.nn import functional

from training.network import ResidualTrunk

STRIDES = (8, 16, 32)
_WIDTH = 96
_GROUPS = 6
_RARE = 0.01
"""Share of places that an untrained network says are marks: nearly none are."""
_LARGEST_LOGARITHM = 3.5
"""Of a side in strides; a place of stride 32 reaches over 1,000 px."""


class DetectorNetwork(nn.Module):
    """Pictures, RGB from 0 to 1, sides multiples of 32, to a raw score and a box for each of p places."""

    def __init__(self) -> None:
        super().__init__()
        trunk = ResidualTrunk()
        self.stem, self.stages = trunk.stem, trunk.stages
        widths = [int(block.body[-1].conv.out_channels) for block in self.stages]  # type: ignore[index, union-attr]
        # the last block of a stage is the one before the next width; the first stage, of stride 4, is not looked at
        ends = [place for place in range(len(widths)) if place + 1 == len(widths) or widths[place + 1] != widths[place]]
        self.ends = tuple(ends[-len(STRIDES) :])
        self.laterals = nn.ModuleList(ConvNormAct(widths[end], _WIDTH, 1) for end in self.ends)
        self.heads = nn.ModuleList(_head() for _ in STRIDES)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 3, h, w) to (n, p) logits and (n, p, 4) boxes: left, top, right, bottom in pixels, of any size."""
        features = self._pyramid(pictures)
        logits, boxes = [], []
        for head, stride, level in zip(self.heads, STRIDES, features, strict=True):
            told = head(level).flatten(2).transpose(1, 2).float()
            middles = places(level.shape[-2], level.shape[-1], stride, device=level.device)
            logits.append(told[..., 0])
            boxes.append(_boxes(told[..., 1:], middles, stride))
        return torch.cat(logits, dim=1), torch.cat(boxes, dim=1)

    def _pyramid(self, pictures: Tensor) -> list[Tensor]:
        features = self.stem(pictures * 4 - 2)
        kept: list[Tensor] = []
        for number, stage in enumerate(self.stages):
            features = stage(features)
            if number in self.ends:
                kept.append(self.laterals[len(kept)](features))
        for finer in range(len(kept) - 2, -1, -1):
            kept[finer] = kept[finer] + functional.interpolate(kept[finer + 1], scale_factor=2.0, mode="nearest")
        return kept


def _head() -> nn.Module:
    layers: list[nn.Module] = []
    for _ in range(2):
        layers += [ConvNormAct(_WIDTH, _WIDTH, 3, groups=_GROUPS), ConvNormAct(_WIDTH, _WIDTH, 1)]
    last = nn.Conv2d(_WIDTH, 5, 1)
    nn.init.normal_(last.weight, std=0.01)
    nn.init.zeros_(last.bias)  # type: ignore[arg-type]
    last.bias.data[0] = -math.log((1 - _RARE) / _RARE)  # type: ignore[union-attr]
    return nn.Sequential(*layers, last)


def places(height: int, width: int, stride: int, *, device: torch.device | str = "cpu") -> Tensor:
    """(height * width, 2): x and y of the middle of each place, in pixels, row by row."""
    y = (torch.arange(height, device=device) + 0.5) * stride
    x = (torch.arange(width, device=device) + 0.5) * stride
    rows, columns = torch.meshgrid(y, x, indexing="ij")
    return torch.stack([columns, rows], dim=-1).reshape(-1, 2)


def _boxes(told: Tensor, middles: Tensor, stride: int) -> Tensor:
    middle = middles + told[..., :2] * stride
    half = told[..., 2:].clamp(max=_LARGEST_LOGARITHM).exp() * (stride * 1.5)
    return torch.cat([middle - half, middle + half], dim=-1)
