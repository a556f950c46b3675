"""The network: an open_clip model of the project's own, with two heads more on its image trunk.

The trunk is a small residual net that learns from nothing where a mobile net was seen to collapse: a 5x5 stem, then
stages that each halve the side, grouped 3x3 convolutions from the second stage up, and a 2x2 average pool that keeps
the coarse layout. It is registered with timm, so that open_clip builds it, or any other timm trunk, by name.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from pathlib import Path
from typing import Any, cast

import open_clip
import torch
from timm.layers import ConvNormAct  # type: ignore[attr-defined]
from timm.models import is_model, register_model
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from domain.errors import BadInput
from index.embedder import Space

CONFIG = Path(__file__).parent / "configs" / "assayer-clip.json"
"""The open_clip configuration of the embedded model."""
HEADS: tuple[Space, Space] = ("copy", "mark")
"""Spaces whose head stands beside open_clip's own, which is the caption space."""
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


class ResidualTrunk(nn.Module):
    """(n, 3, s, s) to (n, num_features): what timm's models offer to open_clip, and no more."""

    default_cfg: dict[str, Any] = {}  # noqa: RUF012 - timm's name and form

    def __init__(self, *, widths: tuple[int, ...] = (32, 64, 128, 256), blocks: tuple[int, ...] = (1, 2, 3, 2)) -> None:
        super().__init__()
        self.stem = ConvNormAct(3, 24, 5, stride=2)
        stages: list[nn.Module] = []
        inputs = 24
        for stage, (width, count) in enumerate(zip(widths, blocks, strict=True)):
            for number in range(count):
                stages.append(ResidualBlock(inputs, width, stride=1 if number else 2, grouped=stage > 0))
                inputs = width
        self.stages = nn.Sequential(*stages)
        self.pool = nn.AdaptiveAvgPool2d(2)
        self.num_features = 4 * inputs

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """There is no classifier to take off; open_clip asks for it."""
        if num_classes:
            raise ValueError("this trunk has no classifier")

    def forward(self, pictures: Tensor) -> Tensor:
        """Pooled features, 2 by 2 places."""
        features: Tensor = self.pool(self.stages(self.stem(pictures)))
        return features.flatten(1)


@register_model
def assayer_residual(pretrained: bool = False, **_timm: Any) -> ResidualTrunk:
    """1.0 M parameters; the one that is shipped."""
    return ResidualTrunk()


@register_model
def assayer_residual_small(pretrained: bool = False, **_timm: Any) -> ResidualTrunk:
    """0.5 M parameters, the probe's."""
    return ResidualTrunk(blocks=(1, 2, 2, 2))


@register_model
def assayer_residual_wide(pretrained: bool = False, **_timm: Any) -> ResidualTrunk:
    """1.3 M parameters."""
    return ResidualTrunk(widths=(48, 96, 192, 320), blocks=(1, 2, 2, 2))


class EmbeddingNetwork(nn.Module):
    """Pictures, RGB from 0 to 1, to one vector for each space; texts to the caption space. None of unit length."""

    def __init__(self, config: dict[str, Any] | None = None) -> None:
        super().__init__()
        self.config = config or json.loads(CONFIG.read_text())
        self.clip = build_clip(self.config)
        self.dimensions: int = self.config["embed_dim"]
        features = _pooled_features(self.clip.visual.trunk)
        # open_clip takes the width before a mobile net's last convolution for the width after it
        self.clip.visual.head = nn.Sequential(OrderedDict(proj=nn.Linear(features, self.dimensions, bias=False)))
        self.heads = nn.ModuleDict({space: _head(features, self.dimensions) for space in HEADS})

    @property
    def context_length(self) -> int:
        """Ids that a text is given."""
        return int(self.config["text_cfg"]["context_length"])

    @property
    def size(self) -> int:
        """Side of the input it is trained with, in pixels."""
        return int(self.config["vision_cfg"]["image_size"])

    @property
    def logit_scale(self) -> Tensor:
        """CLIP's learned inverse temperature, at most 100."""
        scale: Tensor = self.clip.logit_scale.exp().clamp(max=100)
        return scale

    def forward(self, pictures: Tensor) -> dict[Space, Tensor]:
        """(n, 3, s, s) to (n, d) for each space. Pictures are centered here: callers hand over plain 0 to 1."""
        features = self.clip.visual.trunk(pictures * 4 - 2)
        vectors: dict[Space, Tensor] = {space: self.heads[space](features) for space in HEADS}
        return vectors | {"caption": self.clip.visual.head(features)}

    def embed_texts(self, tokens: Tensor) -> Tensor:
        """(n, context length) int64 to (n, d)."""
        vectors: Tensor = self.clip.encode_text(tokens)
        return vectors


def _head(features: int, dimensions: int) -> nn.Module:
    # the batch norm before the unit length keeps a young network from collapsing
    return nn.Sequential(nn.Linear(features, dimensions, bias=False), nn.BatchNorm1d(dimensions))


def _pooled_features(trunk: nn.Module) -> int:
    trunk.eval()
    with torch.no_grad():
        return int(trunk(torch.zeros(1, 3, 64, 64)).shape[1])


def build_clip(config: dict[str, Any]) -> Any:
    """An open_clip model of this configuration, freshly initialized. Raises BadInput for a trunk that timm lacks."""
    trunk = config["vision_cfg"]["timm_model_name"]
    if not is_model(trunk):  # timm itself would fetch hf-hub:OWNER/NAME
        advice = "Leave it out, or name one that `timm.list_models()` has."
        raise BadInput(f"timm has no trunk {trunk!r}", field="trunk", advice=advice)
    fields = {name: config[name] for name in ("embed_dim", "vision_cfg", "text_cfg")}
    return open_clip.CustomTextCLIP(**fields)


def configured(*, trunk: str = "assayer_residual", size: int = 128) -> dict[str, Any]:
    """The project's configuration, with another image trunk of timm's or another input where one is named."""
    config: dict[str, Any] = json.loads(CONFIG.read_text())
    config["vision_cfg"] |= {"timm_model_name": trunk, "image_size": size}
    return config


def fold_convolutions(network: nn.Module) -> None:
    """Every batch norm behind a convolution melted into it, in place; the network is then for inference only."""
    network.eval()
    for module in network.modules():
        if isinstance(module, ConvNormAct):
            module.conv = fuse_conv_bn_eval(module.conv, module.bn)
            module.bn = module.bn.act


def fold_batch_norms(network: EmbeddingNetwork) -> EmbeddingNetwork:
    """Every batch norm melted into the layer before it, in place; the network is then for inference only."""
    fold_convolutions(network)
    for space in HEADS:
        linear, norm = cast(tuple[nn.Linear, nn.BatchNorm1d], tuple(network.heads[space].children()))
        network.heads[space] = fuse_linear_bn_eval(linear, norm)
    return network
