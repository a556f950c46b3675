"""The copied-photo path of the main job, whole and with each of its parts left out."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from index.matcher import Matcher, Part
from index.text import TextMatcher
from jobs.estimates import Estimate, share
from jobs.evaluate_models.bench import Bench
from jobs.evaluate_models.copies import MISPICTURED, PRECISION, Ranking, labeled, one_label_each
from jobs.evaluate_models.datasets import Query
from jobs.evaluate_models.figures import Figures, Measurement
from jobs.evaluate_models.methods import embedding, score_all
from jobs.evaluate_models.retrieval import Scores, rank_pairs, threshold_at_precision

PARTS: Mapping[str, frozenset[Part]] = {
    "whole": frozenset(),
    "without_embedding": frozenset({"embedding"}),
    "without_hash": frozenset({"hash"}),
    "without_votes": frozenset({"votes"}),
    "without_color": frozenset({"color"}),
}
_ABOUT = (
    "Listings, with their titles, of the half that the verifier did not learn from: which are called copies, and of "
    "which product?"
)


def measure_copied_photo_path(bench: Bench) -> list[Measurement]:
    """Recall and precision of the decisions; a copy counts as recalled where its own product is named."""
    shop = bench.shop
    queries = [query for query in shop.queries if query.held_out and query.product not in MISPICTURED]
    label_of = one_label_each(shop.references)
    methods: dict[str, Figures] = {}
    for done, (name, without) in enumerate(PARTS.items()):
        named = _decisions(bench, without, queries, base=done * len(queries))
        methods[name] = decision_figures(queries, named, label_of)
    for name, named in _by_embedding(bench, queries, label_of).items():
        methods[name] = decision_figures(queries, named, label_of)
    return [
        Measurement(
            name="copied_photo_path",
            about=_ABOUT,
            methods=methods,
            counts={"listings": len(queries), "copies": sum(query.product is not None for query in queries)},
            notes=(
                f"a match counts from a confidence of {bench.thresholds.copy:.6f}, set by the drawn distractors for a "
                f"false-match rate of {bench.settings.false_match_rate:g}",
                "without_geometry names the product of the nearest embedding, from the similarity that the same "
                f"distractors set; without_geometry_at_{PRECISION}, from the similarity on where precision is "
                f"{PRECISION} on the other half",
            ),
        )
    ]


def decision_figures(
    queries: Sequence[Query], named: Sequence[str | None], label_of: Mapping[str, str]
) -> dict[str, Estimate]:
    """Of the product that is named for each query, or None: is it a copy, and of this product?"""
    told = list(zip(queries, named, strict=True))
    copies = sum(query.product is not None for query in queries)
    found = sum(query.product is not None and name is not None for query, name in told)
    right = sum(
        query.product is not None and name is not None and label_of[query.product] == label_of[name]
        for query, name in told
    )
    return {
        "recall": share(right, copies),
        "precision": share(right, sum(name is not None for name in named)),
        "copies_found": share(found, copies),
        "false_alarms": share(
            sum(query.product is None and name is not None for query, name in told), len(queries) - copies
        ),
    }


def _decisions(bench: Bench, without: frozenset[Part], queries: Sequence[Query], *, base: int) -> list[str | None]:
    """The product of the best match of each listing, as the main job would name it."""
    texts = TextMatcher(bench.shop.learning.records.products())
    copy_from = bench.thresholds.copy
    matcher = Matcher(bench.artifact, bench.embedder, bench.verifier, texts, copy_from=copy_from, without=without)

    def decide(query: Query) -> str | None:
        if query.listing is None:
            return None
        photos = matcher.match(query.listing, [("", query.read())]).photos
        return photos[0].reference_id if photos else None

    named: list[str | None] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for one in pool.map(decide, queries):
            named.append(one)
            bench.progress("parts left out", base + len(named), len(PARTS) * len(queries))
    return named


def _by_embedding(bench: Bench, queries: Sequence[Query], label_of: Mapping[str, str]) -> dict[str, list[str | None]]:
    """The nearest product, where it is near enough, by either threshold."""
    shop = bench.shop
    learned = [query for query in shop.queries if not query.held_out and query.product not in MISPICTURED]
    space, _ = bench.space("copy")
    scores = score_all(
        [embedding("embedding", bench.embedder, space, normalization=bench.normalization)],
        [query.read for query in (*learned, *queries)],
        [photo.read for photo in shop.references],
        stage="without geometry",
        progress=bench.progress,
    )["embedding"]
    products = tuple(photo.label for photo in shop.references)
    of_learned = Ranking(scores=scores[: len(learned)], products=products)
    ranked = rank_pairs(*labeled(of_learned, learned, np.ones(len(learned), bool), label_of))
    thresholds = {
        "without_geometry": bench.thresholds.copy_similarity,
        f"without_geometry_at_{PRECISION}": threshold_at_precision(ranked, PRECISION),
    }
    return {name: _nearest(scores[len(learned) :], products, least) for name, least in thresholds.items()}


def _nearest(scores: Scores, products: Sequence[str], least: float | None) -> list[str | None]:
    return [
        products[column] if least is not None and row[column] >= least else None
        for row, column in zip(scores, scores.argmax(axis=1), strict=True)
    ]
