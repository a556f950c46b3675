"""Which catalog photo was a picture made from? Over all listings, and over those that no model in use learned from."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from domain.listing import Listing, Seller
from index.agreement import thumbnail
from index.embedder import Space
from index.matcher import Matcher
from index.picture import pdq_distances, pdq_hashes
from index.text import TextMatcher
from jobs.estimates import Estimate
from jobs.evaluate_models.bench import Bench
from jobs.evaluate_models.datasets import Photo, Query, photos_by_class
from jobs.evaluate_models.figures import Figures, Measurement
from jobs.evaluate_models.methods import Method, embedding, score_all
from jobs.evaluate_models.retrieval import (
    Scores,
    Truth,
    best_of_label,
    micro_average_precision,
    over_queries,
    rank_pairs,
    recall_at_precision,
    recalls,
)
from jobs.learning_sets import product_titles
from store.images import RGB

DISTRACTORS = ("clothing/test", "grocery")
PRECISION = 0.99
RANKS = (1, 5, 10)
MISPICTURED = frozenset({"LUMA-WB01-BLACK"})
"""Products of ``realshop`` whose catalog picture shows other goods (a bag where a bra is sold), so that the photograph
that their copies were made from is not in the catalog. Those listings are left out: no answer would be right."""
_SAME_BITS = 4
_SAME_LEVELS = 1.0
_ABOUT = (
    "Listing pictures and photographs of other goods against the catalog's products: which product's catalog photo "
    "was a picture made from, if any?"
)
_LEARNED = "the verifier learned from the other half of these products, so read 'verified' in copies_held_out"
_VARIANTS = "figures named any_color_ count the color variants of a garment as one product"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranking:
    """What a method says of every query."""

    scores: Scores
    """(queries, candidates)."""
    products: tuple[str, ...]
    """(candidates,) the product of each."""


def measure_copies(bench: Bench) -> list[Measurement]:
    """All queries; those of the held-out half; and, of the model, PDQ and the whole, recall by edit."""
    queries = copy_queries(bench)
    rankings = _rankings(bench, queries)
    one_of = one_label_each(bench.shop.references)
    titles = product_titles(bench.shop.learning.records)
    every = np.ones(len(queries), bool)
    held_out = np.array([query.held_out for query in queries])
    return [
        _measurement("copies", queries, rankings, every, one_of, titles, notes=(_VARIANTS, _LEARNED)),
        _measurement("copies_held_out", queries, rankings, held_out, one_of, titles, notes=(_VARIANTS,)),
        _by_edit(queries, rankings, held_out, one_of),
    ]


def copy_queries(bench: Bench) -> list[Query]:
    """The shop's listings, then photographs of other goods that were made from nothing in the catalog."""
    distractors = (Query(read=photo.read, product=None) for photo in photos_by_class(bench.data, *DISTRACTORS))
    return [*(query for query in bench.shop.queries if query.product not in MISPICTURED), *distractors]


def one_label_each(references: Sequence[Photo]) -> dict[str, str]:
    """Product to label: products with the very same photograph, compressed anew, share one.

    No picture alone could tell them apart: PDQ differs in at most 4 of 256 bits, gray levels by under 1 in the mean.
    """
    labels = {photo.label: photo.label for photo in references}
    hashes, thumbs = [], []
    for photo in references:
        rgb = photo.read()
        hashes.append(pdq_hashes(rgb)[0])
        thumbs.append(thumbnail(rgb).astype(np.float32))
    for number, photo in enumerate(references):
        for other in np.flatnonzero(pdq_distances(hashes[number], np.stack(hashes)) <= _SAME_BITS).tolist():
            same_shape = thumbs[other].shape == thumbs[number].shape
            if same_shape and np.abs(thumbs[other] - thumbs[number]).mean() < _SAME_LEVELS:
                labels[photo.label] = min(labels[photo.label], references[other].label)
    return labels


def _rankings(bench: Bench, queries: Sequence[Query]) -> dict[str, Ranking]:
    """Of each method, the whole matcher first."""
    space, _ = bench.space("copy")
    methods = [
        embedding("embedding", bench.embedder, space),
        *_normalized(bench, space),
        *bench.baselines("copies", space),
    ]
    by_picture = score_all(
        methods,
        [query.read for query in queries],
        [photo.read for photo in bench.shop.references],
        stage="copies",
        progress=bench.progress,
    )
    shown = tuple(photo.label for photo in bench.shop.references)
    verified = _verified(bench, queries)
    return {"verified": verified} | {
        name: Ranking(scores=scores, products=shown) for name, scores in by_picture.items()
    }


