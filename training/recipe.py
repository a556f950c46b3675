"""What an embedder's training run is made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbedderRecipe:
    """What a run is made of. Equal recipes without `max_minutes`, on equal data and threads, give equal weights."""

    steps: int = 3000
    batch_size: int = 128
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    temperature: float = 0.08
    spreading: float = 0.3
    warm_up: float = 0.04
    full_strength_at: float = 0.6
    dimensions: int = 128
    blocks: tuple[int, int, int, int] = (1, 2, 2, 2)
    validate_every: int = 250
    validation_pairs: int = 512
    max_minutes: float | None = None
    max_photos: int = 10_000
    max_marks: int = 4_000
