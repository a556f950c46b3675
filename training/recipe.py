"""What an embedder's training run is made of."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbedderRecipe:
    """What a run is made of. Equal recipes on equal data, device, threads and workers give equal weights."""

    steps: int = 3000
    copy_pairs: int = 48
    """Photographs a step, each with an edited copy."""
    mark_pairs: int = 96
    """Marks a step, each composed twice."""
    real_marks: float = 0.5
    """Share of the marks that are brands'; the rest is invented."""
    bare: int = 64
    """Pictures a step without a mark, which no mark may resemble."""
    size: int = 128
    """Side of the network's input, in pixels."""
    trunk: str = "assayer_residual"
    """Name of the image trunk with timm."""
    learning_rate: float = 3e-3
    weight_decay: float = 0.05
    copy_temperature: float = 0.08
    mark_temperature: float = 0.1
    spreading: float = 0.3
    """Weight of SSCD's entropy term in the copy loss."""
    caption_weight: float = 0.25
    warm_up: float = 0.03
    """Share of the steps in which the learning rate rises; after it falls by a cosine."""
    first_strength: float = 0.15
    """How hard the first step's pictures are distorted; 1 for a network that has learned before."""
    full_strength_at: float = 0.5
    """Share of the steps in which the distortions grow to full."""
    averaging: float = 0.998
    """Decay of the moving average of the weights, which is what is validated and shipped."""
    validate_every: int = 200
    validation_pairs: int = 512
    patience: int = 8
    """Validations without a better one after which the run ends."""

    def strength(self, step: int) -> float:
        """How hard the pictures of a step are distorted, `first_strength` to 1."""
        return min(1.0, self.first_strength + (1 - self.first_strength) * step / self.steps / self.full_strength_at)

    def continued(self) -> EmbedderRecipe:
        """For a network that has learned before: full distortion at once, and a quarter of the learning rate.

        With half of it, the first steps undid what the last ones had learned.
        """
        return replace(self, first_strength=1.0, learning_rate=self.learning_rate / 4)