def _normalized(bench: Bench, space: Space) -> list[Method]:
    if bench.normalization is None:
        bench.leave_out("copies", "embedding_normalized", "no background set came with this embedder")
        return []
    return [embedding("embedding_normalized", bench.embedder, space, normalization=bench.normalization)]


def _verified(bench: Bench, queries: Sequence[Query]) -> Ranking:
    """What the whole matcher says of each picture alone: the confidence of its matches, and nothing of other pairs."""
    matcher = Matcher(bench.artifact, bench.embedder, bench.verifier, TextMatcher([]))
    products = tuple(sorted({photo.label for photo in bench.shop.references}))
    column = {product: number for number, product in enumerate(products)}
    scores = np.full((len(queries), len(products)), -np.inf, np.float32)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        matched = pool.map(lambda query: _matched(matcher, query.read()), queries)
        for row, confidences in enumerate(matched):
            for product, confidence in confidences.items():
                scores[row, column[product]] = confidence
            bench.progress("verify", row + 1, len(queries))
    return Ranking(scores=scores, products=products)


def _matched(matcher: Matcher, rgb: RGB) -> Mapping[str, float]:
    nameless = Listing(marketplace="", listing_id="", url="", title="", seller=Seller(id="", name=""))
    return {photo.reference_id: photo.score for photo in matcher.match(nameless, [("", rgb)]).photos}


def labeled(
    ranking: Ranking, queries: Sequence[Query], rows: NDArray[np.bool_], label_of: Mapping[str, str]
) -> tuple[Scores, Truth]:
    """The best score of each label, for the queries of `rows`, and which label is true."""
    scores, labels = best_of_label(ranking.scores[rows], [label_of[product] for product in ranking.products])
    wanted = [query.product for query, kept in zip(queries, rows, strict=True) if kept]
    truth = np.array([[one is not None and label_of[one] == label for label in labels] for one in wanted])
    return scores, truth


def _measurement(
    name: str,
    queries: Sequence[Query],
    rankings: Mapping[str, Ranking],
    rows: NDArray[np.bool_],
    one_of: Mapping[str, str],
    titles: Mapping[str, str],
    *,
    notes: tuple[str, ...],
) -> Measurement:
    methods: dict[str, Figures] = {}
    for method, ranking in rankings.items():
        right, any_color = labeled(ranking, queries, rows, one_of), labeled(ranking, queries, rows, titles)
        ranked = copy_figures(*any_color)
        methods[method] = copy_figures(*right) | {f"any_color_{figure}": ranked[figure] for figure in ranked}
    copies = sum(query.product is not None for query, kept in zip(queries, rows, strict=True) if kept)
    return Measurement(
        name=name,
        about=_ABOUT,
        methods=methods,
        counts={
            "queries": int(rows.sum()),
            "copies": copies,
            "catalog_pictures": len(rankings["embedding"].products),
            "catalog_products": len(set(one_of)),
            "told_apart": len(set(one_of.values())),
        },
        notes=notes,
    )


def copy_figures(scores: Scores, truth: Truth) -> dict[str, Estimate]:
    """Of (queries, labels): the ranking of all pairs, and where a copy's own product stands."""
    ranked = rank_pairs(scores, truth)
    copies = truth.any(axis=1)
    return {
        "micro_average_precision": over_queries(partial(micro_average_precision, ranked), len(truth)),
        f"recall_at_precision_{PRECISION}": over_queries(partial(recall_at_precision, ranked, PRECISION), len(truth)),
        **recalls(scores[copies], truth[copies], RANKS),
    }


def _by_edit(
    queries: Sequence[Query], rankings: Mapping[str, Ranking], held_out: NDArray[np.bool_], one_of: Mapping[str, str]
) -> Measurement:
    methods: dict[str, Figures] = {}
    edits = sorted({edit for query, kept in zip(queries, held_out, strict=True) if kept for edit in query.edits})
    with_edit = {
        edit: held_out & np.array([query.product is not None and edit in query.edits for query in queries])
        for edit in edits
    }
    for method in ("verified", "embedding", "pdq"):
        methods[method] = {
            edit: recalls(*labeled(rankings[method], queries, rows, one_of), (1,))["recall_at_1"]
            for edit, rows in with_edit.items()
            if rows.any()
        }
    return Measurement(
        name="copies_by_edit",
        about="Recall at 1 of the held-out copies with each edit; a picture has up to four.",
        methods=methods,
    )
