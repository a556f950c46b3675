"""What the verifier and the combiner learn from: catalogs and listings with their truth, never what measures them.

Of ``realshop`` only the training half is used, split by product; the bundled marketplaces are of other seeds, and so
of other brands, than the demo's; composed sets are photographs of goods with copies edited harder than most thieves do.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from crawler.marketplace import generate_marketplace
from domain.catalog import Catalog, ReferenceImage, ReferenceProduct, RightsHolder
from domain.listing import Listing, ListingImage, Seller
from domain.settings import Settings
from jobs.import_catalog import import_catalog
from jobs.import_listings import import_listings
from jobs.truth import TruthRow, read_truth
from store.evidence import MemoryEvidence
from store.images import RGB
from store.interfaces import CatalogReader, Evidence, Records
from store.memory import MemoryRecords

MARKETPLACE_SEEDS = (101, 102, 103, 105)
"""Marketplaces to learn from; none shares a brand with the demo's (104 would)."""
DEMO_SEED = 7
"""The demo's marketplace, which measures and never trains."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LearningSet:
    """A catalog, listings and their truth."""

    name: str
    records: Records
    evidence: Evidence
    truth: Mapping[str, TruthRow]
    """By listing id; listings without a row here are not learned from."""
    datasets: tuple[str, ...] = ()
    """Names in ``training/datasets.toml`` of what its pictures come from; none where code drew them all."""


def trains(row: TruthRow, titles: Mapping[str, str]) -> bool:
    """Whether a row belongs to the training half: by product, color variants together, else by listing.

    `titles` maps reference ids to product titles; variants of one product share its title.
    """
    key = titles.get(row.reference_id or "", row.reference_id or row.listing_id)
    return hashlib.sha256(key.casefold().encode()).digest()[0] % 2 == 0


def product_titles(catalogs: CatalogReader) -> dict[str, str]:
    """Reference id to title, as `trains` needs it."""
    return {product.reference_id: product.title for product in catalogs.products()}


def folder_set(
    name: str, folder: Path, settings: Settings, *, keep: Callable[[TruthRow, Mapping[str, str]], bool] | None = None
) -> LearningSet:
    """``catalog/``, ``listings.jsonl`` and ``truth.jsonl`` of a folder; of the truth only what `keep` wants."""
    records, evidence = MemoryRecords(), MemoryEvidence()
    import_catalog(folder / "catalog", records, evidence, settings)
    import_listings([folder / "listings.jsonl"], records, evidence, settings)
    titles = product_titles(records)
    rows = read_truth(folder / "truth.jsonl")
    truth = {row.listing_id: row for row in rows if keep is None or keep(row, titles)}
    return LearningSet(name=name, records=records, evidence=evidence, truth=truth)


def marketplace_set(seed: int, settings: Settings) -> LearningSet:
    """A bundled marketplace, through the same files as anybody's."""
    with tempfile.TemporaryDirectory() as place:
        marketplace = generate_marketplace(seed)
        marketplace.write_catalog(Path(place) / "catalog")
        marketplace.write_listings(Path(place))
        return folder_set(f"marketplace-{seed}", Path(place), settings)


def composed_set(
    name: str,
    photos: Sequence[tuple[str, RGB]],
    edit: Callable[[RGB, np.random.Generator], RGB],
    *,
    seed: int,
    copies: int = 2,
) -> LearningSet:
    """Half of the (class, photo) pairs become a catalog with `copies` edited copies each; the others are strangers.

    A class is what the photo shows: strangers of a catalog photo's class are other photos of like goods.
    """
    generator = np.random.default_rng(seed)
    records, evidence = MemoryRecords(), MemoryEvidence()
    order = generator.permutation(len(photos))
    half = len(photos) // 2
    products, listings, rows = [], [], []
    for number in order[:half]:
        reference = f"{name}-{number}"
        products.append(_product(name, reference, evidence.write(_jpeg(photos[number][1]))))
        for copy in range(copies):
            listing_id = f"{reference}-copy{copy}"
            listings.append(_listing(name, listing_id, evidence.write(_jpeg(edit(photos[number][1], generator)))))
            rows.append(_truth(listing_id, reference))
    for number in order[half:]:
        listing_id = f"{name}-{number}-other"
        listings.append(_listing(name, listing_id, evidence.write(_jpeg(edit(photos[number][1], generator)))))
        rows.append(_truth(listing_id, None))
    records.save_catalog(Catalog(rights_holder=RightsHolder(name=name, brands=()), products=tuple(products)))
    records.save_listings(listings)
    return LearningSet(name=name, records=records, evidence=evidence, truth={row.listing_id: row for row in rows})


def _jpeg(rgb: RGB) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def _product(name: str, reference_id: str, sha256: str) -> ReferenceProduct:
    return ReferenceProduct(
        reference_id=reference_id,
        rights_holder=name,
        title=reference_id,
        brand=name,
        images=(ReferenceImage(sha256=sha256, source=reference_id),),
    )


def _listing(name: str, listing_id: str, sha256: str) -> Listing:
    return Listing(
        marketplace=name,
        listing_id=listing_id,
        url="",
        title="",
        seller=Seller(id="composed", name="composed"),
        images=(ListingImage(source=listing_id, sha256=sha256),),
    )


def _truth(listing_id: str, reference_id: str | None) -> TruthRow:
    return TruthRow(
        listing_id=listing_id,
        kind="copied_photo" if reference_id else "unrelated",
        label="infringing" if reference_id else "legitimate",
        violations=("copied_photo",) if reference_id else (),
        reference_id=reference_id,
    )
