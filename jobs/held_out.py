"""A candidate beside the model in use, on examples that trained neither of them here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from domain.progress import Progress, silent
from domain.promotion import Comparison, ModelKind
from index.embedder import Embedder, Space
from jobs.learning_sets import folder_set, trains
from jobs.paired_bootstrap import Figure, Floats, compare
from jobs.quantize_embedder import edited_copies
from jobs.review_examples import held_out_reviews, review_examples
from jobs.reviewed_pairs import ReviewedPair, embed_pictures, read_pairs
from jobs.train_classifier import Examples, LogoFinders, gather_examples
from jobs.workspace import Workspace
from scoring.combiner import Combiner
from store.images import RGB

if TYPE_CHECKING:
    from training.sources import Sources

LOG_LOSS = Figure(name="log loss", larger_is_better=False, tolerated=0.001)
FALSE_ALARMS = Figure(name="legitimate listings over the enforce threshold", larger_is_better=False, tolerated=0.0)
RECALL = Figure(name="infringing listings over the enforce threshold", larger_is_better=True, tolerated=0.02)
COPIES = Figure(name="copies found (recall@1)", larger_is_better=True, tolerated=0.005)
MARKS = Figure(name="marks named (recall@1)", larger_is_better=True, tolerated=0.005)
PAIRS = Figure(name="reviewed pairs told apart", larger_is_better=True, tolerated=0.0)
_SURE = 1e-9
_COPIES, _PHOTOS, _SIDE = 1_000, 1_000, 256
_MARK_SIDE, _MARK_STRENGTH = 128, 0.6
"""Of composed scenes; as hard as copies are edited here."""


def compare_combiners(in_use: Combiner, candidate: Combiner, held_out: Sequence[Examples]) -> tuple[Comparison, ...]:
    """All listings of all sets together, each weighing the same. The sets hold one listing or more between them."""
    rows = np.concatenate([examples.features for examples in held_out])
    infringing = np.concatenate([examples.infringing for examples in held_out])
    groups = [group for examples in held_out for group in examples.groups]
    names = " and ".join(examples.source for examples in held_out)
    said = [model.probabilities(rows) for model in (in_use, candidate)]
    enforced = [
        (given >= model.manifest.thresholds.enforce).astype(np.float64)
        for model, given in zip((in_use, candidate), said, strict=True)
    ]

    def of(figure: Figure, values: Sequence[Floats], counted: NDArray[np.bool_]) -> Iterator[Comparison]:
        if counted.any():
            kept = [group for group, counts in zip(groups, counted, strict=True) if counts]
            yield compare(ModelKind.COMBINER, figure, names, values[0][counted], values[1][counted], kept)

    every = np.ones(len(infringing), bool)
    return (
        *of(LOG_LOSS, [_log_losses(given, infringing) for given in said], every),
        *of(FALSE_ALARMS, enforced, ~infringing),
        *of(RECALL, enforced, infringing),
    )


def _log_losses(probabilities: Floats, infringing: NDArray[np.bool_]) -> Floats:
    """(n,), in nats."""
    return np.asarray(-np.log(np.clip(np.where(infringing, probabilities, 1 - probabilities), _SURE, 1)), np.float64)


def combiner_examples(
    work: Workspace,
    data: Path | None,
    *,
    logo_finders: LogoFinders = lambda learning: None,
    progress: Progress = silent,
) -> list[Examples]:
    """The reviews kept back, and the half of ``realshop`` in `data` that trains nothing; without what is empty."""
    found = [review_examples(held_out_reviews(work.records))]
    if data is not None and (data / "realshop").is_dir():
        shop = folder_set(
            "realshop", data / "realshop", work.settings, keep=lambda row, titles: not trains(row, titles)
        )
        found.append(
            gather_examples(shop, work.embedder, work.models_dir, work.settings, progress, logos=logo_finders(shop))
        )
    return [examples for examples in found if len(examples.groups)]


def compare_embedders(
    in_use: Embedder, candidate: Embedder, work: Workspace, data: Path | None
) -> tuple[Comparison, ...]:
    """On pictures of `data` that validate, and on reviewed pairs that are kept back; empty where there are neither."""
    compared = list(_by_reviews(in_use, candidate, work))
    if data is not None:
        from training.sources import load_sources

        sources = load_sources(
            data, "validation", photo_side=_SIDE, max_photos=_PHOTOS, max_marks=500, cut_out=False, fewest=2
        )
        compared += [_by_copies(in_use, candidate, sources), *_by_marks(in_use, candidate, sources)]
    return tuple(compared)


def _by_copies(in_use: Embedder, candidate: Embedder, sources: Sources) -> Comparison:
    copies, origins = edited_copies(sources, _COPIES, seed=2)

    def hits(embedder: Embedder) -> Floats:
        likeness = embed_pictures(embedder, copies, "copy") @ embed_pictures(embedder, sources.photos, "copy").T
        return np.asarray(likeness.argmax(axis=1) == origins, np.float64)

    groups = [str(origin) for origin in origins]
    return compare(ModelKind.EMBEDDER, COPIES, "validation photographs", hits(in_use), hits(candidate), groups)


def _by_marks(in_use: Embedder, candidate: Embedder, sources: Sources) -> Iterator[Comparison]:
    if len(sources.marks) < 2 or "mark" not in in_use.spaces:
        return
    pictures, black, white = (_pictures(part) for part in _mark_scenes(sources))

    def hits(embedder: Embedder) -> Floats:
        seen, dark, light = (embed_pictures(embedder, part, "mark") for part in (pictures, black, white))
        likeness = np.maximum(seen @ dark.T, seen @ light.T)
        return np.asarray(likeness.argmax(axis=1) == np.arange(len(seen)) % len(dark), np.float64)

    groups = [str(number % len(black)) for number in range(len(pictures))]
    yield compare(ModelKind.EMBEDDER, MARKS, "validation marks", hits(in_use), hits(candidate), groups)


def _pictures(views: object) -> list[RGB]:
    """Of a tensor (n, 3, s, s) from 0 to 1."""
    levels = np.asarray(views, np.float32)
    return [
        np.ascontiguousarray((255 * view).round().clip(0, 255).astype(np.uint8).transpose(1, 2, 0)) for view in levels
    ]


def _mark_scenes(sources: Sources) -> tuple[object, object, object]:
    """Scenes (2 n), and n clean marks in black and in white; row i of the scenes shows mark i modulo n."""
    import torch

    from training.batches import photo_grounds
    from training.mark_scenes import compose_marks, reference_marks

    masks = torch.from_numpy(sources.marks).float() / 255
    grounds = photo_grounds(sources, np.random.default_rng(3), _MARK_SIDE, 2 * len(masks)).float() / 255
    scenes = compose_marks(masks.repeat(2, 1, 1), grounds, torch.Generator().manual_seed(3), strength=_MARK_STRENGTH)
    return (scenes.pictures, *reference_marks(masks, size=_MARK_SIDE))


def _by_reviews(in_use: Embedder, candidate: Embedder, work: Workspace) -> Iterator[Comparison]:
    size = max(in_use.size, candidate.size)
    pairs, _ = read_pairs(held_out_reviews(work.records), work.evidence, work.settings, size=size)
    for space in sorted({pair.space for pair in pairs} & in_use.spaces & candidate.spaces):
        own = [pair for pair in pairs if pair.space == space]
        if len({pair.same for pair in own}) == 2:
            before, after = (told_apart(pair_likeness(model, own, space), own) for model in (in_use, candidate))
            groups = [pair.group for pair in own]
            yield compare(ModelKind.EMBEDDER, PAIRS, f"held-out reviews, {space}", before, after, groups)


def pair_likeness(embedder: Embedder, pairs: Sequence[ReviewedPair], space: Space) -> NDArray[np.float32]:
    """(n,) cosine of what was seen to its reference."""
    seen = embed_pictures(embedder, [pair.seen for pair in pairs], space)
    return np.asarray((seen * embed_pictures(embedder, [pair.reference for pair in pairs], space)).sum(axis=1))


def told_apart(likeness: NDArray[np.float32], pairs: Sequence[ReviewedPair]) -> Floats:
    """(n,) of each confirmed pair the share of rejected ones that are less alike, and the other way round.

    Its mean over either kind is the area under the ROC curve; a tie counts half.
    """
    same = np.array([pair.same for pair in pairs])
    ahead = (likeness[same][:, None] > likeness[~same]) + 0.5 * (likeness[same][:, None] == likeness[~same])
    told = np.empty(len(pairs), np.float64)
    told[same], told[~same] = ahead.mean(axis=1), ahead.mean(axis=0)
    return told
