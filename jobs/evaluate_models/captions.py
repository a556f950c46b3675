"""Words to pictures: held-out composed scenes by their captions, and real photographs by the names of their classes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from math import comb

import numpy as np

from index.preprocessing import network_input
from jobs.estimates import Estimate, share
from jobs.evaluate_models.bench import Bench
from jobs.evaluate_models.datasets import Photo, photos_by_class
from jobs.evaluate_models.figures import Measurement, exact
from jobs.evaluate_models.methods import ReadPicture, Vectors
from jobs.evaluate_models.retrieval import over_queries, recalls
from store.images import RGB
from training.captions import say, with_article

SCENES = 500
RANKS = (1, 5)
PHOTOGRAPHS = ("clothing/test", "grocery")
_SEED = 30_000
_MOST_TRIES = 40


def measure_captions(bench: Bench) -> list[Measurement]:
    """Nothing, and the reason, where the model has no text tower."""
    if bench.embedder.manifest.text is None or "caption" not in bench.embedder.spaces:
        for name in ("captions_scenes", "captions_photographs"):
            bench.leave_out(name, None, "the model has no text tower")
        return []
    if find_spec("torch") is None or find_spec("resvg_py") is None:
        bench.leave_out("captions_scenes", None, "composing needs torch and resvg-py: pip install 'assayer[train]'")
        return [_photographs(bench)]
    return [_scenes(bench), _photographs(bench)]


def _scenes(bench: Bench) -> Measurement:
    pictures, captions = held_out_scenes(bench)
    similarity = bench.embedder.embed_texts(captions) @ _embed(bench, [_known(rgb) for rgb in pictures], "scenes").T
    return Measurement(
        name="captions_scenes",
        about="Captions of composed scenes, of pictures and brands that trained nothing, to their picture.",
        methods={
            "embedding": recalls(similarity, np.eye(len(captions), dtype=bool), RANKS),
            "chance": {f"recall_at_{k}": exact(min(1.0, k / len(captions))) for k in RANKS},
        },
        counts={"captions": len(captions), "pictures": len(pictures)},
        notes=("no two scenes have the same caption",),
    )


def held_out_scenes(bench: Bench) -> tuple[list[RGB], list[str]]:
    """Scenes of the test split with captions of which no two are alike, at most `SCENES`."""
    from training.scenes import compose_scene
    from training.sources import load_sources

    sources = load_sources(bench.data, "test")
    found: dict[str, RGB] = {}
    for number in range(SCENES * _MOST_TRIES):
        scene = compose_scene(sources, shape=_SEED + number, look=_SEED + number)
        found.setdefault(scene.caption, scene.picture)
        bench.progress("scenes", len(found), SCENES)
        if len(found) == SCENES:
            break
    return list(found.values()), list(found)


def _photographs(bench: Bench) -> Measurement:
    photos = photos_by_class(bench.data, *PHOTOGRAPHS)
    classes = sorted({photo.label for photo in photos})
    texts = [f"a photo of {with_article(say(name))}" for name in classes]
    similarity = bench.embedder.embed_texts(texts) @ _embed(bench, [photo.read for photo in photos], "photographs").T
    return Measurement(
        name="captions_photographs",
        about="Names of classes, as words, to real photographs: are pictures of that class among the nearest?",
        methods={
            "embedding": class_figures(similarity, photos, classes),
            "chance": class_chance(photos, classes),
        },
        counts={"classes": len(classes), "pictures": len(photos)},
        notes=("recall_at_5: any of the 5 nearest is of the class; precision_at_5: the share of the 5 that is",),
    )


def class_figures(
    similarity: Vectors, photos: Sequence[Photo], classes: Sequence[str], k: int = 5
) -> dict[str, Estimate]:
    """Of (classes, photographs)."""
    labels = np.array([photo.label for photo in photos])
    nearest = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
    hits = labels[nearest] == np.array(classes)[:, None]
    of_class = hits.mean(axis=1)
    return {
        f"recall_at_{k}": share(int(hits.any(axis=1).sum()), len(classes)),
        f"precision_at_{k}": over_queries(lambda weights: float(weights @ of_class / weights.sum()), len(classes)),
    }


def class_chance(photos: Sequence[Photo], classes: Sequence[str], k: int = 5) -> dict[str, Estimate]:
    """Exact, for k pictures drawn at random: hypergeometric, the mean over classes."""
    total = len(photos)
    sizes = [sum(photo.label == name for photo in photos) for name in classes]
    any_hit = [1 - comb(total - size, k) / comb(total, k) for size in sizes]
    return {
        f"recall_at_{k}": exact(float(np.mean(any_hit))),
        f"precision_at_{k}": exact(float(np.mean(sizes)) / total),
    }


def _embed(bench: Bench, pictures: Sequence[ReadPicture], stage: str) -> Vectors:
    """(n, d) of whole pictures in the caption space."""
    vectors = []
    for done, read in enumerate(pictures, start=1):
        vectors.append(bench.embedder.embed(network_input(read(), bench.embedder.size)[None], "caption"))
        bench.progress(stage, done, len(pictures))
    return np.concatenate(vectors)


def _known(rgb: RGB) -> ReadPicture:
    return partial(np.asarray, rgb)
