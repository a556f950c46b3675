"""The state of one embedder training run: its steps, its curve, its checkpoint."""

from __future__ import annotations

import csv
import math
import random
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from domain.progress import Progress
from training.data import PairBatch, stream_pairs
from training.losses import contrastive_loss, spreading_loss
from training.network import EmbeddingNetwork
from training.recipe import EmbedderRecipe
from training.sources import Sources

T = TypeVar("T")


class EmbedderRun:
    """One training run's state: what a checkpoint holds."""

    def __init__(self, recipe: EmbedderRecipe, seed: int, out_dir: Path) -> None:
        random.seed(seed)
        torch.manual_seed(seed)
        self.recipe, self.seed, self.out_dir = recipe, seed, out_dir
        self.network = EmbeddingNetwork(dimensions=recipe.dimensions, blocks=recipe.blocks)
        self.network.to(memory_format=torch.channels_last)
        decayed = [p for p in self.network.parameters() if p.ndim > 1]
        plain = [p for p in self.network.parameters() if p.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": plain, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate)
        self.step = 0
        self.seconds = 0.0
        self.curve: list[dict[str, float]] = []

    @property
    def identity(self) -> dict[str, Any]:
        """Recipe and seed; a checkpoint of another identity is not resumed."""
        return asdict(self.recipe) | {"seed": self.seed}

    @property
    def pictures(self) -> int:
        """How many were seen, both sides of each pair counted."""
        return self.step * self.recipe.batch_size * 2

    def resume(self) -> None:
        """Take up a checkpoint of the same recipe and seed, where one lies."""
        path = self.out_dir / "checkpoint.pt"
        if not path.exists():
            return
        state = torch.load(path, weights_only=True)
        if state["identity"] != self.identity:
            return
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds, self.curve = state["step"], state["seconds"], state["curve"]

    def save(self) -> None:
        """Write the checkpoint at once or not at all, and the curves."""
        state = {
            "identity": self.identity,
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "curve": self.curve,
        }
        unfinished = self.out_dir / "checkpoint.pt.part"
        torch.save(state, unfinished)
        unfinished.replace(self.out_dir / "checkpoint.pt")
        if self.curve:
            with (self.out_dir / "curves.csv").open("w", newline="") as file:
                table = csv.DictWriter(file, fieldnames=list(self.curve[0]))
                table.writeheader()
                table.writerows(self.curve)

    def share_done(self) -> float:
        """0 at the start, 1 at the end: by steps, or by the clock where that is sooner."""
        by_clock = self.seconds / 60 / self.recipe.max_minutes if self.recipe.max_minutes else 0.0
        return max(self.step / self.recipe.steps, by_clock)

    def _strengths(self) -> Iterator[float]:
        while self.share_done() < 1:
            yield min(1.0, 0.15 + 0.85 * self.share_done() / self.recipe.full_strength_at)

    def train(self, sources: Sources, validation: PairBatch, progress: Progress) -> None:
        """Steps until done; every `validate_every` a point of the curve and a checkpoint."""
        recipe = self.recipe
        # by step, not by what is done when a batch is composed ahead, so that equal seeds see equal pictures
        strengths = self._strengths() if recipe.max_minutes else self._strengths_by_step()
        batches = stream_pairs(
            sources, seed=self.seed, batch_size=recipe.batch_size, strengths=strengths, first_step=self.step
        )
        losses: list[float] = []
        began = time.monotonic() - self.seconds
        for batch in compose_ahead(batches, depth=3):
            losses.append(self._learn(batch))
            self.step += 1
            self.seconds = time.monotonic() - began
            progress("train", round(1000 * min(1.0, self.share_done())), 1000)
            if self.step % recipe.validate_every == 0 or self.share_done() >= 1:
                self._note(losses, validation)
                losses = []
                self.save()
            if self.share_done() >= 1:
                break

    def _strengths_by_step(self) -> Iterator[float]:
        for step in range(self.step, self.recipe.steps):
            yield min(1.0, 0.15 + 0.85 * step / self.recipe.steps / self.recipe.full_strength_at)

    def _note(self, losses: list[float], validation: PairBatch) -> None:
        self.curve.append(
            {
                "step": self.step,
                "pictures": self.pictures,
                "seconds": round(self.seconds, 1),
                "loss": float(np.mean(losses)),
                "learning_rate": self.optimizer.param_groups[0]["lr"],
                "validation_recall_at_1": validation_recall(self.network, validation),
            }
        )

    def _learn(self, batch: PairBatch) -> float:
        self.network.train()
        for group in self.optimizer.param_groups:
            group["lr"] = self._learning_rate()
        pictures = torch.from_numpy(np.concatenate([batch.references, batch.copies]))
        pictures = pictures.contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=_fast_bfloat16()):
            vectors = self.network(pictures)
        references, copies = functional.normalize(vectors.float()).chunk(2)
        loss = contrastive_loss(references, copies, temperature=self.recipe.temperature)
        loss = loss + self.recipe.spreading * spreading_loss(references)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return float(loss.detach())

    def _learning_rate(self) -> float:
        done, recipe = min(1.0, self.share_done()), self.recipe
        if done < recipe.warm_up:
            return recipe.learning_rate * max(0.02, done / recipe.warm_up)
        return recipe.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))


def _fast_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 itself; emulated it would be slower than float32."""
    return bool(torch.cpu._is_avx512_bf16_supported())


def compose_ahead(batches: Iterator[T], *, depth: int) -> Iterator[T]:
    """The same batches, up to `depth` of them composed ahead in a second thread; its errors are raised here."""
    composer = ThreadPoolExecutor(1)
    try:
        waiting = deque(composer.submit(next, batches, None) for _ in range(depth))
        while (batch := waiting.popleft().result()) is not None:
            waiting.append(composer.submit(next, batches, None))
            yield batch
    finally:
        composer.shutdown(cancel_futures=True)


def validation_recall(network: EmbeddingNetwork, pairs: PairBatch) -> float:
    """Share of copies whose nearest reference is their own."""
    references, copies = (_embed(network, pictures) for pictures in (pairs.references, pairs.copies))
    return float((np.argmax(copies @ references.T, axis=1) == np.arange(len(copies))).mean())


def _embed(network: EmbeddingNetwork, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    network.eval()
    parts = []
    with torch.inference_mode():
        for start in range(0, len(pictures), 128):
            parts.append(functional.normalize(network(torch.from_numpy(pictures[start : start + 128]))).numpy())
    return np.concatenate(parts)
