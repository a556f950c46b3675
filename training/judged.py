"""Pairs of pictures that people judged, as a training run sees them beside what it composes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from domain.errors import BadInput
from index.embedder import Space

PAIRS_A_STEP = 32
THRESHOLD = 0.6
"""Cosine on whose either side the two kinds are to lie."""
WEIGHT = 0.5
_TEMPERATURE = 0.1


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class JudgedPictures:
    """Row i of `seen` beside row i of `references`, in the space that it was about."""

    seen: NDArray[np.uint8]
    """(n, 3, s, s)."""
    references: NDArray[np.uint8]
    """(n, 3, s, s)."""
    same: NDArray[np.bool_]
    """(n,) whether a person said that both show the same."""
    spaces: tuple[Space, ...]

    def __post_init__(self) -> None:
        if len(self.same) == 0:
            raise BadInput("there is no judged pair to learn from", field="reviews")

    @property
    def digest(self) -> str:
        """12 hex digits over pictures and judgments."""
        parts = (self.seen.tobytes(), self.references.tobytes(), self.same.tobytes(), " ".join(self.spaces).encode())
        return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()[:12]

    def of_step(self, step: int, seed: int) -> JudgedPictures:
        """`PAIRS_A_STEP` of them, each kind that there is as often; the same for the same step and seed."""
        random = np.random.default_rng([seed, step])
        kinds = [rows for rows in (np.flatnonzero(self.same), np.flatnonzero(~self.same)) if len(rows)]
        chosen = np.concatenate([random.choice(rows, PAIRS_A_STEP // len(kinds)) for rows in kinds])
        return JudgedPictures(
            seen=self.seen[chosen],
            references=self.references[chosen],
            same=self.same[chosen],
            spaces=tuple(self.spaces[row] for row in chosen),
        )

    def pictures(self) -> tuple[Tensor, Tensor]:
        """Both sides, uint8."""
        return torch.from_numpy(self.seen), torch.from_numpy(self.references)

    def loss(self, vectors: Mapping[Space, Tensor]) -> Tensor:
        """Of the (2 n, d) vectors of `pictures` in each space: how far pairs lie on the wrong side of `THRESHOLD`."""
        count = len(self.same)
        likeness = {
            space: functional.cosine_similarity(own[:count].float(), own[count:].float())
            for space, own in vectors.items()
        }
        own = torch.stack([likeness[space][row] for row, space in enumerate(self.spaces)])
        signs = torch.from_numpy(np.where(self.same, 1.0, -1.0).astype(np.float32)).to(own.device)
        return WEIGHT * functional.softplus(signs * (THRESHOLD - own) / _TEMPERATURE).mean()
