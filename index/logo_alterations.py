"""How a found mark differs from the rights holder's: stretched, mirrored, recolored, a letter changed, partly covered.

Each finding must be safe: on marks as they are, about one in a hundred may be called altered. So nothing is said of a
mark that the logo cannot be laid over well, whatever it looks like, and a letter is called changed only where a reader
is sure of every letter. Marks that were hidden in a copied photo are found by `index.hidden_logos`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from domain.match import Alteration, Box, LogoAlteration
from index.homography import Matrix
from index.logo_registration import Gray, Registration, edges_of, register, register_part
from index.logo_surface import covered, recolored, shows_all
from index.mark_text import ReadText, TextReader
from index.text_layout import letters_of, spans
from index.word_marks import in_dictionary, skeleton_of
from store.images import RGB

_FITS = 0.62
"""Correlation of edges from which a logo lies on a mark."""
_FITS_WELL = 0.8
_SMALLEST = 12
"""Pixels of a place's shorter side, under which nothing can be told."""
_STRETCHED, _VERY_STRETCHED, _MOST_STRETCHED = 1.45, 1.8, 2.6
"""Change of aspect that a view from the side of 46° makes as well, one that few views make, and one that nobody makes:
then the logo lies on something else."""
_SHEARED = 0.2
_ASYMMETRIC = 0.15
"""1 - correlation of a logo's edges and their mirror image, from which left can be told from right."""
_MIRRORED, _MIRRORED_ALIKE = 0.4, 0.15
"""How much more the mark must resemble the mirrored logo where it differs from the logo; see `_turned_about`."""
_FEWEST_LETTERS, _LETTERS_PER_CHANGE = 4, 4
_MOST_CHANGES = 2
_UNREAD = 0.49
"""Most confidence in a changed letter where neither it nor the logo was read again."""
_DOUBT = 0.1
"""Sum of what confidence lacks over a word's letters: letters that were misread in photographs have 0.25 and more."""
_WORD = re.compile(r"[^\W_]+")
_AROUND = 0.25
"""Of a place's sides, what is read with it."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SeenLogo:
    """A mark that was found, and the logo that it was taken for."""

    picture: RGB
    """The listing picture, (height, width, 3)."""
    box: Box
    """Of the mark, in its pixels."""
    logo: RGB
    """The rights holder's picture, of any size, on a plain ground."""
    content: Box
    """The part of it that is the mark."""
    matrix: Matrix | None = None
    """(3, 3) from the logo's pixels to the picture's, where local features gave one."""
    others: Sequence[RGB] = ()
    """All logo pictures of the brand: none of their colors is another color."""
    marks: Sequence[str] = ()
    """The brand's name and its trademarks."""
    known: Sequence[str] = ()
    """Names and trademarks of other brands: none of them is this brand's, altered."""
    texts: Sequence[ReadText] = ()
    """All that was read in the picture."""


def find_alterations(seen: SeenLogo, reader: TextReader | None = None) -> tuple[LogoAlteration, ...]:
    """Ways in which the mark differs from the logo, most confident first; empty: none that is sure.

    With a `reader`, what looks like a changed letter is read once more, and so is the logo.
    """
    left, top, right, bottom = _within(seen.box, seen.picture)
    if min(right - left, bottom - top) < _SMALLEST:
        return ()
    upright, turned = register(seen.picture, seen.box, seen.logo, seen.content, seen.matrix)
    changed = _letter_changed(seen, reader)
    # what is read is not mirrored
    mirrored = None if changed or _is_read(seen) else _mirrored(upright, turned)
    found = [changed, mirrored]
    fit = turned if mirrored else upright
    if fit is not None and fit.correlation >= _FITS:
        found += [_stretched(fit), recolored(fit, (seen.logo, *seen.others))]
    if not any(found):
        found.append(_covered(seen, upright))
    return tuple(sorted((one for one in found if one is not None), key=lambda one: -one.confidence))


