"""The same product in another photograph: people's photos of packages, and garments from another side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from domain.errors import BadInput
from index.embedder import Space
from jobs.estimates import Estimate
from jobs.evaluate_models.bench import Bench
from jobs.evaluate_models.datasets import Photo, Shop, photos_by_class
from jobs.evaluate_models.figures import Figures, Measurement, exact
from jobs.evaluate_models.methods import Method, ReadPicture, embedding, score_all
from jobs.evaluate_models.retrieval import Scores, best_of_label, recalls

RANKS = (1, 5)
_SHELF = "GROC-"
"""Begins the reference id of a packaged good; the rest is its class in ``grocery``."""
_MEAN = (
    "embedding_mean is the mean of the copy and the caption space: the one knows what is printed, the other what sort "
    "of thing it is; named before anything was measured"
)


def measure_products(bench: Bench) -> list[Measurement]:
    """People's photos of packages to the catalog, and garments in another view."""
    return [_packages(bench), _garments(bench)]


def _packages(bench: Bench) -> Measurement:
    references = bench.shop.references
    products = sorted({photo.label for photo in references})
    queries = [
        Photo(label=f"{_SHELF}{photo.label.upper()}", read=photo.read)
        for photo in photos_by_class(bench.data, "grocery")
        if f"{_SHELF}{photo.label.upper()}" in products
    ]
    if not queries:
        raise BadInput("no class of grocery is in the catalog", file=str(bench.data))
    scores = _scores(
        bench, "products_packages", [photo.read for photo in queries], [photo.read for photo in references]
    )
    shelf = [product for product in products if product.startswith(_SHELF)]
    methods: dict[str, Figures] = {}
    for method, by_picture in scores.items():
        best, labels = best_of_label(by_picture, [photo.label for photo in references])
        truth = np.array([[photo.label == label for label in labels] for photo in queries])
        methods[method] = recalls(best, truth, RANKS)
    return Measurement(
        name="products_packages",
        about="People's photographs of packaged goods to the product whose catalog photo shows the same package.",
        methods=methods | {"chance": _chance(len(products)), "chance_among_packages": _chance(len(shelf))},
        counts={"queries": len(queries), "products": len(products), "packages": len(shelf)},
        notes=_notes(bench),
    )


def _garments(bench: Bench) -> Measurement:
    """A query's own picture is no candidate. Variants in another color are other products, and wrong."""
    shop = bench.shop
    references = shop.references
    labels = [photo.label for photo in references]
    several = [number for number, label in enumerate(labels) if labels.count(label) > 1]
    unpublished = _resales(shop)
    queries = [references[number].read for number in several] + [photo.read for photo in unpublished]
    wanted = [labels[number] for number in several] + [photo.label for photo in unpublished]
    scores = _scores(bench, "products_another_view", queries, [photo.read for photo in references])
    methods: dict[str, Figures] = {}
    for method, by_picture in scores.items():
        others = by_picture.copy()
        others[np.arange(len(several)), several] = -np.inf
        best, products = best_of_label(others, labels)
        truth = np.array([[one == product for product in products] for one in wanted])
        methods[method] = recalls(best, truth, RANKS)
    return Measurement(
        name="products_another_view",
        about="A picture of a garment to the product's other pictures: from the back, in detail, whole.",
        methods=methods | {"chance": _chance(len(set(labels)))},
        counts={
            "queries": len(queries),
            "catalog_pictures": len(several),
            "unpublished_pictures": len(unpublished),
            "products": len(set(labels)),
        },
        notes=_notes(bench),
    )


def _resales(shop: Shop) -> list[Photo]:
    """Unpublished photographs of catalog products, as honest resellers take them."""
    return [
        Photo(label=shop.shown[query.listing.listing_id], read=query.read)
        for query in shop.kinds.get("resale", ())
        if query.listing and query.listing.listing_id in shop.shown
    ]


def _scores(
    bench: Bench, name: str, queries: Sequence[ReadPicture], references: Sequence[ReadPicture]
) -> Mapping[str, Scores]:
    spaces: tuple[Space, ...] = ("copy", "caption")
    own: list[Method] = [
        embedding(f"embedding_{space}", bench.embedder, space) for space in spaces if space in bench.embedder.spaces
    ]
    baseline_space, _ = bench.space("copy")
    methods = [*own, *bench.baselines(name, baseline_space)]
    stage = name.replace("_", " ")
    scores = score_all(methods, queries, references, stage=stage, progress=bench.progress)
    if len(own) < len(spaces):
        return scores
    mean = np.mean([scores[method.name] for method in own], axis=0)
    return {"embedding_mean": np.asarray(mean, np.float32)} | scores


def _chance(products: int) -> dict[str, Estimate]:
    """Exact: k of n products named at random."""
    return {f"recall_at_{k}": exact(min(1.0, k / products)) for k in RANKS}


def _notes(bench: Bench) -> tuple[str, ...]:
    missing = {"copy", "caption"} - bench.embedder.spaces
    return (f"the model has no {' and no '.join(sorted(missing))} space",) if missing else (_MEAN,)
