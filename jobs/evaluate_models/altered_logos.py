"""Marks altered as counterfeiters alter them: are they named, and is it seen what was changed?

Marks of brands that trained nothing, in a color, and invented spellings of their names, printed on photographs as they
are and altered; and photographs in which the mark was hidden, beside the rights holder's own photograph.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from domain.match import Alteration, Box, LogoMatch, PhotoMatch
from index.homography import corners_of
from index.logo_index import LogoPicture
from index.logo_matcher import LogoMatcher
from jobs.estimates import Estimate, share
from jobs.evaluate_models.bench import Bench
from jobs.evaluate_models.datasets import photos_by_class
from jobs.evaluate_models.figures import Measurement
from jobs.evaluate_models.logo_eyes import LINE, open_logo_eyes
from jobs.evaluate_models.marks import GROUNDS, unseen_marks
from jobs.hidden_logo_search import HiddenLogoSearch
from jobs.logo_pictures import HOLDER, LogoSet, fitted, ink, photographed
from store.images import RGB, RGBA

MARKS = WORDS = 15
_SHARES = (0.3, 0.55)
"""Of the photograph's width: a mark's longer side."""
_FEWEST_LETTERS = 5
_SHRUNK = 0.8
"""What a copy's pixels are of the catalog photo's."""
_HIDDEN_KINDS: Mapping[str, Alteration] = {
    "blurred": Alteration.BLURRED,
    "pixelated": Alteration.BLURRED,
    "blacked_out": Alteration.COVERED,
    "painted_over": Alteration.COVERED,
}
"""What each manner of hiding is found as."""
UNALTERED, COPIED = "unaltered", "copied"
_SEED = 70_000
_ABOUT = "Marks and words of unseen brands, altered: is the brand named, and what was changed, at the served threshold?"
_NOTES = (
    "hidden_…: the mark was taken out of a copy of a catalog photo that shows it; the copy's outline is given",
    "false_alarm_…: of marks and words that were printed as they are, and of copies that hide nothing",
)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Drawn:
    """A brand with its logo file."""

    brand: str
    logo: RGBA
    is_word: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What was done to a mark, and what was found."""

    done: str
    """A value of `Alteration`, ``hidden_`` and a manner, UNALTERED or COPIED."""
    named: bool
    found: frozenset[Alteration]


def measure_altered_logos(bench: Bench) -> list[Measurement]:
    """Nothing, and the reason, where marks cannot be composed or a model is missing."""
    if find_spec("torch") is None or find_spec("resvg_py") is None:
        bench.leave_out("altered_marks", None, "composing needs torch and resvg-py: pip install 'assayer[train]'")
        return []
    eyes = open_logo_eyes(bench, "altered_marks")
    if eyes is None:
        return []
    drawn = [*drawn_marks(bench.data), *drawn_words(bench.data)]
    logos = LogoSet(name="altered_marks", logos=tuple(map(_logo, drawn)), scenes=())
    matcher = eyes.matcher(eyes.index(logos, bench.progress), logos)
    grounds = [photo.read() for photo in photos_by_class(bench.data, GROUNDS)]
    told: list[Told] = []
    for done, one in enumerate(drawn, start=1):
        generator = np.random.default_rng((_SEED, done))
        told += _printed(one, matcher, grounds, generator)
        if not one.is_word:
            told += _hidden(one, matcher, grounds, generator)
        bench.progress("altered marks", done, len(drawn))
    return [
        Measurement(
            name="altered_marks",
            about=_ABOUT,
            methods={LINE: altered_figures(told)},
            counts={"brands": len(drawn), **dict(sorted(Counter(one.done for one in told).items()))},
            notes=_NOTES,
        )
    ]


def altered_figures(told: Sequence[Told]) -> dict[str, Estimate]:
    """``recall_…`` (named, and found so) and ``named_…`` by what was done; ``false_alarm_…`` by what was found."""
    figures: dict[str, Estimate] = {}
    for done in sorted({one.done for one in told} - {UNALTERED, COPIED}):
        wanted = _HIDDEN_KINDS.get(done.removeprefix("hidden_")) or Alteration(done)
        of_kind = [one for one in told if one.done == done]
        figures[f"recall_{done}"] = share(sum(one.named and wanted in one.found for one in of_kind), len(of_kind))
        if not done.startswith("hidden_"):
            figures[f"named_{done}"] = share(sum(one.named for one in of_kind), len(of_kind))
    for plain in (UNALTERED, COPIED):
        as_they_are = [one for one in told if one.done == plain]
        figures[f"false_alarm_{plain}"] = share(sum(bool(one.found) for one in as_they_are), len(as_they_are))
    for kind in Alteration:
        as_they_are = [one for one in told if one.done == UNALTERED]
        figures[f"false_alarm_{kind.value}"] = share(sum(kind in one.found for one in as_they_are), len(as_they_are))
    return figures


def _printed(
    one: Drawn, matcher: LogoMatcher, grounds: Sequence[RGB], generator: np.random.Generator
) -> Iterator[Told]:
    """The mark as it is and in every altered form, each in a photograph."""
    from training.altered_marks import alter, altered_word

    forms: list[tuple[str, RGBA]] = [(UNALTERED, one.logo)]
    if one.is_word:
        forms.append((Alteration.LETTER_CHANGED.value, altered_word(one.brand, typeface(), generator)[1]))
    else:
        kinds = [kind for kind in Alteration if kind is not Alteration.LETTER_CHANGED]
        forms += [(kind.value, alter(one.logo, kind, generator)) for kind in kinds]
    for done, form in forms:
        scene, _ = print_on(_drawn(grounds, generator), form, generator)
        matches = [match for match in matcher.find([("", photographed(scene, generator))]) if match.brand == one.brand]
        yield _told(done, matches)


