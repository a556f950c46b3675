from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from domain.errors import BadInput
from training.embedder import train_embedder
from training.judged import PAIRS_A_STEP, THRESHOLD, JudgedPictures
from training.recipe import EmbedderRecipe
from training.run import EmbedderRun


def judged(*, same: int = 3, other: int = 5, size: int = 64) -> JudgedPictures:
    random = np.random.default_rng(0)
    seen, references = random.integers(0, 256, (2, same + other, 3, size, size), dtype=np.uint8)
    kinds = np.arange(same + other) < same
    spaces = tuple("copy" if number % 2 else "mark" for number in range(same + other))
    return JudgedPictures(seen=seen, references=references, same=kinds, spaces=spaces)  # type: ignore[arg-type]


def test_a_step_sees_both_kinds_alike_and_the_same_whenever_it_is_asked_for() -> None:
    pairs = judged(same=1, other=200, size=8)
    step = pairs.of_step(7, 3)
    assert (step.same.sum(), len(step.same)) == (PAIRS_A_STEP // 2, PAIRS_A_STEP)
    assert step.digest == pairs.of_step(7, 3).digest
    assert len({pairs.of_step(number, 3).digest for number in range(4)} | {pairs.of_step(7, 4).digest}) == 5
    assert len(judged(same=0, size=8).of_step(0, 0).same) == PAIRS_A_STEP


def test_the_digest_tells_any_change() -> None:
    pairs = judged(size=8)
    changed = [
        replace(pairs, seen=pairs.references),
        replace(pairs, references=pairs.seen),
        replace(pairs, same=~pairs.same),
        replace(pairs, spaces=pairs.spaces[::-1]),
    ]
    assert len({one.digest for one in (pairs, *changed)}) == 5


def test_pairs_on_their_side_cost_less_and_each_is_judged_in_its_own_space() -> None:
    pairs = replace(judged(same=1, other=1, size=8), spaces=("copy", "mark"))

    def loss(copy: float, mark: float) -> float:
        likeness = {"copy": (copy, 0.0), "mark": (0.0, mark)}  # what the other space says does not count
        vectors = {
            space: torch.tensor([[1.0, 0.0]] * 2 + [[c, (1 - c * c) ** 0.5] for c in cosines])
            for space, cosines in likeness.items()
        }
        return float(pairs.loss(vectors))  # type: ignore[arg-type]

    right, wrong = loss(0.95, 0.1), loss(0.1, 0.95)
    assert right < 0.05 < loss(THRESHOLD, THRESHOLD) < wrong


def test_there_is_nothing_to_learn_from_nothing() -> None:
    with pytest.raises(BadInput):
        judged(same=0, other=0)


def test_a_run_learns_what_was_judged_records_it_and_does_not_go_on_with_other_judgments(
    training_data: Path, tiny_recipe: EmbedderRecipe, tmp_path: Path
) -> None:
    said = {"recipe": replace(tiny_recipe, steps=3), "seed": 5, "threads": 1, "workers": 0, "device": "cpu"}
    plain = train_embedder(training_data, tmp_path / "plain", **said)  # type: ignore[arg-type]
    first, again = (
        train_embedder(training_data, tmp_path / name, judged=judged(), **said)  # type: ignore[arg-type]
        for name in ("first", "again")
    )
    files = [report.model.read_bytes() for report in (plain, first, again)]
    assert files[1] == files[2] != files[0]
    manifest = json.loads(first.model.with_suffix(".json").read_text())
    assert manifest["training"]["recipe"]["reviews"] == judged().digest
    assert manifest["command"].endswith(" --reviews")
    assert "judged_loss" in first.curves.read_text().splitlines()[0]
    run = EmbedderRun(said["recipe"], 5, tmp_path / "first")  # type: ignore[arg-type]
    run.judged = judged(same=4)
    with pytest.raises(BadInput):
        run.resume()
