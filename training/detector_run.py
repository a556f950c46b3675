"""The state of one training run of the logo detector: its steps, its curve, its checkpoint."""

from __future__ import annotations

import csv
import hashlib
import math
import pickle
import random
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from domain.errors import BadInput
from domain.progress import Progress
from training.batches import stream_batches
from training.detector_losses import detector_loss
from training.detector_network import DetectorNetwork
from training.detector_recipe import DetectorBatch, DetectorRecipe, DetectorSteps
from training.detector_validation import DetectorValidation
from training.sources import Sources

_CHECKPOINT = "checkpoint.pt"
_Tensors = tuple[Tensor, ...] | list[Tensor]
_UNREADABLE = (RuntimeError, ValueError, KeyError, TypeError, AttributeError, EOFError, OSError, pickle.UnpicklingError)
"""What torch raises for a file that is no checkpoint, or not of this network."""
_TRUNK = "clip.visual.trunk."
"""Where an embedder's weights have the trunk that a detector has too."""
_STEEPEST = 10.0
"""Longest gradient of a step: a batch of many small marks is not to undo the last hundred."""


class DetectorRun:
    """One training run's state: what a checkpoint holds."""

    def __init__(self, recipe: DetectorRecipe, seed: int, out_dir: Path, *, start: Path | None = None) -> None:
        """`start` is the checkpoint of an embedder or a detector whose weights are taken over.

        Raises BadInput for one that is neither.
        """
        random.seed(seed)
        torch.manual_seed(seed)
        self.recipe, self.seed, self.out_dir = recipe, seed, out_dir
        network = DetectorNetwork()
        self.start = None if start is None else _take_over(network, start)
        self.network = network.to(memory_format=torch.channels_last)
        self.average = AveragedModel(self.network, multi_avg_fn=self._averaging, use_buffers=True)
        self.optimizer = torch.optim.AdamW(_groups(self.network, recipe.weight_decay), lr=recipe.learning_rate)
        self.step = 0
        self.seconds = 0.0
        self.curve: list[dict[str, float]] = []
        self.best: dict[str, Tensor] = {}
        self.best_score = -1.0

    @property
    def identity(self) -> dict[str, Any]:
        """Recipe, seed and start; a checkpoint of another identity is not resumed."""
        return asdict(self.recipe) | {"seed": self.seed, "start": self.start}

    @property
    def best_network(self) -> DetectorNetwork:
        """The averaged weights that validated best so far."""
        network = DetectorNetwork()
        network.load_state_dict(self.best or self._averaged.state_dict())
        return network

    @property
    def _averaged(self) -> DetectorNetwork:
        network: DetectorNetwork = self.average.module  # type: ignore[assignment]
        return network

    @torch.no_grad()
    def _averaging(self, averages: _Tensors, values: _Tensors, count: Tensor | int) -> None:
        """Moving average that in the beginning forgets faster, or the first random weights would linger."""
        weight = 1 - min(self.recipe.averaging, (1 + int(count)) / (10 + int(count)))
        if averages[0].is_floating_point():
            torch._foreach_lerp_(averages, values, weight)
        else:
            torch._foreach_copy_(averages, values)  # batch norms count their batches

    def resume(self) -> None:
        """Take up a checkpoint of the same recipe, seed and start, where one lies.

        Raises BadInput for one that is broken or of another run: to start anew would be to write over it.
        """
        path = self.out_dir / _CHECKPOINT
        if not path.exists():
            return
        advice = "Name another folder with --out, or remove the checkpoint to start anew."
        try:
            state = torch.load(path, weights_only=True, map_location="cpu")
            if state["identity"] != self.identity:
                raise BadInput("is of a run with another recipe, seed or start", file=str(path), advice=advice)
            self.network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.best, self.best_score = state["best"], state["best_score"]
            self.step, self.seconds, self.curve = state["step"], state["seconds"], state["curve"]
        except _UNREADABLE as error:
            raise BadInput("cannot be read as a checkpoint of this run", file=str(path), advice=advice) from error

    def save(self) -> None:
        """Write the checkpoint at once or not at all, and the curve."""
        state = {
            "identity": self.identity,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "best": self.best,
            "best_score": self.best_score,
            "step": self.step,
            "seconds": self.seconds,
            "curve": self.curve,
        }
        unfinished = self.out_dir / f"{_CHECKPOINT}.part"
        torch.save(state, unfinished)
        unfinished.replace(self.out_dir / _CHECKPOINT)
        if self.curve:
            with (self.out_dir / "curves.csv").open("w", newline="") as file:
                table = csv.DictWriter(file, fieldnames=list(self.curve[0]))
                table.writeheader()
                table.writerows(self.curve)

    def train(self, sources: Sources, validation: DetectorValidation, *, workers: int, progress: Progress) -> None:
        """All steps that are left; every `validate_every` a point of the curve and a checkpoint."""
        if self.step >= self.recipe.steps:
            return
        steps = DetectorSteps(sources, self.recipe, seed=self.seed)
        sums: dict[str, float] = {}
        began = time.monotonic() - self.seconds
        for batch in stream_batches(steps, first_step=self.step, workers=workers):
            for name, loss in self._learn(batch).items():
                sums[name] = sums.get(name, 0.0) + loss
            self.step += 1
            self.seconds = time.monotonic() - began
            progress("train", self.step, self.recipe.steps)
            if self.step % self.recipe.validate_every == 0 or self.step == self.recipe.steps:
                self._validate(sums, validation)
                sums = {}
                self.save()

    def _validate(self, sums: dict[str, float], validation: DetectorValidation) -> None:
        since = self.step - (int(self.curve[-1]["step"]) if self.curve else 0)
        measured = validation.measure(self._averaged)
        pictures = self.step * self.recipe.pictures
        point: dict[str, float] = {"step": self.step, "pictures": pictures, "seconds": round(self.seconds, 1)}
        point |= {f"{name}_loss": round(total / since, 5) for name, total in sums.items()}
        self.curve.append(point | measured)
        if measured["recall"] > self.best_score:
            self.best_score = measured["recall"]
            self.best = {name: value.clone() for name, value in self._averaged.state_dict().items()}

    def _learn(self, batch: DetectorBatch) -> dict[str, float]:
        self.network.train()
        for group in self.optimizer.param_groups:
            group["lr"] = self._learning_rate()
        pictures = batch.pictures.float().div_(255).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bool(torch.cpu._is_avx512_bf16_supported())):
            logits, boxes = self.network(pictures)
        losses = detector_loss(logits, boxes, batch.boxes, self.recipe.size)
        self.optimizer.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), _STEEPEST)
        self.optimizer.step()
        self.average.update_parameters(self.network)
        return {name: float(loss.detach()) for name, loss in losses.items()}

    def _learning_rate(self) -> float:
        done, recipe = self.step / self.recipe.steps, self.recipe
        if done < recipe.warm_up:
            return recipe.learning_rate * max(0.02, done / recipe.warm_up)
        return recipe.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))


def _groups(network: DetectorNetwork, weight_decay: float) -> list[dict[str, Any]]:
    """Matrices and kernels decay, biases and gains do not."""
    decayed = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    plain = [parameter for parameter in network.parameters() if parameter.ndim <= 1]
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": plain, "weight_decay": 0.0}]


def _take_over(network: DetectorNetwork, start: Path) -> dict[str, Any]:
    """Load what a checkpoint's weights have in common with the network's; which one it was, and of which run."""
    try:
        content = start.read_bytes()
        saved = torch.load(start, weights_only=True, map_location="cpu")
        weights, run = saved["best"] or saved["network"], {"step": saved["step"], "run": saved["identity"]}
        if any(name.startswith(_TRUNK) for name in weights):
            trunk = {n.removeprefix(_TRUNK): value for n, value in weights.items() if n.startswith(_TRUNK)}
            network.load_state_dict(network.state_dict() | trunk)
        else:
            network.load_state_dict(weights)
    except _UNREADABLE as error:
        advice = "Name the checkpoint.pt of a training run of the embedder or the detector."
        raise BadInput("is no checkpoint to start from", file=str(start), advice=advice) from error
    return {"sha256": hashlib.sha256(content).hexdigest(), **run}
