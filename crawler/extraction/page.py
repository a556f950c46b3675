"""A page to the one offer that it makes, or to none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import lxml.html

from crawler.extraction.listing import read_offer
from crawler.extraction.shop_page import ShopPage, bare
from crawler.sources.interface import Offer
from domain.errors import BadInput

__all__ = ["Offer", "Page", "read_page"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """What a page says of itself and of what it sells."""

    url: str
    """Without fragment."""
    canonical: str
    """The address it names as its proper one, on the same host; empty when it names none."""
    offer: Offer | None
    broken: tuple[str, ...]
    """What could not be parsed or, of a marketplace's item page, not be found."""
    tree: lxml.html.HtmlElement | None = None
    """As it was parsed, without comments; None where it is no HTML."""


def read_page(html: str, url: str, *, marketplace: str, also: Sequence[str] = ()) -> Page:
    """Read a page captured at `url`; `also` are addresses that led there by redirects. Never raises for its content."""
    try:
        shop_page = ShopPage(html, url, also)
    except BadInput as error:
        return Page(url=bare(url), canonical="", offer=None, broken=(error.reason,))
    offer, missing = read_offer(shop_page, marketplace)
    return Page(
        url=shop_page.url,
        canonical=shop_page.canonical,
        offer=offer,
        broken=(*shop_page.data.broken, *missing),
        tree=shop_page.tree,
    )
