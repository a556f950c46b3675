"""Which lines of text belong together: a mark's words stand beside or below each other in letters of one size."""

from __future__ import annotations

import re
import unicodedata
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from domain.match import Box
from index.mark_text import ReadText

_TOKEN = re.compile(r"[^\W_]+")
_MOST_PIECES = 4
"""Lines of one mark: ``GOD`` / ``MOR`` / ``GON``."""
_MOST_WORDS = 6
_MOST_CHAINS = 256
_LIKE_BESIDE, _LIKE_BELOW = 1.6, 2.0
"""Taller over lower letters, at most."""
_GAP_BESIDE, _GAP_BELOW = 1.5, 1.0
"""In heights of the taller letters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """Consecutive words that may be a mark: part of a line, a line, or lines joined."""

    text: str
    """As read."""
    letters: str
    """Folded, without spaces."""
    box: Box
    confidence: float
    """The worst line's, 0 to 1."""
    height_share: float
    """Of the lowest letters, as a share of the picture's longer side."""
    whole: bool
    """Whether nothing else stands in its lines."""
    company: int
    """Words around it in letters of like size: a few on a sign, many in running text."""


def _folded(text: str) -> str:
    """Case, accents, width and styled letters undone; what a bar stands for is an l."""
    plain = unicodedata.normalize("NFKD", text.replace("|", "l"))
    return "".join(c for c in plain if not unicodedata.combining(c)).casefold()


def letters_of(text: str) -> str:
    """The letters and digits of a name, folded: ``Coca-Cola`` and ``COCA COLA`` are ``cocacola``."""
    return "".join(_TOKEN.findall(_folded(text)))


def spans(texts: Sequence[ReadText]) -> Iterator[Span]:
    """Every run of up to six words in a line, and every chain of up to four lines that stand together."""
    company = [_company(one, texts) for one in texts]
    for one, around in zip(texts, company, strict=True):
        yield from _spans_in(one, around)
    for chain in _chains(texts):
        pieces = [texts[number] for number in chain]
        inside = sum(len(_TOKEN.findall(piece.text)) for piece in pieces)
        lefts, tops, rights, bottoms = zip(*(piece.box for piece in pieces), strict=True)
        yield Span(
            text=" ".join(piece.text for piece in pieces),
            letters="".join(letters_of(piece.text) for piece in pieces),
            box=(min(lefts), min(tops), max(rights), max(bottoms)),
            confidence=min(piece.confidence for piece in pieces),
            height_share=min(piece.height_share for piece in pieces),
            whole=True,
            company=max(0, max(company[number] for number in chain) - inside),
        )


def _spans_in(line: ReadText, around: int) -> Iterator[Span]:
    tokens = list(_TOKEN.finditer(line.text.replace("|", "l")))
    for first in range(len(tokens)):
        for last in range(first, min(first + _MOST_WORDS, len(tokens))):
            start, end = tokens[first].start(), tokens[last].end()
            whole = first == 0 and last == len(tokens) - 1
            yield Span(
                text=line.text[start:end],
                letters=letters_of(line.text[start:end]),
                box=line.box if whole else _part_of(line, start, end),
                confidence=line.confidence,
                height_share=line.height_share,
                whole=whole,
                company=max(0, around - (last - first + 1)),
            )


def _part_of(line: ReadText, start: int, end: int) -> Box:
    """The box of characters `start` to `end` of a line, as if all were equally wide."""
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = line.corners
    length = max(len(line.text), 1)
    xs = [x0 + (x1 - x0) * at / length for at in (start, end)] + [x3 + (x2 - x3) * at / length for at in (start, end)]
    ys = [y0 + (y1 - y0) * at / length for at in (start, end)] + [y3 + (y2 - y3) * at / length for at in (start, end)]
    return min(xs), min(ys), max(xs), max(ys)


def _chains(texts: Sequence[ReadText]) -> Iterator[tuple[int, ...]]:
    """Chains of two to four line numbers, each standing right of or below the one before it."""
    frames = [_frame(one) for one in texts]
    after = [[j for j in range(len(texts)) if j != i and _follows(frames[i], frames[j])] for i in range(len(texts))]
    waiting: deque[tuple[int, ...]] = deque((number,) for number in range(len(texts)))
    made = 0
    while waiting:
        chain = waiting.popleft()
        for number in after[chain[-1]]:
            if number in chain or made == _MOST_CHAINS:
                continue
            made += 1
            yield (*chain, number)
            if len(chain) + 1 < _MOST_PIECES:
                waiting.append((*chain, number))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Frame:
    """Where a line lies, seen along its own direction: photographed signs are seldom level."""

    center: complex
    direction: complex
    """Of length 1, along the line; y points down."""
    length: float
    height: float


def _frame(line: ReadText) -> _Frame:
    first, second, third, fourth = (complex(*corner) for corner in line.corners)
    along, down = (second - first + third - fourth) / 2, (fourth - first + third - second) / 2
    if abs(down) > 1.5 * abs(along):
        along, down = down, along
    return _Frame(
        center=(first + second + third + fourth) / 4,
        direction=along / abs(along) if along else 1 + 0j,
        length=abs(along),
        height=max(abs(down), 1.0),
    )


def _follows(one: _Frame, other: _Frame) -> bool:
    """Whether `other` goes on where `one` ends, to its right or below it."""
    low, tall = sorted((one.height, other.height))
    # from one's center to the other's, in the direction that they share
    step = (other.center - one.center) * (one.direction + other.direction).conjugate() / 2
    gap = step.real - (one.length + other.length) / 2
    if abs(step.imag) <= 0.5 * low:
        return tall <= _LIKE_BESIDE * low and -0.5 * low <= gap <= _GAP_BESIDE * tall
    lines_between = step.imag - (one.height + other.height) / 2
    overlap = (one.length + other.length) / 2 - abs(step.real)
    under = overlap >= 0.5 * min(one.length, other.length) and -0.5 * low <= lines_between <= _GAP_BELOW * tall
    return under and tall <= _LIKE_BELOW * low


def _company(line: ReadText, texts: Sequence[ReadText]) -> int:
    """Words of this line and of lines in like letters within two heights of it."""
    left, top, right, bottom = line.box
    reach = 2 * (bottom - top)
    near = (
        other
        for other in texts
        if other.box[0] < right + reach
        and other.box[2] > left - reach
        and other.box[1] < bottom + reach
        and other.box[3] > top - reach
        and 0.6 <= other.height_share / max(line.height_share, 1e-9) <= 1.6
    )
    return sum(len(_TOKEN.findall(other.text)) for other in near)