def _hidden(one: Drawn, matcher: LogoMatcher, grounds: Sequence[RGB], generator: np.random.Generator) -> Iterator[Told]:
    """A catalog photo that shows the mark, its copy as it is, and copies that hide it in every manner."""
    from training.altered_marks import MANNERS, hide

    scene, box = print_on(_drawn(grounds, generator), one.logo, generator)
    original = np.asarray(np.clip(np.rint(scene), 0, 255), np.uint8)
    search = HiddenLogoSearch(matcher=matcher, read_image=lambda _: original)
    copies = [(COPIED, original), *((f"hidden_{m}", hide(original, box, m, generator)) for m in MANNERS)]
    for done, copy in copies:
        small = cv2.resize(copy, None, fx=_SHRUNK, fy=_SHRUNK, interpolation=cv2.INTER_AREA)
        shown = photographed(small.astype(np.float32), generator)
        yield _told(done, search.search([("copy", shown)], [_copied(one.brand, shown)]))


def _told(done: str, matches: Sequence[LogoMatch]) -> Told:
    kinds = frozenset(alteration.kind for match in matches for alteration in match.alterations)
    return Told(done=done, named=bool(matches), found=kinds)


def _copied(brand: str, copy: RGB) -> PhotoMatch:
    """That the whole of a picture is a copy of the whole catalog photo."""
    corners = [(float(x), float(y)) for x, y in corners_of((copy.shape[1], copy.shape[0]))]
    return PhotoMatch(
        image_sha256="copy",
        reference_id="",
        reference_sha256="original",
        rights_holder=HOLDER,
        brand=brand,
        score=1.0,
        mirrored=False,
        outline=tuple(corners),
        points=(),
        inliers=0,
        embedding_similarity=1.0,
        pdq_distance=0,
        color_distance=0.0,
    )


def drawn_marks(data: Path) -> Iterator[Drawn]:
    """MARKS marks of the test split, each in one clear color on a transparent ground."""
    names, masks = unseen_marks(data / "marks" / "svg", MARKS)
    for name, mask, color in zip(names, masks, _colors(len(names)), strict=True):
        logo = ink(mask)
        logo[:, :, :3] = color
        yield Drawn(brand=name, logo=logo)


def drawn_words(data: Path) -> Iterator[Drawn]:
    """WORDS names of the test split, set in a typeface that comes with Matplotlib: the same on every machine."""
    from training.altered_marks import set_word

    names, _ = unseen_marks(data / "marks" / "svg", 4 * (MARKS + WORDS))
    spelled = [name.capitalize() for name in names[MARKS:] if name.isalpha() and len(name) >= _FEWEST_LETTERS]
    for name in spelled[:WORDS]:
        yield Drawn(brand=name, logo=set_word(name, typeface()), is_word=True)


def typeface() -> Path:
    """A bold one without serifs."""
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans-Bold.ttf"


def print_on(ground: RGB, mark: RGBA, generator: np.random.Generator) -> tuple[NDArray[np.float32], Box]:
    """A mark on transparent ground printed on a photograph, a little askew: (h, w, 3), 0 to 255; and where it stands.

    A label in a plain light color lies under it, as on goods: ink on any ground would not always be seen.
    """
    scene = fitted(ground).astype(np.float32)
    height, width = scene.shape[:2]
    longer = width * generator.uniform(*_SHARES)
    scale = min(longer / max(mark.shape[:2]), 0.7 * height / mark.shape[0], 0.8 * width / mark.shape[1])
    size = (mark.shape[1] * scale, mark.shape[0] * scale)
    center = [
        generator.uniform(0.6 * extent, total - 0.6 * extent)
        for extent, total in zip(size, (width, height), strict=True)
    ]
    turn = cv2.getRotationMatrix2D((mark.shape[1] / 2, mark.shape[0] / 2), float(generator.normal(0, 3)), scale)
    turn[:, 2] += np.array(center) - np.array([mark.shape[1] / 2, mark.shape[0] / 2])
    margin = 0.12 * max(mark.shape[:2])
    corners = cv2.transform(np.array([corners_of((mark.shape[1], mark.shape[0]))], np.float32), turn)[0]
    label = corners_of((mark.shape[1], mark.shape[0])) + margin * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    outline = cv2.transform(np.array([label], np.float32), turn)[0]
    under = cv2.fillConvexPoly(np.zeros((height, width), np.float32), np.rint(outline).astype(np.int32), 1.0)
    scene += cv2.GaussianBlur(under, (0, 0), 1.0)[:, :, None] * (generator.uniform(215, 250, 3) - scene)
    straight = mark.astype(np.float32)
    straight[:, :, :3] *= straight[:, :, 3:] / 255
    smooth = cv2.GaussianBlur(straight, (0, 0), 0.4 / scale) if scale < 1 else straight
    printed = cv2.warpAffine(smooth, turn, (width, height))
    composed = printed[:, :, :3] + scene * (1 - printed[:, :, 3:] / 255)
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    return np.asarray(composed, np.float32), (float(left), float(top), float(right), float(bottom))


def _colors(count: int) -> Iterator[NDArray[np.uint8]]:
    """Clear, dark enough for a light ground, and evenly spread over the hues."""
    for number in range(count):
        pixel = np.array([[[180 * number / count, 220, 170]]], np.uint8)
        yield cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0]


def _logo(one: Drawn) -> LogoPicture:
    return LogoPicture(
        rights_holder=HOLDER, brand=one.brand, sha256=sha256(one.brand.encode()).hexdigest(), rgba=one.logo
    )


def _drawn(grounds: Sequence[RGB], generator: np.random.Generator) -> RGB:
    return grounds[int(generator.integers(len(grounds)))]
