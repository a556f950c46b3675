"""What a crawl can begin with: a target, or a search of an official API. Nothing here reads pages for people.

Kept apart from the registry, so that the crawl's own process never loads what only its readers need.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from crawler.sources.ebay import EbaySearch
from crawler.sources.etsy import EtsySearch
from crawler.sources.interface import Ask, Priority, SearchSource
from domain.settings import Settings


def search_sources(settings: Settings) -> Mapping[str, SearchSource]:
    """The search APIs by name."""
    searches: tuple[SearchSource, ...] = (EbaySearch(settings), EtsySearch(settings))
    return {source.name: source for source in searches}


def target(url: str) -> Ask:
    """The request for a target of the user's, which may be a page or a list that a shop publishes."""
    path = urlsplit(url).path
    endings = {"/products.json": "shopify", "/wp-json/wc/store/v1/products": "woocommerce", "/robots.txt": "sitemap"}
    source = next((name for ending, name in endings.items() if path.endswith(ending)), "page")
    if path.endswith((".xml", ".xml.gz")):
        source = "sitemap"
    return Ask(url=url, source=source, priority=Priority.TARGET)
