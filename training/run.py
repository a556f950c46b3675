"""The state of one embedder training run: its steps, its curve, its checkpoint."""

from __future__ import annotations

import csv
import hashlib
import io
import math
import pickle
import random
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel

from domain.errors import BadInput
from domain.progress import Progress
from training.batches import Batch, MarkMaterial, MarkPairs, TrainingSteps, compose_pairs, stream_batches, tokens_of
from training.judged import JudgedPictures
from training.losses import caption_loss, contrastive_loss, spreading_loss
from training.network import EmbeddingNetwork, configured
from training.recipe import EmbedderRecipe
from training.sources import Sources
from training.validation import Validation

_CHECKPOINT = "checkpoint.pt"
_Tensors = tuple[Tensor, ...] | list[Tensor]
_UNREADABLE = (RuntimeError, ValueError, KeyError, TypeError, AttributeError, EOFError, OSError, pickle.UnpicklingError)
"""What torch raises for a file that is no checkpoint, or not of this network."""


class EmbedderRun:
    """One training run's state: what a checkpoint holds."""

    def __init__(self, recipe: EmbedderRecipe, seed: int, out_dir: Path, *, device: str = "cpu") -> None:
        """Raises BadInput for a device that torch does not have here, and a trunk that timm does not have."""
        self._kind = _kind_of(device)
        random.seed(seed)
        torch.manual_seed(seed)
        self.recipe, self.seed, self.out_dir, self.device = recipe, seed, out_dir, device
        network = EmbeddingNetwork(configured(trunk=recipe.trunk, size=recipe.size))
        self.network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = AveragedModel(self.network, multi_avg_fn=self._averaging, use_buffers=True)
        self.optimizer = torch.optim.AdamW(_groups(self.network, recipe.weight_decay), lr=recipe.learning_rate)
        self.step = 0
        self.seconds = 0.0
        self.curve: list[dict[str, float]] = []
        self.best: dict[str, Tensor] = {}
        self.best_score = -1.0
        self.started_from: str | None = None
        """SHA-256 of the checkpoint whose weights the first step had; None: drawn by the seed."""
        self.judged: JudgedPictures | None = None
        """What people said of pictures, to be learned beside what is composed."""

    def start_from(self, checkpoint: Path) -> None:
        """Take the best weights of another run's checkpoint, of a network of the same form, to learn on from there.

        Raises BadInput where it cannot be read as one.
        """
        try:
            content = checkpoint.read_bytes()
            state = torch.load(io.BytesIO(content), weights_only=True, map_location=self.device)
            self.network.load_state_dict(state["best"] or state["network"])
        except _UNREADABLE as error:
            raise BadInput("cannot be read as a checkpoint of such a network", file=str(checkpoint)) from error
        self.average = AveragedModel(self.network, multi_avg_fn=self._averaging, use_buffers=True)
        self.started_from = hashlib.sha256(content).hexdigest()

    @property
    def identity(self) -> dict[str, Any]:
        """Recipe, seed, where it started and what was judged; a checkpoint of another identity is not resumed."""
        judged = {"reviews": self.judged.digest} if self.judged else {}
        return asdict(self.recipe) | {"seed": self.seed, "from": self.started_from} | judged

    @property
    def pictures(self) -> int:
        """How many were seen, both sides of each pair counted, and those that bear no mark."""
        return self.step * (2 * (self.recipe.copy_pairs + self.recipe.mark_pairs) + self.recipe.bare)

    @property
    def best_network(self) -> EmbeddingNetwork:
        """The averaged weights that validated best so far."""
        network = EmbeddingNetwork(self.network.config)
        network.load_state_dict(self.best or self._averaged.state_dict())
        return network

    @property
    def _averaged(self) -> EmbeddingNetwork:
        network: EmbeddingNetwork = self.average.module  # type: ignore[assignment]
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
        """Take up a checkpoint of the same recipe and seed, where one lies.

        Raises BadInput for one that is broken or of another run: to start anew would be to write over it.
        """
        path = self.out_dir / _CHECKPOINT
        if not path.exists():
            return
        advice = "Name another folder with --out, or remove the checkpoint to start anew."
        try:
            state = torch.load(path, weights_only=True, map_location=self.device)
            if state["identity"] != self.identity:
                raise BadInput("is of a run with another recipe or seed", file=str(path), advice=advice)
            self.network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.best, self.best_score = state["best"], state["best_score"]
            self.step, self.seconds, self.curve = state["step"], state["seconds"], state["curve"]
        except _UNREADABLE as error:
            raise BadInput("cannot be read as a checkpoint of this run", file=str(path), advice=advice) from error

    def save(self) -> None:
        """Write the checkpoint at once or not at all, and the curves."""
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

    @property
    def ended(self) -> bool:
        """All steps are done, or the last `patience` validations were none better."""
        scores = [point["score"] for point in self.curve]
        late = len(scores) > self.recipe.patience and max(scores[-self.recipe.patience :]) < max(scores)
        return self.step >= self.recipe.steps or late

    def train(self, sources: Sources, validation: Validation, *, workers: int, progress: Progress) -> None:
        """Steps until `ended`; every `validate_every` a point of the curve and a checkpoint.

        Pictures are composed ahead by `workers` processes; marks on the device, where that is not the processor.
        """
        if self.ended:
            return
        steps = TrainingSteps(sources, self.recipe, seed=self.seed, compose=self._kind == "cpu")
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
                if self.ended:
                    break

    def _validate(self, sums: dict[str, float], validation: Validation) -> None:
        since = self.step - (int(self.curve[-1]["step"]) if self.curve else 0)
        measured = validation.measure(self._averaged)
        point = {"step": self.step, "pictures": self.pictures, "seconds": round(self.seconds, 1)}
        point |= {name: round(total / since, 5) for name, total in sums.items()}
        self.curve.append(point | measured)
        if measured["score"] > self.best_score:
            self.best_score = measured["score"]
            self.best = {name: value.clone() for name, value in self._averaged.state_dict().items()}

    def _learn(self, batch: Batch) -> dict[str, float]:
        self.network.train()
        for group in self.optimizer.param_groups:
            group["lr"] = self._learning_rate()
        losses = self._losses(batch, self._composed(batch))
        self.optimizer.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.average.update_parameters(self.network)
        return {f"{name}_loss": float(loss.detach()) for name, loss in losses.items()}

    def _composed(self, batch: Batch) -> MarkPairs:
        if isinstance(batch.marks, MarkMaterial):
            return compose_pairs(batch.marks, strength=batch.strength, device=self.device)
        return batch.marks

    def _losses(self, batch: Batch, marks: MarkPairs) -> dict[str, Tensor]:
        recipe = self.recipe
        judged = self.judged.of_step(self.step, self.seed) if self.judged else None
        composed = (batch.references, batch.copies, marks.scenes, marks.partners, marks.bare)
        # in one call with the others, so that batch norms see what they always see
        parts = (*composed, *(judged.pictures() if judged else ()))
        pictures = torch.cat([part.to(self.device) for part in parts]).float().div_(255)
        pictures = pictures.contiguous(memory_format=torch.channels_last)
        captions = batch.captions + marks.captions
        tokens = tokens_of(captions, self.network.context_length).to(self.device)
        with torch.autocast(self._kind, dtype=torch.bfloat16, enabled=self._fast_bfloat16()):
            vectors = self.network(pictures)
            texts = self.network.embed_texts(tokens)
        count = sum(map(len, composed))
        judged_vectors = {space: own[count:] for space, own in vectors.items()}
        vectors = {space: own[:count] for space, own in vectors.items()}
        pairs, shown = 2 * recipe.copy_pairs, 2 * recipe.copy_pairs + recipe.mark_pairs
        references, copies = functional.normalize(vectors["copy"][:pairs].float()).chunk(2)
        marked = functional.normalize(vectors["mark"][pairs:].float())
        scenes, partners = marked[: 2 * recipe.mark_pairs].chunk(2)
        bare = marked[2 * recipe.mark_pairs :]
        seen = torch.cat([vectors["caption"][: recipe.copy_pairs], vectors["caption"][pairs:shown]])
        copy_loss = contrastive_loss(references, copies, temperature=recipe.copy_temperature)
        return {
            "copy": copy_loss + recipe.spreading * spreading_loss(references),
            "mark": contrastive_loss(scenes, partners, temperature=recipe.mark_temperature, others=bare),
            "caption": recipe.caption_weight
            * caption_loss(
                functional.normalize(seen.float()),
                functional.normalize(texts.float()),
                _equal(captions).to(self.device),
                scale=self.network.logit_scale,
            ),
            **({"judged": judged.loss(judged_vectors)} if judged else {}),
        }

    def _fast_bfloat16(self) -> bool:
        """Whether the device multiplies bfloat16 itself; emulated it would be slower than float32."""
        return self._kind != "cpu" or bool(torch.cpu._is_avx512_bf16_supported())

    def _learning_rate(self) -> float:
        done, recipe = self.step / self.recipe.steps, self.recipe
        if done < recipe.warm_up:
            return recipe.learning_rate * max(0.02, done / recipe.warm_up)
        return recipe.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))


def _kind_of(device: str) -> str:
    """``cpu``, ``cuda`` …, without the number behind it."""
    try:
        return torch.zeros(1, device=device).device.type
    except (RuntimeError, AssertionError) as error:  # an assertion where torch was built without CUDA
        raise BadInput(f"torch has no device {device!r} here", field="device", advice="Leave --device out.") from error


def _groups(network: EmbeddingNetwork, weight_decay: float) -> list[dict[str, Any]]:
    """Matrices and kernels decay, biases and gains do not."""
    decayed = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    plain = [parameter for parameter in network.parameters() if parameter.ndim <= 1]
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": plain, "weight_decay": 0.0}]


def _equal(captions: tuple[str, ...]) -> Tensor:
    """(n, n) bool: which captions are the same."""
    number: dict[str, int] = {}
    ids = torch.tensor([number.setdefault(caption, len(number)) for caption in captions])
    return ids[:, None] == ids[None, :]
