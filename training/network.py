"""The embedding network: a small residual net that learns from nothing where a mobile net was seen to collapse.

A 5x5 stem, then stages of 32, 64, 128 and 256 channels, each halving the side, grouped 3x3 convolutions from 64
channels up; a 2x2 average pool keeps the coarse layout; a linear layer and a batch norm give the vector.
"""

from __future__ import annotations

import torch
from timm.layers import ConvNormAct  # type: ignore[attr-defined]
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

_GROUP_WIDTH = 16


class ResidualBlock(nn.Module):
    """Two plain 3x3 convolutions, or 1x1, grouped 3x3, 1x1; the sum with the input passes a ReLU."""

    def __init__(self, inputs: int, outputs: int, *, stride: int, grouped: bool) -> None:
        super().__init__()
        if grouped:
            self.body = nn.Sequential(
                ConvNormAct(inputs, outputs, 1),
                ConvNormAct(outputs, outputs, 3, stride=stride, groups=outputs // _GROUP_WIDTH),
                ConvNormAct(outputs, outputs, 1, apply_act=False),
            )
        else:
            self.body = nn.Sequential(
                ConvNormAct(inputs, outputs, 3, stride=stride), ConvNormAct(outputs, outputs, 3, apply_act=False)
            )
        shrink: list[nn.Module] = [nn.AvgPool2d(2, ceil_mode=True)] if stride > 1 else []
        widen: list[nn.Module] = [ConvNormAct(inputs, outputs, 1, apply_act=False)] if inputs != outputs else []
        self.shortcut = nn.Sequential(*shrink, *widen)

    def forward(self, features: Tensor) -> Tensor:
        """(n, inputs, h, w) to (n, outputs, h / stride, w / stride)."""
        summed: Tensor = self.body(features) + self.shortcut(features)
        return torch.relu(summed)


class EmbeddingNetwork(nn.Module):
    """(n, 3, s, s) in 0 to 1 to (n, dimensions), not yet of unit length."""

    def __init__(self, *, dimensions: int = 128, blocks: tuple[int, int, int, int] = (1, 2, 2, 2)) -> None:
        super().__init__()
        self.dimensions, self.blocks = dimensions, blocks
        self.stem = ConvNormAct(3, 24, 5, stride=2)
        stages: list[nn.Module] = []
        inputs = 24
        for width, count in zip((32, 64, 128, 256), blocks, strict=True):
            for number in range(count):
                stages.append(ResidualBlock(inputs, width, stride=1 if number else 2, grouped=width >= 64))
                inputs = width
        self.stages = nn.Sequential(*stages)
        self.pool = nn.AdaptiveAvgPool2d(2)
        self.head = nn.Linear(4 * inputs, dimensions, bias=False)
        self.norm: nn.Module = nn.BatchNorm1d(dimensions)

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures are centered here, so that callers hand over plain 0 to 1."""
        features = self.stages(self.stem(pictures * 4 - 2))
        vector: Tensor = self.norm(self.head(self.pool(features).flatten(1)))
        return vector


def fold_batch_norms(network: EmbeddingNetwork) -> EmbeddingNetwork:
    """Every batch norm melted into the layer before it, in place; the network is then for inference only."""
    network.eval()
    for module in network.modules():
        if isinstance(module, ConvNormAct):
            module.conv = fuse_conv_bn_eval(module.conv, module.bn)
            module.bn = module.bn.act
    if isinstance(network.norm, nn.BatchNorm1d):
        network.head = fuse_linear_bn_eval(network.head, network.norm)
        network.norm = nn.Identity()
    return network
