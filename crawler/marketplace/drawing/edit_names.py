"""What thieves do to a photo, by name; the names are those of ``truth.jsonl``."""

from __future__ import annotations

import random

EDITS = (
    "crop",
    "flip",
    "rotate",
    "colour",
    "watermark",
    "border",
    "sticker",
    "blurpatch",
    "collage",
    "screenshot",
    "resize",
    "rephotograph",
    "jpeg",
)
"""In the order in which they are done."""
_WHOLE_PICTURE = ("collage", "screenshot", "rephotograph")


def choose_edits(stream: random.Random) -> tuple[str, ...]:
    """One to four edits; at most one of those that rebuild the whole picture. Sometimes the mere copy."""
    chosen = set(stream.sample(EDITS, k=stream.choice((1, 2, 2, 3, 3, 4))))
    for surplus in [name for name in _WHOLE_PICTURE if name in chosen][1:]:
        chosen.discard(surplus)
    return tuple(name for name in EDITS if name in chosen)
