"""Photographs with known marks, to learn the weights of the eyes from and to measure on: one set of brands for each.

Real photographs of car badges are cut tightly, so they are set into whole photographs here: turned, in perspective, lit
like their ground, then blurred, noised and compressed with it. Makes that weigh the eyes never measure them: they are
told apart by a hash of their name. References are photographs as well, as a rights holder would cut them; a photograph
is a reference or is looked for, never both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from domain.errors import BadInput
from domain.match import Box
from index.logo_index import LogoPicture
from jobs.evaluate_models.datasets import Photo, labeled_photos, photos_by_class
from store.images import RGB, RGBA, decode_image
from training.splits import Split, normalized_name

Role = Literal["learn", "test"]

HOLDER = "Marks of the data set"
REFERENCES = 5
"""Photographs of a make's badge that stand in the catalog, at most."""
_FEWEST = 6
"""Photographs a make needs: one to look for beside the references."""
_LEARN_SHARE = 0.4
_LONGER_SIDE = 640
_SMALLEST, _LARGEST = 0.08, 0.6
"""Width of a badge in shares of its picture's."""
_GROUNDS = {"learn": "clothing/train", "test": "clothing/test"}
_SEED = 40_000


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LogoScene:
    """A photograph, and whose mark stands where in it."""

    picture: RGB
    brand: str | None
    """None: no mark of the catalog."""
    box: Box | None = None
    kind: str = ""
    """Of what shows no mark: what it is instead."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LogoSet:
    """A catalog of marks, photographs that bear one, and photographs that bear none of them."""

    name: str
    logos: tuple[LogoPicture, ...]
    scenes: tuple[LogoScene, ...]


def role_of(make: str) -> Role:
    """Whether a make's badges weigh the eyes or measure them."""
    digest = hashlib.sha256(f"logo\0{normalized_name(make)}".encode()).digest()
    return "learn" if int.from_bytes(digest[:8], "big") / 2**64 < _LEARN_SHARE else "test"


