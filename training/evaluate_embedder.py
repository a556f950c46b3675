"""Does an embedder find the catalog photo that a listing was made from? Recall@k beside PDQ, with intervals."""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pdqhash
from numpy.typing import NDArray

from domain.errors import BadInput
from index.embedder import Embedder
from index.preprocessing import query_views, reference_views
from store.images import RGB, decode_image

RANKS = (1, 5, 10, 20)
_CONFIDENCE_Z = 1.959964


@dataclass(frozen=True, kw_only=True, slots=True)
class Copies:
    """Listing pictures with the catalog photo each was made from."""

    references: tuple[RGB, ...]
    products: tuple[str, ...]
    """Product of each reference picture."""
    queries: tuple[RGB, ...]
    wanted: tuple[str, ...]
    """Product that each query's picture was taken from."""
    edits: tuple[tuple[str, ...], ...]
    families: dict[str, str]
    """Product to family: color variants carry one title in the feed, and share their outline."""


def read_copies(dataset: Path) -> Copies:
    """A folder laid out like ``realshop``. Raises BadInput when its truth or listings are missing."""
    try:
        truth = [json.loads(line) for line in (dataset / "truth.jsonl").read_text().splitlines()]
        rows = [json.loads(line) for line in (dataset / "listings.jsonl").read_text().splitlines()]
        with (dataset / "catalog" / "products.tsv").open(newline="", encoding="utf-8") as feed:
            families = {row["id"]: row["title"] for row in csv.DictReader(feed, delimiter="\t")}
    except (OSError, ValueError) as error:
        raise BadInput(f"not a labeled data set: {error}", file=str(dataset)) from error
    images = {row["listing_id"]: row["images"] for row in rows}
    copied = [row for row in truth if row["kind"] == "copied_photo"]
    pictures = sorted((dataset / "catalog" / "images").glob("*.*"))
    return Copies(
        references=tuple(decode_image(path.read_bytes()) for path in pictures),
        products=tuple(path.stem.rpartition("_")[0] for path in pictures),
        queries=tuple(decode_image((dataset / images[row["listing_id"]][0]).read_bytes()) for row in copied),
        wanted=tuple(row["reference_id"] for row in copied),
        edits=tuple(tuple(row["edits"]) for row in copied),
        families=families,
    )


def evaluate_embedder(embedder: Embedder, copies: Copies) -> dict[str, Any]:
    """Recall@k of products and of families, of the embedder and of PDQ, and by edit; JSON-ready."""
    similarity = embedding_similarity(embedder, copies)
    hashes = -pdq_distance(copies).astype(np.float32)
    families = [copies.families[product] for product in copies.products]
    wanted_families = [copies.families[product] for product in copies.wanted]
    report: dict[str, Any] = {
        "embedder": embedder.version,
        "queries": len(copies.queries),
        "gallery_pictures": len(copies.references),
        "gallery_products": len(set(copies.products)),
    }
    for method, scores in (("embedding", similarity), ("pdq", hashes)):
        ranks = first_ranks(scores, copies.products, copies.wanted)
        family_ranks = first_ranks(scores, families, wanted_families)
        report[method] = {"product": recalls(ranks), "family": recalls(family_ranks)}
    family_ranks = first_ranks(similarity, families, wanted_families)
    report["family_recall_at_10_by_edit"] = {
        edit: recalls(family_ranks[np.array([edit in edits for edits in copies.edits])])["10"]
        for edit in sorted({edit for edits in copies.edits for edit in edits})
    }
    return report


def embedding_similarity(embedder: Embedder, copies: Copies) -> NDArray[np.float32]:
    """(queries, references): the largest cosine of any view of one with any view of the other."""
    references = np.stack([embedder.embed(reference_views(rgb, embedder.size)) for rgb in copies.references])
    rows = []
    for rgb in copies.queries:
        views = embedder.embed(query_views(rgb, embedder.size))
        rows.append(np.einsum("vd,rwd->rvw", views, references).max(axis=(1, 2)))
    return np.stack(rows)


