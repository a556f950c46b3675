"""What a product looks like, before anybody draws or photographs it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from crawler.marketplace.palette import RGB


class Family(StrEnum):
    """Kinds of goods."""

    BAG = "bag"
    SHOE = "shoe"
    WATCH = "watch"
    BOTTLE = "bottle"
    CHARGER = "charger"
    SHIRT = "shirt"


@dataclass(frozen=True, kw_only=True, slots=True)
class BrandMark:
    """A logo: an emblem of some kind beside a wordmark."""

    wordmark: str
    """As it is written in the logo."""
    emblem: int
    """Which way the emblem is built, 0 to 7."""
    seed: int
    font: str
    """File name of the typeface."""
    tracking: float
    """Extra space between letters, in ems."""
    ink: RGB


@dataclass(frozen=True, kw_only=True, slots=True)
class Design:
    """A product's form and colors. Color variants differ in colors alone."""

    family: Family
    shape_seed: int
    main: RGB
    second: RGB
    accent: RGB
    mark: BrandMark | None
    """None: unbranded goods."""
    variant: str = ""
    """A special form, such as ``cable`` or ``strap``; empty: any that the shape seed leads to."""
