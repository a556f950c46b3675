"""A catalog of 10,000 logos: what it weighs, how long it takes to search, and what it does to naming and rejection.

The car logos stand in it among marks that nobody looks for: of the training split, and drawn by rule. Each is taken
apart, described and embedded as any logo is.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domain.errors import BadInput
from index.logo_features import look_at
from index.logo_files import write_logos
from index.logo_index import LogoIndex, LogoPicture
from index.logo_regions import grid, region_views
from jobs.estimates import Estimate
from jobs.evaluate_models.altered_logos import typeface
from jobs.evaluate_models.bench import Bench
from jobs.evaluate_models.figures import Figures, Measurement, exact
from jobs.evaluate_models.logo_eyes import Answer, LogoEyes, answer_of, open_logo_eyes
from jobs.evaluate_models.logo_naming import naming_figures, rejection_figures
from jobs.evaluate_models.logo_sets import car_logos, mark_logo
from jobs.evaluate_models.retrieval import over_queries
from jobs.logo_pictures import LogoScene, LogoSet

LOGOS = 10_000
MOST_REAL = 3_000
_ROUNDS = 3
_NEIGHBORS = 24
_SEED = 90_000
_ABOUT = (
    "Photographs of car badges, of clothes and of groceries: a catalog of the car logos alone, and one in which they "
    "stand among as many others as make the number."
)
_NOTES = (
    "search_ratio: time of nearest vectors and of votes of local features for one photograph, over the small catalog's",
    "picture_ratio: the same of all that is done with a photograph",
)


def measure_logo_catalog(bench: Bench) -> list[Measurement]:
    """Nothing, and the reason, where marks cannot be drawn or a model is missing."""
    if find_spec("torch") is None or find_spec("resvg_py") is None:
        bench.leave_out("logo_catalog", None, "drawing marks needs torch and resvg-py: pip install 'assayer[train]'")
        return []
    eyes = open_logo_eyes(bench, "logo_catalog", remember=False)
    if eyes is None:
        return []
    small = car_logos(bench.data)
    others = list(other_logos(bench, LOGOS - len(small.logos)))
    large = replace(small, name="large", logos=(*small.logos, *others))
    # rows that resemble each other fill the same cells of the search structure: they come in no order
    sets = [small, replace(large, logos=tuple(shuffled(large.logos)))]
    indexes = [eyes.index(one, bench.progress) for one in sets]
    times = search_seconds(bench, eyes, indexes, [scene for scene in small.scenes if scene.brand])
    looked = _look(bench, eyes, indexes, sets)
    methods: dict[str, Figures] = {}
    for n, one in enumerate(sets):
        answers, whole = looked[n]
        known = [number for number, scene in enumerate(one.scenes) if scene.brand is not None]
        methods[f"logos_{len(one.logos)}"] = {
            "index_bytes": exact(index_bytes(indexes[n])),
            "search_ratio": _time_ratio(times[0], times[n]),
            "picture_ratio": _time_ratio(looked[0][1], whole),
            **naming_figures([one.scenes[k] for k in known], [answers[k] for k in known], served=True),
            **rejection_figures(one.scenes, answers, served=True),
        }
    return [
        Measurement(
            name="logo_catalog_10000",
            about=_ABOUT,
            methods=methods,
            counts={
                "photographs": len(small.scenes),
                "with_a_known_mark": sum(scene.brand is not None for scene in small.scenes),
                "logos": len(large.logos),
                "variants": len(indexes[1].references),
            },
            notes=_NOTES,
        )
    ]


def _look(
    bench: Bench, eyes: LogoEyes, indexes: Sequence[LogoIndex], sets: Sequence[LogoSet]
) -> list[tuple[list[Answer], NDArray[np.float64]]]:
    """Of each catalog what the line says of every photograph, and the seconds that it took, catalogs in turns."""
    matchers = [eyes.matcher(index, one) for index, one in zip(indexes, sets, strict=True)]
    answers: list[list[Answer]] = [[] for _ in matchers]
    seconds = np.zeros((len(matchers), len(sets[0].scenes)))
    for number, scene in enumerate(sets[0].scenes):
        for which in (0, 1) if number % 2 else (1, 0):
            began = time.perf_counter()
            found = matchers[which].candidates(scene.picture)
            seconds[which, number] = time.perf_counter() - began
            answers[which].append(answer_of(matchers[which], found))
        bench.progress("large catalog", number + 1, len(sets[0].scenes))
    return list(zip(answers, seconds, strict=True))


def search_seconds(
    bench: Bench, eyes: LogoEyes, indexes: Sequence[LogoIndex], scenes: Sequence[LogoScene]
) -> NDArray[np.float64]:
    """(indexes, scenes) seconds that a photograph's vectors and local features are searched for, the best of rounds."""
    seconds = np.full((len(indexes), len(scenes)), np.inf)
    for number, scene in enumerate(scenes):
        views = [region_views(scene.picture, region.box, eyes.embedder.size) for region in grid(scene.picture)]
        vectors = bench.embedder.embed(np.concatenate(views), "mark") if "mark" in bench.embedder.spaces else None
        descriptors = look_at(scene.picture).features.unit_descriptors()
        for _ in range(_ROUNDS):
            for which, index in enumerate(indexes):
                began = time.perf_counter()
                if vectors is not None:
                    index.search(vectors, _NEIGHBORS)
                index.votes.vote(descriptors, len(index.references))
                seconds[which, number] = min(seconds[which, number], time.perf_counter() - began)
    return seconds


def _time_ratio(base: NDArray[np.float64], other: NDArray[np.float64]) -> Estimate:
    if not len(base):
        return Estimate()
    return over_queries(lambda weights: float(weights @ other) / float(weights @ base), len(base))


def index_bytes(index: LogoIndex) -> int:
    """On disk, as `assayer index build` writes it."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "logos"
        write_logos(folder, index)
        return sum(path.stat().st_size for path in folder.iterdir())


def other_logos(bench: Bench, count: int) -> Iterator[LogoPicture]:
    """Marks of the training split, whose brands no photograph here shows; then marks by rule, the same each time.

    Words are set in the typefaces that come with Matplotlib, which are the same on every machine.
    """
    from training.mark_masks import render_mark
    from training.splits import split_of
    from training.synthetic_marks import synthetic_mark

    drawn = 0
    for path in sorted((bench.data / "marks" / "svg").glob("*.svg")):
        if drawn == min(count, MOST_REAL):
            break
        if split_of("mark", path.stem) != "train":
            continue
        try:
            mask = render_mark(path.read_bytes())
        except BadInput:  # an outline without a shape is nobody's mark
            continue
        drawn += 1
        yield mark_logo(path.stem, mask)
    fonts = sorted(typeface().parent.glob("DejaVu*.ttf"))
    generator = np.random.default_rng(_SEED)
    for number in range(count - drawn):
        yield mark_logo(f"invented {number}", synthetic_mark(generator, fonts, []))


def shuffled(logos: Sequence[LogoPicture]) -> list[LogoPicture]:
    """The same order each time."""
    return [logos[number] for number in np.random.default_rng(_SEED).permutation(len(logos))]
