"""Teach the verifier which aligned pairs are one photograph: from composed copies, marketplaces and a training half."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domain.progress import Progress, silent
from domain.settings import Settings
from index.build import build_artifact
from index.calibration import LIKELY_COPY
from index.embedder import Embedder
from index.matcher import Candidate, Matcher
from index.text import TextMatcher
from index.verification import FEATURE_NAMES, SPEAKS_AGAINST, Verifier
from jobs.learning_sets import MARKETPLACE_SEEDS, LearningSet, composed_set, folder_set, marketplace_set, trains
from jobs.provenance import out_of_fold_figures, provenance
from jobs.read_pictures import read_pictures
from store.images import RGB, decode_image
from training.revision import source_commit
from training.splits import Split

_UNTRAINED = Verifier(version="untrained", weights=(0.0,) * len(FEATURE_NAMES), intercept=0.0)
_PHOTO_SIDE = 480


@dataclass(frozen=True, kw_only=True, slots=True)
class Pairs:
    """Aligned (reference, listing picture) pairs of one learning set."""

    source: str
    features: NDArray[np.float32]
    """(n, 10), see index.verification.FEATURE_NAMES."""
    copied: NDArray[np.bool_]
    """(n,) whether the listing picture was made from the reference's product photo."""
    groups: tuple[str, ...]
    """(n,) the reference product of each pair: what may not stand on both sides of a fold."""


def verifier_sets(data_dir: Path, settings: Settings) -> Iterator[LearningSet]:
    """All sets to learn from; `data_dir` holds ``clothing`` and ``realshop``, each optional."""
    for seed in MARKETPLACE_SEEDS[:2]:
        yield marketplace_set(seed, settings)
    if (data_dir / "clothing").is_dir():
        yield from composed_sets(data_dir, split="train", seed=1)
    if (data_dir / "realshop").is_dir():
        realshop = folder_set("realshop", data_dir / "realshop", settings, keep=trains)
        yield replace(realshop, datasets=("realshop",))


def composed_sets(data_dir: Path, *, split: Split, seed: int, most: int = 400) -> Iterator[LearningSet]:
    """Copies of photographs in rooms and of cut-out goods on white, edited from lightly to as harsh as composed."""
    from training.edits import edit_copy
    from training.photographs import cut_object
    from training.sources import load_sources

    sources = load_sources(data_dir, split, max_photos=most, max_marks=200, cut_out=False, photo_side=_PHOTO_SIDE)

    def edit(rgb: RGB, generator: np.random.Generator) -> RGB:
        return edit_copy(rgb, sources, generator, strength=float(generator.uniform(0.3, 1.0)))

    photos = list(zip(sources.classes, sources.photos, strict=True))
    yield replace(composed_set(f"composed-rooms-{split}", photos, edit, seed=seed), datasets=sources.datasets)
    cut = [(name, _on_white(*done)) for name, photo in photos if (done := cut_object(photo))]
    yield replace(composed_set(f"composed-white-{split}", cut, edit, seed=seed + 1), datasets=sources.datasets)


def gather_pairs(learning: LearningSet, embedder: Embedder, settings: Settings, progress: Progress = silent) -> Pairs:
    """Every pair that aligns, with its truth. Of twins only the chosen one counts."""
    matcher = learning_matcher(learning, embedder)
    rows: list[NDArray[np.float32]] = []
    copied: list[bool] = []
    groups: list[str] = []
    listings = [listing for listing in learning.records.listings() if listing.listing_id in learning.truth]
    for done, listing in enumerate(listings, start=1):
        truth = learning.truth[listing.listing_id]
        pictures, _ = read_pictures(listing, learning.evidence, settings)
        # an authorized seller's picture is made from the catalog's as well; that it may be is a guard's matter
        is_copy = truth.kind in ("copied_photo", "authorised") or "copied_photo" in truth.violations
        for _, rgb in pictures:
            for candidate, shows_product in _told_apart(matcher, rgb, truth.reference_id):
                rows.append(candidate.features)
                copied.append(is_copy and shows_product)
                groups.append(f"{learning.name}/{matcher.artifact.references[candidate.number].reference_id}")
        progress(f"pairs of {learning.name}", done, len(listings))
    return Pairs(
        source=learning.name,
        features=np.asarray(rows, np.float32).reshape(-1, len(FEATURE_NAMES)),
        copied=np.asarray(copied, bool),
        groups=tuple(groups),
    )