def _stretched(fit: Registration) -> LogoAlteration | None:
    wider = fit.wider
    factor = max(wider, 1 / wider) if wider > 0 else 1.0
    if not _STRETCHED <= factor <= _MOST_STRETCHED or fit.shear > _SHEARED:
        return None
    amount = min(1.0, (factor - _STRETCHED) / (_VERY_STRETCHED - _STRETCHED))
    fits = min(1.0, (fit.correlation - _FITS) / (_FITS_WELL - _FITS))
    measure = "wide for its height" if wider > 1 else "high for its width"
    return LogoAlteration(
        kind=Alteration.STRETCHED,
        confidence=round((0.6 + 0.39 * amount) * (0.7 + 0.3 * fits), 3),
        difference=f"is {factor:.1f} times as {measure} as the logo",
    )


def _mirrored(upright: Registration | None, turned: Registration | None) -> LogoAlteration | None:
    """Where the logo's mirror image fits, and the logo does not, in what tells them apart."""
    if turned is None or turned.correlation < _FITS:
        return None
    asymmetry, alike = _turned_about(turned)
    unlike = _turned_about(upright)[1] if upright is not None else 0.0
    better = upright is None or turned.correlation > upright.correlation
    if asymmetry < _ASYMMETRIC or alike < _MIRRORED_ALIKE or alike - unlike < _MIRRORED or not better:
        return None
    return LogoAlteration(
        kind=Alteration.MIRRORED,
        confidence=round(0.6 + 0.39 * min(1.0, (alike - unlike - _MIRRORED) / 1.0), 3),
        difference="is the logo seen in a mirror",
    )


def _turned_about(fit: Registration) -> tuple[float, float]:
    """(asymmetry of the logo, how much more the mark resembles it than its mirror image, -2 to 2)."""
    left, top, right, bottom = fit.content
    logo, seen = edges_of(fit.logo), edges_of(fit.seen)
    about = logo.copy()
    about[:, left:right] = logo[:, left:right][:, ::-1]
    one, other = logo[top:bottom, left:right], about[top:bottom, left:right]
    telling = cv2.GaussianBlur(logo - about, (0, 0), 1.0)
    weight = np.zeros_like(logo)
    weight[top:bottom, left:right] = np.abs(telling)[top:bottom, left:right]
    weight *= fit.inside
    spread = float(one.std() * other.std())
    asymmetry = 1 - float(((one - one.mean()) * (other - other.mean())).mean()) / max(spread, 1e-6)
    return asymmetry, _weighted(seen, logo, weight) - _weighted(seen, about, weight)


def _weighted(one: Gray, other: Gray, weight: Gray) -> float:
    """Weighted correlation, -1 to 1."""
    total = max(float(weight.sum()), 1e-6)
    first, second = one - float((weight * one).sum()) / total, other - float((weight * other).sum()) / total
    spread = float((weight * first**2).sum()) * float((weight * second**2).sum())
    return float((weight * first * second).sum()) / max(float(np.sqrt(spread)), 1e-6)


def _covered(seen: SeenLogo, upright: Registration | None) -> LogoAlteration | None:
    if upright is not None and shows_all(upright):
        return None
    part = register_part(seen.picture, seen.box, seen.logo, seen.content, seen.matrix)
    if part is not None and shows_all(part):
        return None
    found = [one for fit in (upright, part) if fit is not None and (one := covered(fit)) is not None]
    return max(found, key=lambda one: one.confidence, default=None)


