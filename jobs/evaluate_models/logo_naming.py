"""Whose logo is that, and is it anybody's? Photographs that bear a mark of the catalog, and photographs that do not.

Only brands that trained nothing measure: makes of cars that did not weigh the eyes, marks of the test split, and the
brands of packages. A photograph that a reference was cut from is not looked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec

import numpy as np

from index.logo_matcher import Eye
from jobs.estimates import Estimate, share
from jobs.evaluate_models.bench import Bench
from jobs.evaluate_models.figures import Measurement, exact
from jobs.evaluate_models.logo_baselines import baseline_answers, baselines
from jobs.evaluate_models.logo_eyes import ALONE, LINE, Answer, LogoEyes, ask, open_logo_eyes
from jobs.evaluate_models.logo_sets import badges, car_logos, composed_marks, logo_name, one_reference_each, packages
from jobs.logo_pictures import LogoScene, LogoSet

FALSE_NAMING = (0.01, 0.02, 0.05)
"""Shares of photographs without a known mark in which one may be named."""
_REJECTION_NOTES = (
    "recall_at_r: right answers over the score that at most the share r of photographs without a known mark exceeds",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """What methods say of a set's scenes."""

    whole: Mapping[str, Sequence[Answer]]
    """By method, of every scene: the line, and the baselines."""
    alone: Mapping[str, Sequence[Answer]] = field(default_factory=dict)
    """Each eye by itself, of the scenes that bear a mark of the catalog."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NamingSet:
    """A catalog with its photographs, and what is measured on them."""

    name: str
    about: str
    logos: LogoSet
    taken_apart: bool = True
    """Whether eyes are measured alone, and baselines beside them."""
    notes: tuple[str, ...] = ()


def measure_logo_naming(bench: Bench) -> list[Measurement]:
    """Naming on every set, rejection on those with photographs of no known mark, and rejection on all of them."""
    eyes = open_logo_eyes(bench, "logo_naming")
    if eyes is None:
        return []
    naming, rejection = [], []
    pooled: list[tuple[NamingSet, Answered]] = []
    for one in naming_sets(bench):
        answered = answers_of(bench, eyes, one)
        naming.append(_naming(one, answered))
        if any(scene.brand is None for scene in one.logos.scenes):
            rejection.append(_rejection(one, answered))
            pooled.append((one, answered))
    return [*naming, *rejection, _pooled(pooled)]


def naming_sets(bench: Bench) -> list[NamingSet]:
    """The sets of this run; what cannot be composed is left out."""
    cars = car_logos(bench.data)
    five = badges(bench.data)
    known = tuple(scene for scene in five.scenes if scene.brand)
    sets = [
        NamingSet(
            name="car_logos",
            about="Real photographs of car badges, as they are, among all clean car logos.",
            logos=cars,
        ),
        NamingSet(
            name="badges_clean",
            about="Badges set into whole photographs, among all clean car logos.",
            logos=replace(
                cars,
                name="badges_clean",
                scenes=tuple(replace(scene, brand=logo_name(str(scene.brand))) for scene in known),
            ),
            taken_apart=False,
        ),
        NamingSet(
            name="badges_one",
            about="Badges set into whole photographs, by one photograph of each make's badge.",
            logos=one_reference_each(replace(five, scenes=known)),
            taken_apart=False,
        ),
        NamingSet(
            name="badges_five",
            about="Badges set into whole photographs, by five photographs of each make's badge.",
            logos=five,
        ),
    ]
    crops = packages(bench.data)
    shelves = ("what stands behind a package is not labeled; that it is named besides is no error here",)
    shown = tuple(scene for scene in crops.scenes if scene.brand)
    about = "People's photographs of packages, by {} of each brand's mark cut from other photographs."
    sets += [
        NamingSet(
            name="packages_one",
            about=about.format("one picture"),
            logos=one_reference_each(replace(crops, scenes=shown)),
            taken_apart=False,
            notes=shelves,
        ),
        NamingSet(name="packages_five", about=about.format("five pictures"), logos=crops, notes=shelves),
    ]
    if find_spec("torch") is None or find_spec("resvg_py") is None:
        reason = "composing needs torch and resvg-py: pip install 'assayer[train]'"
        bench.leave_out("logo_naming_composed", None, reason)
    else:
        about = "Marks of unseen brands on composed photographs, by one clean picture of each."
        sets.append(NamingSet(name="composed", about=about, logos=composed_marks(bench.data)))
    return sets


def answers_of(bench: Bench, eyes: LogoEyes, one: NamingSet) -> Answered:
    """What the line, its eyes alone and the baselines say of the set's scenes."""
    stage, scenes = f"logos {one.name}", one.logos.scenes
    index = eyes.index(one.logos, bench.progress)

    def asked(name: str, without: frozenset[Eye], shown: Sequence[LogoScene]) -> list[Answer]:
        return ask(eyes.matcher(index, one.logos, without), shown, f"{stage}, {name}", bench.progress)

    whole = {LINE: asked(LINE, frozenset(), scenes)}
    if not one.taken_apart:
        return Answered(whole=whole)
    space, _ = bench.space("mark")
    whole |= baseline_answers(bench, one.logos, baselines(eyes.embedder, space), f"{stage}, baselines")
    known = [scene for scene in scenes if scene.brand is not None]
    alone = {
        name: asked(name, without, known)
        for name, without in ALONE.items()
        if eyes.detector is not None or name != "embedding_alone"
    }
    return Answered(whole=whole, alone=alone)