def _told_apart(matcher: Matcher, rgb: RGB, reference_id: str | None) -> list[tuple[Candidate, bool]]:
    """The chosen candidate of each group, and whether it shows the product that the truth names.

    A product has several photographs and the truth does not say which one was copied: of those that align, the one
    that agrees best stands for it, and the others teach nothing.
    """
    right: list[Candidate] = []
    told: list[tuple[Candidate, bool]] = []
    for group in matcher.candidates(rgb):
        chosen = matcher.choose(group)
        if reference_id in {matcher.artifact.references[one.number].reference_id for one in group}:
            right.append(chosen)
        else:
            told.append((chosen, False))
    if right:
        told.append((max(right, key=lambda candidate: float(candidate.features[:2].sum())), True))
    return told


def learning_matcher(learning: LearningSet, embedder: Embedder, verifier: Verifier = _UNTRAINED) -> Matcher:
    """A matcher over a learning set's catalog, in memory."""
    products = learning.records.products()
    artifact = build_artifact(
        products,
        lambda sha256: decode_image(learning.evidence.read(sha256)),
        embedder,
        catalog_digest=learning.records.catalog_digest(),
        embedder=embedder.version,
    )
    return Matcher(artifact, embedder, verifier, TextMatcher(products))


def _on_white(picture: RGB, mask: NDArray[np.uint8]) -> RGB:
    """A cut-out object on a white ground with margins, as catalogs show goods."""
    margin = max(picture.shape[:2]) // 8
    alpha = mask[:, :, None].astype(np.float32) / 255
    plain = np.asarray(picture * alpha + 255 * (1 - alpha), np.uint8)
    return np.pad(plain, ((margin, margin), (margin, margin), (0, 0)), constant_values=255)


def train_verifier(
    data_dir: Path, out_dir: Path, embedder: Embedder, settings: Settings, *, progress: Progress = silent
) -> Path:
    """Learn from every set that `data_dir` allows and write ``verifier.json``; its path."""
    from training.classifier import train_classifier

    commit = source_commit()
    gathered, datasets = [], set[str]()
    for one in verifier_sets(data_dir, settings):
        gathered.append(gather_pairs(one, embedder, settings, progress))
        datasets.update(one.datasets)
    copied = np.concatenate([pairs.copied for pairs in gathered])
    trained = train_classifier(
        np.concatenate([pairs.features for pairs in gathered]),
        copied,
        [group for pairs in gathered for group in pairs.groups],
        feature_names=FEATURE_NAMES,
        signal_names=[name for name in FEATURE_NAMES if name not in SPEAKS_AGAINST],
        guard_names=SPEAKS_AGAINST,
        sources=[pairs.source for pairs in gathered for _ in pairs.groups],
        # geometry is plain enough that the strongest tolerable penalty would only blur the verdict
        l2_grid=(1e-4, 3e-4, 1e-3),
    )
    manifest = {
        "name": "verifier",
        "version": "1",
        "feature_names": list(FEATURE_NAMES),
        "weights": list(trained.weights),
        "intercept": trained.intercept,
        **provenance(
            datasets,
            command="assayer train verifier --data DIR",
            learned_with={"embedder": embedder.version},
            commit=commit,
        ),
        "trained_on": {
            pairs.source: {"pairs": len(pairs.copied), "copied": int(pairs.copied.sum())} for pairs in gathered
        },
        "measured_out_of_fold": out_of_fold_figures(trained.out_of_fold, copied, {"match": LIKELY_COPY}),
    }
    path = out_dir / "verifier.json"
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    partial.replace(path)
    return path
