"""Photographs of goods that stand in no catalog: what a catalog's thresholds are set against.

Half are unbranded, half bear a mark that exists nowhere else; half are people's own photos, half a shop's.
"""

from __future__ import annotations

import random

from crawler.marketplace.brands import FONTS, INKS
from crawler.marketplace.drawing.design import BrandMark, Design, Family
from crawler.marketplace.palette import COLORS
from crawler.marketplace.pictures import Picture, Shot, render
from crawler.marketplace.streams import word_stream
from crawler.marketplace.words import invented_word


def stranger(seed: int, number: int) -> Picture:
    """The recipe of one picture; each (seed, number) shows goods, a place and a mark of its own."""
    stream = word_stream(seed, "stranger", number)
    colors = list(COLORS.values())
    design = Design(
        family=stream.choice(list(Family)),
        shape_seed=stream.getrandbits(30) * 3 + stream.randrange(3),
        main=stream.choice(colors),
        second=stream.choice(colors),
        accent=stream.choice(colors),
        mark=_mark(stream) if stream.random() < 0.5 else None,
    )
    shot = stream.choice((Shot.OWN, Shot.OWN, Shot.MAIN, Shot.ALTERNATIVE))
    return Picture(shot=shot, seed=stream.getrandbits(32), design=design)


def draw_stranger(seed: int, number: int) -> bytes:
    """The picture as a JPEG; equal arguments give equal bytes."""
    return render(stranger(seed, number), ())


def _mark(stream: random.Random) -> BrandMark:
    name = invented_word(stream, stream.choice((2, 2, 3)))
    return BrandMark(
        wordmark=stream.choice((name, name.upper(), name.lower())),
        emblem=stream.randrange(8),
        seed=stream.getrandbits(32),
        font=stream.choice(FONTS),
        tracking=stream.uniform(0.0, 0.2),
        ink=COLORS[stream.choice(INKS)],
    )