def pdq_distance(copies: Copies) -> NDArray[np.int64]:
    """(queries, references): Hamming distance of the 256-bit hashes, upright or mirrored, the smaller."""
    references = np.stack([_pdq(rgb) for rgb in copies.references])
    rows = []
    for rgb in copies.queries:
        upright, mirrored = _pdq(rgb), _pdq(np.ascontiguousarray(rgb[:, ::-1]))
        rows.append(np.minimum((references != upright).sum(axis=1), (references != mirrored).sum(axis=1)))
    return np.stack(rows)


def _pdq(rgb: RGB) -> NDArray[np.uint8]:
    bits, _quality = pdqhash.compute(rgb)
    return np.asarray(bits, dtype=np.uint8)


def first_ranks(scores: NDArray[np.float32], labels: Sequence[str], wanted: Sequence[str]) -> NDArray[np.int64]:
    """For each query the 1-based rank, among all gallery pictures, of the best picture of the wanted label."""
    own = np.array([[label == name for label in labels] for name in wanted])
    best = np.where(own, scores, -np.inf).max(axis=1, keepdims=True)
    # a tie with another label's picture counts against us
    return np.asarray(((scores >= best) & ~own).sum(axis=1) + 1, dtype=np.int64)


def recalls(ranks: NDArray[np.int64]) -> dict[str, dict[str, float | int]]:
    """Recall at each of RANKS with its 95 % Wilson interval."""
    return {str(k): share(int((ranks <= k).sum()), len(ranks)) for k in RANKS}


def share(hits: int, trials: int) -> dict[str, float | int]:
    """A proportion with its 95 % Wilson score interval."""
    if trials == 0:
        return {"value": math.nan, "low": 0.0, "high": 1.0, "trials": 0}
    p, z2 = hits / trials, _CONFIDENCE_Z**2
    center = (p + z2 / (2 * trials)) / (1 + z2 / trials)
    half = _CONFIDENCE_Z / (1 + z2 / trials) * math.sqrt(p * (1 - p) / trials + z2 / (4 * trials**2))
    return {
        "value": round(p, 4),
        "low": round(max(0.0, center - half), 4),
        "high": round(min(1.0, center + half), 4),
        "trials": trials,
    }


def measure_speed(embedder: Embedder, *, rounds: int = 40) -> dict[str, float]:
    """Milliseconds a picture, alone and in a batch of five; the best of `rounds`, so that other work does not count."""
    speeds = {}
    for batch in (1, 5):
        pictures = np.zeros((batch, 3, embedder.size, embedder.size), dtype=np.float32)
        embedder.embed(pictures)
        times = []
        for _ in range(rounds):
            began = time.perf_counter()
            embedder.embed(pictures)
            times.append((time.perf_counter() - began) / batch)
        speeds[str(batch)] = round(min(times) * 1000, 2)
    return speeds


def write_figures(manifest: Path, report: dict[str, Any]) -> None:
    """Put an evaluation into the model's manifest."""
    content = json.loads(manifest.read_text())
    content["evaluation"] = report
    manifest.write_text(json.dumps(content, indent=2) + "\n")


def main() -> None:
    """``python -m training.evaluate_embedder MODEL DATASET [--write]`` prints the report as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="embedder.onnx beside its manifest")
    parser.add_argument("dataset", type=Path, help="a folder laid out like realshop")
    parser.add_argument("--write", action="store_true", help="also put the figures into the manifest")
    arguments = parser.parse_args()
    embedder = Embedder(arguments.model, threads=1)
    report = evaluate_embedder(embedder, read_copies(arguments.dataset))
    report["milliseconds_per_picture_by_batch_on_one_thread"] = measure_speed(embedder)
    if arguments.write:
        write_figures(arguments.model.with_suffix(".json"), report)
    sys.stdout.write(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
