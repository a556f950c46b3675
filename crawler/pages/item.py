"""What a page object gives: an item for sale, in the words of zyte-common-items' ``Product`` where it has them."""

from __future__ import annotations

from typing import Any

import attrs


class Stated(str):
    """Text of a page that knows where it stood."""

    __slots__ = ("where",)
    where: str

    def __new__(cls, text: str, where: str = "") -> Stated:
        """`where` is written as in `domain.listing.FoundValue`."""
        stated = super().__new__(cls, text)
        stated.where = where
        return stated

    def __getnewargs__(self) -> tuple[str, str]:  # type: ignore[override]
        return (str(self), self.where)


@attrs.define(kw_only=True)
class OfferItem:
    """An item for sale as its page states it; None or empty where the page is silent."""

    name: str | None = None
    description: str | None = None
    price: str | None = None
    """As it stands on the page; it may bear its currency."""
    currency: str | None = None
    """A code of ISO 4217, or a sign."""
    productId: str | None = None
    """The marketplace's own key of the offer."""
    sku: str | None = None
    gtin: str | None = None
    mpn: str | None = None
    brand: str | None = None
    availability: str | None = None
    """``InStock`` or ``OutOfStock``."""
    category: str | None = None
    condition: str | None = None
    quantity: int | None = None
    shipsFrom: str | None = None
    images: tuple[str, ...] = ()
    """Absolute URLs."""
    sellerId: str | None = None
    """The marketplace's own key of the seller."""
    sellerName: str | None = None
    sellerLocation: str | None = None
    sellerFeedbackScore: int | None = None
    sellerFeedbackPercent: float | None = None

    def filled(self) -> dict[str, Any]:
        """What is stated, by name."""
        return {name: value for name, value in attrs.asdict(self, recurse=False).items() if value not in (None, "", ())}
