"""Learn what the eyes are worth together: from photographs of marks that measure nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domain.catalog import Brand, RightsHolder
from domain.progress import Progress, silent
from index.calibration import conformal_threshold
from index.logistic import LogisticModel
from index.logo_index import build_logo_index
from index.logo_matcher import LogoCandidate
from index.logo_regions import overlap_of_smaller
from index.logo_verifier import FEATURE_NAMES, LogoVerifier
from jobs.logo_pictures import HOLDER, LogoScene, LogoSet, badge_set, composed_set
from jobs.logo_search import Eyes
from jobs.provenance import out_of_fold_figures, provenance
from training.revision import source_commit

FALSE_NAMING_RATE = 0.01
"""Share of photographs without a known mark in which one may be named."""
LEAST = 0.5
"""Probability below which no mark is named, whatever the rate allows."""
_MOST_WRONG = 6
"""Candidates of a scene that teach what is wrong, likeliest first by a rough weighing; the rest is far off."""
ROUGH = LogoVerifier(
    model=LogisticModel(version="rough", weights=(3.0, 2.0, 2.0, 1.5, 3.0, 1.0, 4.0, 1.0), intercept=-6.0),
    name_from=1.0,
)
"""To order candidates by before anything is learned."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Weighed:
    """Candidates of one set's scenes."""

    source: str
    features: NDArray[np.float32]
    """(n, k)."""
    right: NDArray[np.bool_]
    scenes: NDArray[np.int64]
    """(n,) scene of each."""
    groups: tuple[str, ...]
    """(n,) brand or scene: what may not stand on both sides of a fold."""
    unknown: frozenset[int]
    """Scenes that show no mark of the catalog."""


def holder_of(logos: LogoSet) -> RightsHolder:
    """Who owns all brands of a set."""
    return RightsHolder(name=HOLDER, brands=tuple(Brand(name=name) for name in sorted({x.brand for x in logos.logos})))


def weigh(logos: LogoSet, eyes: Eyes, progress: Progress = silent) -> Weighed:
    """Every scene looked at: its right candidate and the likeliest wrong ones."""
    matcher = eyes.matcher(build_logo_index(logos.logos, eyes.embedder), ROUGH, [holder_of(logos)])
    rows, right, scenes, groups = [], [], [], []
    for number, scene in enumerate(logos.scenes):
        for candidate, is_right in _taught(matcher.candidates(scene.picture), scene):
            rows.append(candidate.features)
            right.append(is_right)
            scenes.append(number)
            groups.append(f"{logos.name}/{scene.brand or number}")
        progress(f"marks of {logos.name}", number + 1, len(logos.scenes))
    return Weighed(
        source=logos.name,
        features=np.asarray(rows, np.float32).reshape(-1, len(FEATURE_NAMES)),
        right=np.asarray(right, bool),
        scenes=np.asarray(scenes, np.int64),
        groups=tuple(groups),
        unknown=frozenset(number for number, scene in enumerate(logos.scenes) if scene.brand is None),
    )


def _taught(candidates: Sequence[LogoCandidate], scene: LogoScene) -> Iterable[tuple[LogoCandidate, bool]]:
    wrong = 0
    for candidate in candidates:
        if candidate.brand.brand == scene.brand:
            # the right brand by a find elsewhere is luck, and teaches nothing
            if scene.box is None or overlap_of_smaller(candidate.box, scene.box) > LEAST:
                yield candidate, True
        elif wrong < _MOST_WRONG:
            wrong += 1
            yield candidate, False


def train_logo_verifier(data_dir: Path, out_dir: Path, eyes: Eyes, *, progress: Progress = silent) -> Path:
    """Learn from badges of the learning makes and composed marks of the validation split; the path of what is written.

    The threshold is set so that of scenes that show no mark of the catalog FALSE_NAMING_RATE are named. Raises
    BadInput where the photographs are missing.
    """
    from training.classifier import train_classifier

    commit = source_commit()
    sets = [badge_set(data_dir, "learn", a_make=11, without=360), composed_set(data_dir, "validation", unknown=150)]
    gathered = [weigh(one, eyes, progress) for one in sets]
    right = np.concatenate([one.right for one in gathered])
    trained = train_classifier(
        np.concatenate([one.features for one in gathered]),
        right,
        [group for one in gathered for group in one.groups],
        feature_names=FEATURE_NAMES,
        signal_names=FEATURE_NAMES,
        guard_names=(),
        sources=[one.source for one in gathered for _ in one.groups],
        l2_grid=(1e-4, 3e-4, 1e-3, 3e-3),
    )
    name_from = _name_from(gathered, trained.out_of_fold)
    manifest = {
        "name": "logo-verifier",
        "version": "1",
        "feature_names": list(FEATURE_NAMES),
        "weights": list(trained.weights),
        "intercept": trained.intercept,
        "name_from": name_from,
        **provenance(
            {"car_logos", "clothing", "grocery", "marks"},
            command="assayer train logo-verifier --data DIR",
            learned_with={
                "embedder": eyes.embedder.version,
                "detector": eyes.detector.version,
                "reader": eyes.reader.version,
            },
            commit=commit,
            splits="car makes by a hash of their name, jobs/logo_pictures.py; composed marks of the validation split",
            drawn=False,
        ),
        "trained_on": {
            one.source: {
                "scenes": len(set(one.scenes.tolist())),
                "without a known mark": len(one.unknown),
                "candidates": len(one.right),
                "right": int(one.right.sum()),
            }
            for one in gathered
        },
        "measured_out_of_fold": out_of_fold_figures(trained.out_of_fold, right, {"named": name_from}),
    }
    path = out_dir / "logo-verifier.json"
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    partial.replace(path)
    return path


def _name_from(gathered: Sequence[Weighed], probabilities: NDArray[np.float64]) -> float:
    """Just over what all but FALSE_NAMING_RATE of the scenes without a known mark reach, and no less than LEAST."""
    highest: list[float] = []
    start = 0
    for one in gathered:
        own = probabilities[start : start + len(one.right)]
        highest += [float(own[one.scenes == scene].max(initial=0.0)) for scene in sorted(one.unknown)]
        start += len(one.right)
    return min(1.0, max(LEAST, conformal_threshold(highest, FALSE_NAMING_RATE)))
