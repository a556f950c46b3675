"""Seller names compared exactly."""

from __future__ import annotations

import unicodedata

_NARROW = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
"""U+FF01 to U+FF5E, as East Asian keyboards write ASCII."""


def exact_name(name: str) -> str:
    """NFC, full-width ASCII made narrow, case-folded, stripped; nothing else.

    No look-alike is folded here: a name that only looks like an authorized seller's must not gain from it. Bold,
    circled and other styled letters are look-alikes too, hence not NFKC.
    """
    return unicodedata.normalize("NFC", name).translate(_NARROW).casefold().strip()
