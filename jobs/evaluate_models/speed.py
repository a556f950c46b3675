"""How fast the model is beside the same network in eager PyTorch, and how large."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domain.errors import NotReady
from jobs.estimates import Estimate
from jobs.evaluate_models.bench import Bench
from jobs.evaluate_models.figures import Figures, Measurement, exact
from jobs.evaluate_models.untrained import fresh_network, one_torch_thread

BATCHES = (1, 32)
ROUNDS = 30
_WARM_UP = 3
_RESAMPLES = 1000

Run = Callable[[NDArray[np.float32]], object]


def measure_speed(bench: Bench) -> list[Measurement]:
    """Images a second, and bytes on disk."""
    return [_speed(bench), _size(bench)]


def _speed(bench: Bench) -> Measurement:
    runs: dict[str, Run] = {"onnx": bench.embedder.embed}
    try:
        runs["eager_pytorch"] = eager(bench)
    except NotReady as missing:
        bench.leave_out("speed", "eager_pytorch", str(missing))
    methods: dict[str, dict[str, Estimate]] = {name: {} for name in runs}
    for batch in BATCHES:
        pictures = np.random.default_rng(0).random((batch, 3, bench.embedder.size, bench.embedder.size), np.float32)
        for name, seconds in alternate(runs, pictures, bench).items():
            methods[name][f"images_per_second_batch_{batch}"] = rate(seconds, batch)
    return Measurement(
        name="speed",
        about="Images a second of the image tower on one thread of this machine, in turns within one run.",
        methods=methods,
        counts={"rounds": ROUNDS, "input_px": bench.embedder.size},
        notes=("the median round; its interval from rounds drawn anew. Other work on the machine slows both",),
    )


def eager(bench: Bench) -> Run:
    """The network of the manifest in PyTorch, as it is trained and evaluated. Raises NotReady without PyTorch."""
    network = fresh_network(bench.embedder.manifest).eval()
    import torch

    def run(pictures: NDArray[np.float32]) -> object:
        with one_torch_thread(), torch.inference_mode():
            return network(torch.from_numpy(pictures))

    return run


def alternate(runs: dict[str, Run], pictures: NDArray[np.float32], bench: Bench) -> dict[str, NDArray[np.float64]]:
    """(rounds,) seconds of each, measured in turns so that what else the machine does hits all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(_WARM_UP + ROUNDS):
        for name, run in runs.items():
            began = time.perf_counter()
            run(pictures)
            if number >= _WARM_UP:
                seconds[name].append(time.perf_counter() - began)
        bench.progress(f"speed, batch {len(pictures)}", number + 1, _WARM_UP + ROUNDS)
    return {name: np.array(spent) for name, spent in seconds.items()}


def rate(seconds: NDArray[np.float64], batch: int) -> Estimate:
    """Images a second of the median round, with the middle 95 % of medians of rounds drawn anew."""
    drawn = np.random.default_rng(0).integers(0, len(seconds), (_RESAMPLES, len(seconds)))
    low, high = np.quantile(np.median(seconds[drawn], axis=1), (0.025, 0.975))
    value = batch / float(np.median(seconds))
    return Estimate(value=value, low=min(batch / float(high), value), high=max(batch / float(low), value))


def _size(bench: Bench) -> Measurement:
    text = bench.embedder.manifest.text
    sizes = {"image_tower": _bytes(bench.embedder_path)}
    if text is not None:
        files = [text.file, *([text.vocabulary.file] if text.vocabulary else [])]
        sizes["text_tower"] = sum(_bytes(bench.embedder_path.parent / file) for file in files)
    methods: dict[str, Figures] = {name: {"bytes": exact(size)} for name, size in sizes.items()}
    return Measurement(
        name="size",
        about="Bytes on disk.",
        methods=methods | {"together": {"bytes": exact(sum(sizes.values()))}},
    )


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise NotReady(f"{path.name} is not there", advice="Restore the model and its manifest together.") from error
