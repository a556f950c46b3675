"""What a catalog of 10,000 logos costs: bytes, time to build, time to search, and what the search loses to brute force.

    nice -n 10 python benchmarks/logo_index.py --marks DIR     # a folder of SVG files

A sample of the marks is read, taken apart, described and embedded as `assayer index build` does it, and timed. The
other logos are invented from the sample: a vector lies between those of two marks in the same form, its local features
are those of one of them with noise. So vectors crowd as real marks' do, and nothing is stored. Times depend on the
machine; the ratios hardly do.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import faiss
import numpy as np
from numpy.typing import NDArray

import models
from index.embedder import Embedder
from index.local_features import unit
from index.logo_files import read_logos, write_logos
from index.logo_index import LogoArrays, LogoIndex, LogoPicture, LogoReference, build_logo_index, owners_of
from index.threads import one_thread_each
from index.vector_search import VectorSearch
from index.votes import DescriptorVotes
from store.logo_images import decode_logo

CROPS = 40
"""Places of one picture that are searched."""
_NEIGHBORS = 10
_ROUNDS = 30
T = TypeVar("T")


def main() -> None:
    arguments = _arguments()
    one_thread_each()
    faiss.omp_set_num_threads(1)
    embedder = Embedder(Path(models.__file__).parent / "embedder.onnx", threads=1)
    paths = sorted(arguments.marks.glob("*.svg"))
    chosen = [paths[at] for at in np.linspace(0, len(paths) - 1, arguments.sample).astype(int)]
    pictures, reading = _timed(lambda: list(_pictures(chosen)))
    sample, describing = _timed(lambda: build_logo_index(pictures, embedder))
    invented, structuring = _timed(lambda: _invented(sample, arguments.logos, arguments.sample))
    print(
        json.dumps(
            {
                "logos": arguments.logos,
                "logos_read_and_embedded": len(pictures),
                "variants": len(invented.references),
                "variants_per_logo": round(len(invented.references) / arguments.logos, 2),
                "features_per_logo": round(len(invented.arrays.points) / arguments.logos, 1),
                "milliseconds_per_logo": {
                    "read": _ms(reading / len(pictures)),
                    "variants_features_vectors": _ms(describing / len(pictures)),
                    "structures_of_all": _ms(structuring / arguments.logos),
                },
                **_sizes(invented, arguments.logos),
                **_searches(invented),
            },
            indent=1,
        )
    )


def _pictures(paths: list[Path]) -> Iterator[LogoPicture]:
    for path in paths:
        rgba = decode_logo(path.read_bytes(), name=path.name)
        yield LogoPicture(rights_holder="sample", brand=path.stem, sha256="0" * 64, rgba=rgba)


def _invented(sample: LogoIndex, logos: int, sampled: int) -> LogoIndex:
    """An index of `logos` logos of the sample's kind."""
    rng = np.random.default_rng(0)
    by_brand: dict[str, list[int]] = {}
    for number, reference in enumerate(sample.references):
        by_brand.setdefault(reference.brand, []).append(number)
    brands = list(by_brand.values())
    pngs = np.split(sample.arrays.thumbs, np.cumsum([one.thumb_bytes for one in sample.references])[:-1])
    stored = sample.vectors  # a drawn mark has one view a variant
    references: list[LogoReference] = []
    vectors, points, descriptors, thumbs = [], [], [], []
    for logo in range(logos):
        numbers, other = brands[logo % sampled], brands[int(rng.integers(sampled))]
        share = 0.0 if logo < sampled else float(rng.uniform(0.25, 0.5))
        for at, number in enumerate(numbers):
            references.append(replace(sample.references[number], brand=f"brand {logo}"))
            mate = other[min(at, len(other) - 1)]
            vectors.append((1 - share) * stored[number] + share * stored[mate])
            own_points, own = sample.features_of(number)
            points.append(own_points)
            noisy = own.astype(np.int16) + (rng.normal(0, 12, own.shape) if share else 0)
            descriptors.append(np.clip(noisy, 0, 255).astype(np.uint8))
            thumbs.append(pngs[number])
    stacked = np.stack(vectors)
    stacked += rng.normal(0, 0.01, stacked.shape).astype(np.float32)
    search = VectorSearch.build(_unit(stacked))
    arrays = LogoArrays(
        vectors=search.vectors,
        view_owners=np.arange(len(references), dtype=np.int32),
        points=np.concatenate(points),
        descriptors=np.concatenate(descriptors),
        thumbs=np.concatenate(thumbs),
    )
    votes = DescriptorVotes.build(unit(arrays.descriptors), owners_of(references))
    return LogoIndex(references, arrays, search, votes)