def badge_set(
    data: Path, role: Role, *, references: int = REFERENCES, a_make: int = 6, without: int = 120, seed: int = _SEED
) -> LogoSet:
    """Badges of all makes of `role`: at most `a_make` photographs of each looked for, and `without` that show none.

    Of those a third are photographs of clothes, a third of groceries, and a third bear the badge of a make of the same
    role that is left out of the catalog. Raises BadInput where the photographs are missing.
    """
    generator = np.random.default_rng((seed, references, len(role)))
    makes = badges_by_make(data, role)
    grounds = photos_by_class(data, _GROUNDS[role])
    strangers = sorted(makes)[:: max(2, len(makes) // 3)]
    known = [make for make in sorted(makes) if make not in strangers]
    logos, scenes = [], []
    for make in known:
        photos = _shuffled(makes[make], generator)
        logos += [_logo(make, number, photo) for number, photo in enumerate(photos[:references])]
        for photo in photos[REFERENCES : REFERENCES + a_make]:
            scenes.append(set_into(_drawn(grounds, generator), photo.read(), generator, brand=brand_name(make)))
    scenes += _without(data, role, [makes[make] for make in strangers], grounds, without, generator)
    return LogoSet(name=f"badges-{role}-{references}", logos=tuple(logos), scenes=tuple(scenes))


def set_into(ground: RGB, mark: RGB, generator: np.random.Generator, *, brand: str | None, kind: str = "") -> LogoScene:
    """A tightly cut photograph of a mark set into another photograph, and both photographed as one."""
    scene = fitted(ground)
    height, width = scene.shape[:2]
    corners = _place(mark, (width, height), generator)
    source = np.array([[0, 0], [mark.shape[1], 0], [mark.shape[1], mark.shape[0]], [0, mark.shape[0]]], np.float32)
    matrix = cv2.getPerspectiveTransform(source, corners)
    shrunk = mark.shape[1] / max(float(np.linalg.norm(corners[1] - corners[0])), 1.0)
    smooth = cv2.GaussianBlur(mark, (0, 0), 0.4 * shrunk) if shrunk > 1.5 else mark
    warped = cv2.warpPerspective(smooth, matrix, (width, height)).astype(np.float32)
    inside = cv2.warpPerspective(np.full(mark.shape[:2], 255, np.uint8), matrix, (width, height))
    soft = cv2.GaussianBlur(cv2.erode(inside, np.ones((3, 3), np.uint8)), (0, 0), 1.5)[:, :, None] / np.float32(255)
    composed = scene * (1 - soft) + warped * generator.uniform(0.75, 1.15) * soft
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    box = (float(left), float(top), float(right), float(bottom))
    return LogoScene(picture=photographed(composed, generator), brand=brand, box=box, kind=kind)


def photographed(composed: NDArray[np.float32], generator: np.random.Generator) -> RGB:
    """(h, w, 3), 0 to 255, as a camera and a marketplace leave it: noise, blur, JPEG."""
    noisy = composed + generator.normal(0, generator.uniform(0, 6), composed.shape)
    blurred = cv2.GaussianBlur(np.clip(noisy, 0, 255).astype(np.uint8), (0, 0), float(generator.uniform(0.3, 1.1)))
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(generator.integers(60, 95))]
    _, content = cv2.imencode(".jpg", cv2.cvtColor(blurred, cv2.COLOR_RGB2BGR), quality)
    return decode_image(content.tobytes())


def _place(mark: RGB, size: tuple[int, int], generator: np.random.Generator) -> NDArray[np.float32]:
    """(4, 2) corners, clockwise from the top left, mostly within the picture."""
    width, height = size
    wide = width * float(np.exp(generator.uniform(np.log(_SMALLEST), np.log(_LARGEST))))
    high = wide * mark.shape[0] / mark.shape[1]
    shrink = min(1.0, 0.8 * height / high)
    wide, high = wide * shrink, high * shrink
    left, top = generator.uniform(0, width - wide), generator.uniform(0, height - high)
    flat = np.array([[left, top], [left + wide, top], [left + wide, top + high], [left, top + high]])
    bent = flat + generator.normal(0, 0.04, (4, 2)) * min(wide, high)
    angle = generator.normal(0, 0.12)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = bent.mean(axis=0)
    return np.asarray((bent - middle) @ turn.T + middle, np.float32)


def _without(
    data: Path,
    role: Role,
    strangers: Sequence[Sequence[Photo]],
    grounds: Sequence[Photo],
    count: int,
    generator: np.random.Generator,
) -> Iterator[LogoScene]:
    groceries = photos_by_class(data, f"grocery/{'train' if role == 'learn' else 'val'}")
    badges = [photo for photos in strangers for photo in photos]
    for kind, photos in (("clothing", grounds), ("grocery", groceries)):
        for photo in _shuffled(photos, generator)[: count // 3]:
            yield LogoScene(picture=fitted(photo.read()), brand=None, kind=kind)
    for photo in _shuffled(badges, generator)[: count // 3]:
        yield set_into(_drawn(grounds, generator), photo.read(), generator, brand=None, kind="another make")


def badges_by_make(data: Path, role: Role) -> dict[str, list[Photo]]:
    """Photographs of each make of `role`. Raises BadInput where there are none."""
    makes: dict[str, list[Photo]] = {}
    for photo in labeled_photos(data / "car_logos" / "photos.csv"):
        if role_of(photo.label) == role:
            makes.setdefault(photo.label, []).append(photo)
    enough = {make: photos for make, photos in makes.items() if len(photos) >= _FEWEST}
    if not enough:
        raise BadInput("no make with enough photographs", file=str(data / "car_logos"))
    return enough


def _logo(make: str, number: int, photo: Photo) -> LogoPicture:
    digest = _digest(f"{make}/{number}")
    return LogoPicture(rights_holder=HOLDER, brand=brand_name(make), sha256=digest, rgba=photo.read())


def composed_set(
    data: Path, split: Split, *, marks: int = 400, known: int = 150, unknown: int = 75, seed: int = _SEED
) -> LogoSet:
    """Marks of a split, all in the catalog but every fifth, composed on photographs: one mark a scene.

    Of `known` scenes the mark is in the catalog, of `unknown` it is not. Needs the ``train`` extra.
    """
    from training.logo_scenes import held_out_scenes
    from training.mark_masks import render_mark
    from training.splits import split_of

    paths = [path for path in sorted((data / "marks" / "svg").glob("*.svg")) if split_of("mark", path.stem) == split]
    drawn = paths[:: max(1, len(paths) // marks)][:marks]
    masks = np.stack([render_mark(path.read_bytes()) for path in drawn])
    catalog = [number for number in range(len(drawn)) if number % 5]
    strange = [number for number in range(len(drawn)) if number % 5 == 0]
    generator = np.random.default_rng((seed, 1))
    shown = [[int(number)] for number in generator.choice(catalog, known)]
    shown += [[int(number)] for number in generator.choice(strange, unknown)]
    names = [path.stem for path in drawn]
    photos = [photo.read() for photo in photos_by_class(data, f"clothing/{split}")[:200]]
    scenes = held_out_scenes(masks, names, photos, seed=seed, count=len(shown), size=512, shown=shown)
    return LogoSet(
        name=f"composed-{split}",
        logos=tuple(
            LogoPicture(rights_holder=HOLDER, brand=names[n], sha256=_digest(names[n]), rgba=ink(masks[n]))
            for n in catalog
        ),
        scenes=tuple(
            _composed(one.picture, one.boxes, names[wanted[0]] if wanted[0] % 5 else None)
            for one, wanted in zip(scenes, shown, strict=True)
            if len(one.names)
        ),
    )


def _composed(picture: RGB, boxes: NDArray[np.float32], brand: str | None) -> LogoScene:
    left, top, right, bottom = (float(side) for side in boxes[0])
    return LogoScene(picture=picture, brand=brand, box=(left, top, right, bottom), kind="" if brand else "unknown mark")


def ink(mask: NDArray[np.uint8]) -> RGBA:
    """Black ink on transparent ground, as a logo's file."""
    large = cv2.resize(mask, (256, 256), interpolation=cv2.INTER_CUBIC)
    return np.dstack([np.zeros((256, 256, 3), np.uint8), large])


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def brand_name(make: str) -> str:
    """The data set numbers a badge's generations: ``Kia 1`` is ``Kia``."""
    return make.rstrip(" 0123456789")


def _drawn(photos: Sequence[Photo], generator: np.random.Generator) -> RGB:
    return photos[int(generator.integers(len(photos)))].read()


def _shuffled(photos: Sequence[Photo], generator: np.random.Generator) -> list[Photo]:
    return [photos[number] for number in generator.permutation(len(photos))]


def fitted(rgb: RGB) -> RGB:
    """A photograph at the size at which these are composed: 640 px of its longer side."""
    scale = _LONGER_SIDE / max(rgb.shape[:2])
    size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(rgb, size, interpolation=how), np.uint8)
