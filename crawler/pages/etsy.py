"""Listing pages of Etsy, in all languages."""

from __future__ import annotations

from web_poet import field, handle_urls

from crawler.pages.generic import ItemPage, by_css
from crawler.pages.item import Stated


@handle_urls("etsy.com")
class EtsyListingPage(ItemPage):
    """The shop that sells is named by links to it; structured data gives the name alone."""

    item_address = r"/listing/(\d{6,15})"
    name = by_css("h1[data-buy-box-listing-title]", "#listing-page-cart h1")
    price = by_css("[data-buy-box-region=price] p.wt-text-title-larger", "[data-selector=price-only] p")
    sellerName = by_css(
        '[data-region=shop-header] a[href*="/shop/"]', '#seller-nav a[href*="/shop/"]', 'a[href*="/shop/"] span'
    )
    sellerLocation = by_css("[data-region=shop-header] [data-shop-location]", "[data-shipping-origin]")
    shipsFrom = by_css(
        "[data-shipping-origin]",
        "#shipping-and-returns-div .wt-text-caption",
        pattern=r"(?:from|aus|de|da)\s+(.{2,60})",
    )

    @field
    def sellerId(self) -> Stated:
        """The shop's name in its address, by which Etsy knows it."""
        return self.first('a[href*="/shop/"]', attribute="href", pattern=r"/shop/([A-Za-z0-9]{1,40})")