def _sizes(logos: LogoIndex, count: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "logos"
        write_logos(folder, logos)
        _loaded, loading = _timed(lambda: read_logos(folder, logos.references))
        sizes = {path.name: path.stat().st_size for path in sorted(folder.iterdir())}
    total = sum(sizes.values())
    return {
        "megabytes": round(total / 1e6, 1),
        "kilobytes_per_logo": round(total / 1e3 / count, 2),
        "share_of_bytes": {name: round(size / total, 3) for name, size in sizes.items()},
        "load_seconds": round(loading, 2),
    }


def _searches(logos: LogoIndex) -> dict[str, object]:
    """Crops that show one of the marks, moved away from it as a photograph moves it, and as many that show none."""
    rng = np.random.default_rng(1)
    vectors = logos.vectors
    dimensions = vectors.shape[1]
    shown = vectors[rng.integers(len(vectors), size=_ROUNDS * CROPS // 2)]
    shown = _unit(shown + rng.normal(0, 0.8 / np.sqrt(dimensions), shown.shape).astype(np.float32))
    none = _unit(rng.normal(size=(_ROUNDS * CROPS // 2, dimensions)).astype(np.float32))
    pictures = np.stack([shown, none], axis=1).reshape(_ROUNDS, CROPS, dimensions)
    brute = VectorSearch.build(vectors, exact=True)
    (exact_seconds, wanted), (seconds, found) = (_search_all(one, pictures) for one in (brute, logos.vector_search))
    return {
        "exact_ms_per_picture": _ms(exact_seconds / _ROUNDS),
        "search_ms_per_picture": _ms(seconds / _ROUNDS),
        "times_faster": round(exact_seconds / seconds, 1),
        "recall_at_1_of_marks": round(float((found[:, ::2, 0] == wanted[:, ::2, 0]).mean()), 4),
        "recall_at_10_of_marks": round(_overlap(found[:, ::2], wanted[:, ::2]), 4),
        "recall_at_1_of_none": round(float((found[:, 1::2, 0] == wanted[:, 1::2, 0]).mean()), 4),
    }


def _search_all(search: VectorSearch, pictures: NDArray[np.float32]) -> tuple[float, NDArray[np.int32]]:
    search.search(pictures[0], _NEIGHBORS)
    found, seconds = _timed(lambda: np.stack([search.search(crops, _NEIGHBORS)[1] for crops in pictures]))
    return seconds, found


def _overlap(found: NDArray[np.int32], wanted: NDArray[np.int32]) -> float:
    lines = zip(found.reshape(-1, _NEIGHBORS), wanted.reshape(-1, _NEIGHBORS), strict=True)
    return float(np.mean([len(set(one) & set(other)) / _NEIGHBORS for one, other in lines]))


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    started = time.perf_counter()
    result = work()
    return result, time.perf_counter() - started


def _ms(seconds: float) -> float:
    return round(1_000 * seconds, 2)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--marks", type=Path, required=True, help="Folder of SVG files, each a mark.")
    parser.add_argument("--logos", type=int, default=10_000)
    parser.add_argument("--sample", type=int, default=200, help="Marks that are read and embedded.")
    return parser.parse_args()


if __name__ == "__main__":
    main()
