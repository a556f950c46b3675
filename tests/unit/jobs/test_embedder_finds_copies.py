"""The embedded model on real photographs, beside PDQ: every eighth copy, so that it takes seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from domain.progress import silent
from domain.settings import Settings
from index.embedder import Embedder
from jobs.evaluate_models.copies import MISPICTURED, Ranking, labeled, one_label_each
from jobs.evaluate_models.datasets import Shop, read_shop
from jobs.evaluate_models.methods import embedding, pdq, score_all
from jobs.evaluate_models.retrieval import recalls

MODEL = Path(__file__).resolve().parents[3] / "models" / "embedder.onnx"

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def shop(realshop: Path) -> Shop:
    return read_shop(realshop.parent, Settings())


def test_the_shop_is_read_as_it_is(shop: Shop) -> None:
    assert {kind: len(queries) for kind, queries in shop.kinds.items()} == {
        "copied_photo": 366,
        "authorised": 90,
        "resale": 38,
        "own_photo": 84,
        "unrelated": 450,
    }
    assert sum(query.product is not None for query in shop.queries) == 456
    assert sum(query.product in MISPICTURED for query in shop.queries) == 3
    merged = {product: label for product, label in one_label_each(shop.references).items() if product != label}
    assert merged == {"LUMA-MP09-BLUE": "LUMA-MP09-BLACK", "LUMA-MP12-BLUE": "LUMA-MP12-BLACK"}


def test_the_embedder_finds_the_catalog_photo_far_more_often_than_pdq(shop: Shop) -> None:
    queries = [query for query in shop.kinds["copied_photo"][::8] if query.product not in MISPICTURED]
    assert len(queries) > 40
    scores = score_all(
        [embedding("embedding", Embedder(MODEL, threads=1), "copy"), pdq()],
        [query.read for query in queries],
        [photo.read for photo in shop.references],
        stage="copies",
        progress=silent,
    )
    products, every = tuple(photo.label for photo in shop.references), np.ones(len(queries), bool)
    label_of = one_label_each(shop.references)
    found = {}
    for name, one in scores.items():
        ranking = Ranking(scores=one, products=products)
        found[name] = recalls(*labeled(ranking, queries, every, label_of), (10,))["recall_at_10"].value
    assert found["embedding"] is not None
    assert found["pdq"] is not None
    assert found["embedding"] >= 0.9
    assert found["embedding"] >= 1.5 * found["pdq"]
