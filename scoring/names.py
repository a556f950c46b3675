"""Seller names compared exactly."""

from __future__ import annotations

import unicodedata


def exact_name(name: str) -> str:
    """NFKC, case-folded, stripped; nothing else.

    No look-alike is folded here: a name that only looks like an authorized seller's must not gain from it.
    """
    return unicodedata.normalize("NFKC", name).casefold().strip()
