"""Item pages of AliExpress."""

from __future__ import annotations

from web_poet import field, handle_urls

from crawler.pages.generic import ItemPage, by_css
from crawler.pages.item import Stated


@handle_urls(["aliexpress.com", "aliexpress.us", "aliexpress.ru"])
class AliExpressItemPage(ItemPage):
    """Pages are drawn from data in a script; the store stands there and in a link to it."""

    item_address = r"/item/(?:[^/]*/)?(\d{8,20})"
    name = by_css("h1[data-pl=product-title]", ".product-title-text")
    price = by_css("[class*=price--currentPriceText]", ".product-price-value", ".uniform-banner-box-price")
    sellerName = by_css("[class*=store-header--storeName] a", ".store-info a.store-name", ".shop-name a")

    @field
    def sellerId(self) -> Stated:
        """The store's number, of the link to the store or of the page's data."""
        return self.first('a[href*="/store/"]', attribute="href", pattern=r"/store/(\d{4,15})") or self.first(
            "script", pattern=r"\"storeNum\"\s*:\s*\"?(\d{4,15})"
        )

    @field
    def sellerFeedbackPercent(self) -> float | None:
        """``"positiveRate":"97.6%"``."""
        share = self.first("script", pattern=r"\"(?:positiveRate|sellerPositiveRate)\"\s*:\s*\"(\d{1,3}(?:\.\d+)?)%?\"")
        return float(share) if share else None
