"""Catalogs and photographs that logos are measured on: few of each, drawn by seed, so that a run stays short."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domain.errors import BadInput
from index.logo_index import LogoPicture
from jobs.evaluate_models.datasets import Photo, photos_by_class, read_photo
from jobs.evaluate_models.marks import GROUNDS, LOGO_OF_MAKE, UNSEEN_MARKS, unseen_marks
from jobs.logo_pictures import HOLDER, LogoScene, LogoSet, badge_set, badges_by_make, brand_name, ink
from jobs.package_photos import package_set

BADGES_A_MAKE, PHOTOGRAPHS_A_MAKE, PHOTOGRAPHS_A_PACKAGE = 4, 3, 6
WITHOUT_A_KIND = 30
COMPOSED, COMPOSED_UNKNOWN = 80, 40
COMPOSED_SIDE = 512
UNKNOWN = "unknown mark"
GROCERIES = "grocery/val"
"""The others told, as photographs without a car's mark, where the threshold of the eyes lies."""
_SEED = 60_000


def badges(data: Path) -> LogoSet:
    """Badges of makes that did not weigh the eyes, in whole photographs, by five photographs each; and other makes."""
    return badge_set(data, "test", a_make=BADGES_A_MAKE, without=3 * WITHOUT_A_KIND)


def car_logos(data: Path) -> LogoSet:
    """All clean car logos; photographs of badges of makes that did not weigh the eyes, of clothes and of groceries."""
    generator = np.random.default_rng(_SEED)
    scenes = []
    for make, photos in badges_by_make(data, "test").items():
        drawn = _drawn(photos, PHOTOGRAPHS_A_MAKE, generator)
        scenes += [LogoScene(picture=photo.read(), brand=logo_name(make)) for photo in drawn]
    for folder in (GROUNDS, GROCERIES):
        for photo in _drawn(photos_by_class(data, folder), WITHOUT_A_KIND, generator):
            scenes.append(LogoScene(picture=photo.read(), brand=None, kind=folder.partition("/")[0]))
    return LogoSet(name="car_logos", logos=tuple(clean_car_logos(data)), scenes=tuple(scenes))


def clean_car_logos(data: Path) -> Iterator[LogoPicture]:
    """Each file as a brand of its own. Raises BadInput where there are none."""
    paths = [p for p in sorted((data / "car_logos" / "logos").glob("*")) if p.suffix.lower() in (".jpg", ".png")]
    if not paths:
        raise BadInput("no logos", file=str(data / "car_logos" / "logos"))
    for path in paths:
        yield _logo(path.stem.replace("-", " "), read_photo(path))


def logo_name(make: str) -> str:
    """The brand that `clean_car_logos` calls the make's own logo. Raises BadInput for a make that nobody mapped."""
    own = {brand_name(name): stem for name, stem in LOGO_OF_MAKE.items()}
    try:
        return own[brand_name(make)].replace("-", " ")
    except KeyError as error:
        raise BadInput(f"no logo is known of the make {make!r}", field="brand") from error


def packages(data: Path) -> LogoSet:
    """People's photographs of packages, by five crops of each brand's mark; and clothes."""
    return package_set(data, a_brand=PHOTOGRAPHS_A_PACKAGE, without=WITHOUT_A_KIND)


def one_reference_each(logos: LogoSet) -> LogoSet:
    """The set with the first picture of each brand for a catalog."""
    first: dict[str, LogoPicture] = {}
    for logo in logos.logos:
        first.setdefault(logo.brand, logo)
    return replace(logos, name=f"{logos.name}, one", logos=tuple(first.values()))


def composed_marks(data: Path) -> LogoSet:
    """UNSEEN_MARKS marks of the test split for a catalog; scenes with one of them, and with one of those left over.

    Needs the ``train`` extra.
    """
    from training.logo_scenes import held_out_scenes

    names, masks = unseen_marks(data / "marks" / "svg", 10 * UNSEEN_MARKS)
    known = min(UNSEEN_MARKS, max(1, len(names) * 4 // 5))
    generator = np.random.default_rng(_SEED)
    shown = [[int(number)] for number in generator.choice(known, COMPOSED)]
    if len(names) > known:
        shown += [[int(number)] for number in generator.choice(np.arange(known, len(names)), COMPOSED_UNKNOWN)]
    photos = [photo.read() for photo in photos_by_class(data, GROUNDS)]
    scenes = held_out_scenes(masks, names, photos, seed=_SEED, count=len(shown), size=COMPOSED_SIDE, shown=shown)
    return LogoSet(
        name="composed",
        logos=tuple(mark_logo(name, mask) for name, mask in zip(names[:known], masks, strict=False)),
        scenes=tuple(
            LogoScene(picture=scene.picture, brand=names[n] if n < known else None, kind="" if n < known else UNKNOWN)
            for scene, (n,) in zip(scenes, shown, strict=True)
            if scene.names
        ),
    )


def mark_logo(name: str, mask: NDArray[np.uint8]) -> LogoPicture:
    """A mask as a logo file: black ink on a transparent ground."""
    return _logo(name, ink(mask))


def _logo(brand: str, picture: NDArray[np.uint8]) -> LogoPicture:
    return LogoPicture(rights_holder=HOLDER, brand=brand, sha256=sha256(brand.encode()).hexdigest(), rgba=picture)


def _drawn(photos: Sequence[Photo], most: int, generator: np.random.Generator) -> list[Photo]:
    return [photos[number] for number in generator.permutation(len(photos))[:most]]
