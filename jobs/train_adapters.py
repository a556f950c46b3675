"""Teach an embedder what people said of pictures, by adapters alone: in seconds, on any machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from domain.errors import BadInput
from domain.progress import Progress, silent
from domain.settings import Settings
from index.background import BACKGROUND_FILE, load_background
from index.embedder import Embedder, Space
from jobs.review_examples import reviews_digest, training_reviews
from jobs.reviewed_pairs import ReviewedPair, embed_pictures, read_pairs
from store.interfaces import EvidenceReader, Records

if TYPE_CHECKING:
    from training.adapters import JudgedVectors


@dataclass(frozen=True, kw_only=True, slots=True)
class AdapterReport:
    """What was learned from, and where the result lies."""

    model: Path
    version: str
    base: str
    """Version of the embedder that was adapted."""
    confirmed: Mapping[str, int]
    """Pairs that are the same, by space."""
    rejected: Mapping[str, int]
    """Pairs that are not."""
    unreadable: int
    """Pairs of which a picture could not be read."""


def train_adapters(
    records: Records,
    evidence: EvidenceReader,
    settings: Settings,
    base: Path,
    out_dir: Path,
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> AdapterReport:
    """Learn from the reviews that may train; the adapted embedder, complete, goes to `out_dir`.

    `base` is the ONNX file of the embedder to start from. Raises BadInput where no review says anything of pictures,
    or `out_dir` is the base's, NotReady for a base that is broken.
    """
    from training.adapters import RANK, train_adapter, write_adapted
    from training.revision import source_commit

    embedder = Embedder(base, threads=1)
    reviews = training_reviews(records)
    pairs, unreadable = read_pairs(reviews, evidence, settings, size=embedder.size)
    by_space = {space: [pair for pair in pairs if pair.space == space] for space in sorted(embedder.spaces)}
    learned = {space: own for space, own in by_space.items() if own}
    if not learned:
        raise BadInput(
            "no review that may train says anything of pictures",
            field="--reviews",
            advice="Confirm or reject listings with copied photos or logos first: assayer cases confirm CASE_ID.",
        )
    dimensions = {space: embedder.dimensions(space) for space in learned}
    anchors = load_background(base.with_name(BACKGROUND_FILE), embedder=embedder.version, dimensions=dimensions)
    adapters = {}
    for done, (space, own) in enumerate(learned.items(), start=1):
        adapters[space] = train_adapter(_vectors(embedder, own, space), anchors[space], seed=seed)
        progress("adapters", done, len(learned))
    confirmed, rejected = _counts(learned, same=True), _counts(learned, same=False)
    told = {
        "rank": RANK,
        "of": embedder.version,
        "sha256": embedder.manifest.sha256,
        "reviews": reviews_digest(reviews),
        "confirmed": confirmed,
        "rejected": rejected,
        "command": f"assayer train embedder --reviews --adapters --seed {seed}",
        "commit": source_commit(),
    }
    model = write_adapted(base, out_dir, adapters, {"adapters": told})
    return AdapterReport(
        model=model,
        version=Embedder(model).version,
        base=embedder.version,
        confirmed=confirmed,
        rejected=rejected,
        unreadable=unreadable,
    )


def _vectors(embedder: Embedder, pairs: Sequence[ReviewedPair], space: Space) -> JudgedVectors:
    from training.adapters import JudgedVectors

    return JudgedVectors(
        seen=embed_pictures(embedder, [pair.seen for pair in pairs], space),
        references=embed_pictures(embedder, [pair.reference for pair in pairs], space),
        same=np.array([pair.same for pair in pairs]),
    )


def _counts(learned: Mapping[Space, Sequence[ReviewedPair]], *, same: bool) -> dict[str, int]:
    return {space: sum(pair.same == same for pair in own) for space, own in learned.items()}
