"""What the spider hands to the pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from crawler.extraction.page import Offer


@dataclass(frozen=True, kw_only=True, slots=True)
class CapturedOffer:
    """An offer with the page that makes it."""

    offer: Offer
    page: bytes
    """As captured: the body, decompressed, otherwise untouched."""
    captured_at: datetime
    """UTC."""
