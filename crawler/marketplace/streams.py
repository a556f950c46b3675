"""Independent random streams by name, so that one decision more in one place moves nothing in another."""

from __future__ import annotations

import hashlib
import random


def word_stream(seed: int, *names: object) -> random.Random:
    """For words and choices."""
    return random.Random(_number(seed, names))


def _number(seed: int, names: tuple[object, ...]) -> int:
    text = "/".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