def _letter_changed(seen: SeenLogo, reader: TextReader | None) -> LogoAlteration | None:
    """Where a word in the box is one of the brand's but for a letter, and every letter was read with confidence."""
    here = [one for one in seen.texts if _inside(one.box, seen.box)]
    marks = {letters_of(mark): mark for mark in seen.marks}
    read = list(spans(here))
    if any(span.letters in marks or _holds_one(span.letters, marks) for span in read):
        return None
    found = [
        (span, letters)
        for span in read
        for letters, mark in marks.items()
        if (1 - span.confidence) * len(span.letters) <= _DOUBT
        and _differs_by_letters(span.letters, letters)
        and not _is_another(span.text, mark, seen.known)
    ]
    if found and reader is not None:
        again = {one.letters for one in spans(reader.read(_cut(seen.picture, seen.box)))}
        own = {one.letters for one in spans(reader.read(seen.logo))}
        # a logo without the word says nothing of how the word is spelled
        found = [pair for pair in found if pair[0].letters in again - own and pair[1] in own and not again & set(marks)]
    if not found:
        return None
    span, letters = max(found, key=lambda pair: (pair[0].confidence, pair[1]))
    confidence = 0.9 - (1 - span.confidence) * len(span.letters)
    confidence = min(_UNREAD, confidence) if reader is None else min(0.97, confidence + 0.07)
    return LogoAlteration(
        kind=Alteration.LETTER_CHANGED,
        confidence=round(confidence, 3),
        difference=f"reads “{span.text}”, not “{marks[letters]}”",
    )


def _is_read(seen: SeenLogo) -> bool:
    """Whether a word in the box is one of the brand's."""
    marks = {letters_of(mark) for mark in seen.marks}
    here = [one for one in seen.texts if _inside(one.box, seen.box)]
    return any(span.letters in marks for span in spans(here) if len(span.letters) >= _FEWEST_LETTERS)


def _differs_by_letters(read: str, mark: str) -> bool:
    """By one letter in four, at most two, that are not taken one for another, or by two that changed places.

    None may be missing or too many: so read marks that are partly covered or cut off.
    """
    one, other = skeleton_of(read), skeleton_of(mark)
    if len(mark) < _FEWEST_LETTERS or len(read) != len(mark) or len(one) != len(other):
        return False
    places = [place for place, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1]]
    swapped = (
        len(places) == 2
        and places[1] - places[0] == 1
        and one[places[0]] + one[places[1]] == (other[places[1]] + other[places[0]])
    )
    return 0 < len(places) - swapped <= min(_MOST_CHANGES, len(mark) // _LETTERS_PER_CHANGE)


def _is_another(text: str, mark: str, known: Sequence[str]) -> bool:
    """Whether what differs from the mark is a word of its own, or all of it another brand's."""
    letters = letters_of(text)
    if in_dictionary(letters) or skeleton_of(letters) in {skeleton_of(letters_of(other)) for other in known}:
        return True
    words, own = _WORD.findall(text), _WORD.findall(mark)
    changed = [word for word, other in zip(words, own, strict=False) if letters_of(word) != letters_of(other)]
    return len(words) == len(own) and all(in_dictionary(letters_of(word)) for word in changed)


def _holds_one(letters: str, marks: dict[str, str]) -> bool:
    """Whether a mark is part of what was read: then it is there, with something beside it."""
    return any(len(mark) >= _FEWEST_LETTERS and mark in letters for mark in marks)


def _inside(text: Box, box: Box) -> bool:
    """Whether the middle of a line is in the box, or close to it."""
    across, down = _AROUND * (box[2] - box[0]), _AROUND * (box[3] - box[1])
    x, y = (text[0] + text[2]) / 2, (text[1] + text[3]) / 2
    return box[0] - across <= x <= box[2] + across and box[1] - down <= y <= box[3] + down


def _cut(picture: RGB, box: Box) -> RGB:
    across, down = _AROUND * (box[2] - box[0]), _AROUND * (box[3] - box[1])
    left, top, right, bottom = _within((box[0] - across, box[1] - down, box[2] + across, box[3] + down), picture)
    return np.ascontiguousarray(picture[top:bottom, left:right])


def _within(box: Box, picture: RGB) -> tuple[int, int, int, int]:
    """In whole pixels of the picture; empty where the box lies beside it."""
    height, width = picture.shape[:2]
    left, top = min(max(0, round(box[0])), width), min(max(0, round(box[1])), height)
    return left, top, max(left, min(width, round(box[2]))), max(top, min(height, round(box[3])))
