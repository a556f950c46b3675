"""Item pages of eBay, on all of its sites."""

from __future__ import annotations

from web_poet import field, handle_urls

from crawler.pages.generic import ItemPage, by_css

_SITES = """ebay.com ebay.co.uk ebay.de ebay.fr ebay.it ebay.es ebay.at ebay.ch ebay.be ebay.nl ebay.ie ebay.pl
    ebay.ca ebay.com.au ebay.com.sg ebay.com.my ebay.com.hk ebay.ph""".split()  # noqa: SIM905


@handle_urls(_SITES)
class EbayItemPage(ItemPage):
    """The seller stands in a card of its own, which no structured data tells of."""

    item_address = r"/itm/(?:[^/]+/)?(\d{9,15})"
    name = by_css("h1.x-item-title__mainTitle", "h1#itemTitle")
    price = by_css(".x-price-primary", "#prcIsum", "#mm-saleDscPrc")
    condition = by_css(".x-item-condition-text .ux-textspans", "#vi-itm-cond")
    sellerName = by_css(
        ".x-sellercard-atf__info__about-seller a .ux-textspans", "#RightSummaryPanel .mbg-nw", ".si-content .mbg-nw"
    )
    sellerId = by_css(
        '.x-sellercard-atf a[href*="/usr/"]',
        '#RightSummaryPanel a[href*="/usr/"]',
        '.si-content a[href*="/usr/"]',
        attribute="href",
        pattern=r"/usr/([^/?#]+)",
    )
    sellerLocation = by_css(
        ".ux-labels-values--itemLocation .ux-labels-values__values",
        "#itemLocation .iti-eu-bld-gry",
        "[itemprop=availableAtOrFrom]",
    )

    @field
    def sellerFeedbackScore(self) -> int | None:
        """In brackets after the name."""
        score = self.first(".x-sellercard-atf__about-seller", ".si-content .mbg-l", pattern=r"\((\d[\d.,]*)\)")
        return int("".join(sign for sign in score if sign.isdigit())) if score else None

    @field
    def sellerFeedbackPercent(self) -> float | None:
        """``98.7% positive feedback``."""
        share = self.first(".x-sellercard-atf__data-item", "#si-fb", ".si-content", pattern=r"(\d{1,3}(?:[.,]\d)?)\s?%")
        return float(share.replace(",", ".")) if share else None

    @field
    def quantity(self) -> int | None:
        """``More than 10 available`` is no number of pieces."""
        count = self.first("#qtyAvailability", ".x-quantity__availability", "#qtySubTxt", pattern=r"^\s*(\d{1,6})\b")
        return int(count) if count else None
