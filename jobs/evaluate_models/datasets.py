"""The pictures that are measured on: the labeled shop, people's photographs, marks and logos, none of which trained."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from domain.errors import BadInput
from domain.listing import Listing
from domain.settings import Settings
from jobs.evaluate_models.methods import ReadPicture
from jobs.learning_sets import LearningSet, folder_set, product_titles, trains
from jobs.read_pictures import read_pictures
from jobs.truth import TruthRow
from store.images import RGB, decode_image

COPY_KINDS = ("copied_photo", "authorised")
"""Listings whose picture was made from a catalog photo. That an authorized seller may do so is a guard's matter: the
picture is a copy all the same, recompressed and resized. Resale pictures are other photographs of the goods."""
_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Photo:
    """A picture of a data set, by what it shows."""

    label: str
    read: ReadPicture


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """A picture that is looked for in the catalog."""

    read: ReadPicture
    product: str | None
    """The product whose catalog photo it was made from; None: it was made from none."""
    held_out: bool = True
    """Whether nothing in use learned from it: the verifier learned from half of the labeled shop's products."""
    edits: tuple[str, ...] = ()
    listing: Listing | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Shop:
    """The labeled shop, imported as a user would."""

    learning: LearningSet
    references: tuple[Photo, ...]
    """Catalog pictures, labeled by product."""
    queries: tuple[Query, ...]
    """The picture of each listing."""
    kinds: Mapping[str, tuple[Query, ...]]
    """The queries by the truth's kind."""
    shown: Mapping[str, str]
    """Listing id to the product it shows, in whatever photograph."""


def read_shop(data: Path, settings: Settings) -> Shop:
    """``realshop`` below `data`. Raises BadInput when it is missing or broken."""
    folder = data / "realshop"
    if not folder.is_dir():
        raise BadInput(
            "no folder realshop", file=str(data), advice="Name the folder with the labeled pictures: --data."
        )
    learning = folder_set("realshop", folder, settings)
    titles = product_titles(learning.records)
    kinds: dict[str, list[Query]] = {}
    for listing in learning.records.listings():
        if row := learning.truth.get(listing.listing_id):
            kinds.setdefault(row.kind, []).append(_query(listing, row, learning, titles, settings))
    return Shop(
        learning=learning,
        references=tuple(
            Photo(label=product.reference_id, read=partial(_from_evidence, learning, image.sha256))
            for product in learning.records.products()
            for image in product.images
        ),
        queries=tuple(query for kind in sorted(kinds) for query in kinds[kind]),
        kinds={kind: tuple(queries) for kind, queries in kinds.items()},
        shown={name: row.reference_id for name, row in learning.truth.items() if row.reference_id},
    )


def _query(
    listing: Listing, row: TruthRow, learning: LearningSet, titles: Mapping[str, str], settings: Settings
) -> Query:
    return Query(
        read=partial(_first_picture, listing, learning, settings),
        product=row.reference_id if row.kind in COPY_KINDS else None,
        held_out=not trains(row, titles),
        edits=row.edits,
        listing=listing,
    )


def _first_picture(listing: Listing, learning: LearningSet, settings: Settings) -> RGB:
    pictures, unreadable = read_pictures(listing, learning.evidence, settings)
    if not pictures:
        raise BadInput(f"listing {listing.listing_id} has no picture to measure on ({unreadable[0].reason})")
    return pictures[0][1]


def _from_evidence(learning: LearningSet, sha256: str) -> RGB:
    return decode_image(learning.evidence.read(sha256))


def read_photo(path: Path) -> RGB:
    """Raises ImageRefused, naming the file."""
    return decode_image(path.read_bytes(), name=path.name)


def photos_by_class(data: Path, *folders: str) -> list[Photo]:
    """Pictures below `folders` of `data`, labeled by the folder they lie in, in the order of their paths.

    Raises BadInput when there is none.
    """
    paths = [
        path
        for folder in folders
        for path in sorted((data / folder).rglob("*"))
        if path.suffix.lower() in _SUFFIXES and path.is_file()
    ]
    if not paths:
        raise BadInput(f"no pictures in {', '.join(folders)}", file=str(data))
    return [Photo(label=path.parent.name, read=partial(read_photo, path)) for path in paths]


def labeled_photos(table: Path) -> list[Photo]:
    """Pictures that a CSV with the columns ``file`` and ``brand`` lists, labeled by brand. Raises BadInput."""
    try:
        with table.open(newline="", encoding="utf-8") as lines:
            rows = [(row["file"], row["brand"]) for row in csv.DictReader(lines)]
    except (OSError, KeyError, ValueError) as error:
        raise BadInput(f"not a table of files and brands ({error!r})", file=str(table)) from error
    return [Photo(label=brand, read=partial(read_photo, table.parent / file)) for file, brand in rows]