def _naming(one: NamingSet, answered: Answered) -> Measurement:
    known = [number for number, scene in enumerate(one.logos.scenes) if scene.brand is not None]
    scenes = [one.logos.scenes[number] for number in known]
    brands = {logo.brand for logo in one.logos.logos}
    by_method = {name: [given[number] for number in known] for name, given in answered.whole.items()}
    line = {LINE: naming_figures(scenes, by_method.pop(LINE), served=True)}
    others = {**answered.alone, **by_method}
    methods = line | {name: naming_figures(scenes, given, served=False) for name, given in others.items()}
    return Measurement(
        name=f"logo_naming_{one.name}",
        about=one.about,
        methods=methods | {"chance": {"top_1": exact(1 / len(brands))}},
        counts={
            "photographs": len(scenes),
            "brands_shown": len({scene.brand for scene in scenes}),
            "brands_in_catalog": len(brands),
            "logo_pictures": len(one.logos.logos),
        },
        notes=one.notes,
    )


def naming_figures(scenes: Sequence[LogoScene], answers: Sequence[Answer], *, served: bool) -> dict[str, Estimate]:
    """Of photographs that bear a mark of the catalog; `served`: at the threshold that is served with, too."""
    known = list(zip(scenes, answers, strict=True))
    figures = {"top_1": share(sum(answer.brand == scene.brand for scene, answer in known), len(known))}
    if served:
        right = sum(scene.brand in answer.named for scene, answer in known)
        wrong = sum(any(name != scene.brand for name in answer.named) for scene, answer in known)
        figures |= {"named_right": share(right, len(known)), "named_wrong": share(wrong, len(known))}
    return figures


def _rejection(one: NamingSet, answered: Answered) -> Measurement:
    scenes = one.logos.scenes
    return Measurement(
        name=f"logo_rejection_{one.name}",
        about=f"{one.about} And photographs that bear no mark of the catalog: is one named?",
        methods={name: rejection_figures(scenes, given, served=name == LINE) for name, given in answered.whole.items()},
        counts=_rejected_counts(scenes),
        notes=_REJECTION_NOTES,
    )


def _pooled(measured: Sequence[tuple[NamingSet, Answered]]) -> Measurement:
    """All sets with photographs of no known mark as one: one threshold for all catalogs, as it is served."""
    scenes = [scene for one, _ in measured for scene in one.logos.scenes]
    names = list(dict.fromkeys(name for _, answered in measured for name in answered.whole))
    methods = {
        name: rejection_figures(
            scenes, [a for _, answered in measured for a in answered.whole[name]], served=name == LINE
        )
        for name in names
        if all(name in answered.whole for _, answered in measured)
    }
    return Measurement(
        name="logo_rejection",
        about="All catalogs that were measured with photographs of no known mark, at one threshold.",
        methods=methods,
        counts=_rejected_counts(scenes),
        notes=_REJECTION_NOTES,
    )


def _rejected_counts(scenes: Sequence[LogoScene]) -> dict[str, int]:
    kinds = Counter(scene.kind for scene in scenes if scene.brand is None)
    marked = {"with_a_known_mark": sum(scene.brand is not None for scene in scenes)}
    return marked | {_figure_name(kind): count for kind, count in sorted(kinds.items())}


def rejection_figures(scenes: Sequence[LogoScene], answers: Sequence[Answer], *, served: bool) -> dict[str, Estimate]:
    """False naming in photographs of no known mark, of each kind, and the share of the others that is named right.

    At the threshold that is served with, where there is one; and at those that let FALSE_NAMING through.
    """
    pairs = list(zip(scenes, answers, strict=True))
    known = [(scene, answer) for scene, answer in pairs if scene.brand is not None]
    unknown = [(scene, answer) for scene, answer in pairs if scene.brand is None]
    figures: dict[str, Estimate] = {}
    if served:
        figures["false_naming"] = share(sum(bool(answer.named) for _, answer in unknown), len(unknown))
        for kind in sorted({scene.kind for scene, _ in unknown}):
            named = [bool(answer.named) for scene, answer in unknown if scene.kind == kind]
            figures[f"false_naming_{_figure_name(kind)}"] = share(sum(named), len(named))
        figures["recall"] = share(sum(scene.brand in answer.named for scene, answer in known), len(known))
    for rate in FALSE_NAMING:
        least = threshold_at([answer.score for _, answer in unknown], rate)
        right = sum(answer.brand == scene.brand and answer.score > least for scene, answer in known)
        figures[f"recall_at_{rate:g}"] = share(right, len(known))
    return figures


def threshold_at(scores: Sequence[float], rate: float) -> float:
    """The score over which at most `rate` of `scores` are; -inf where all may be."""
    allowed = int(np.floor(rate * len(scores) + 1e-9))
    return sorted(scores, reverse=True)[allowed] if allowed < len(scores) else -np.inf


def _figure_name(kind: str) -> str:
    return kind.replace(" ", "_")
