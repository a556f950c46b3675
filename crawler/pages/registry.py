"""Which page object reads a page: web-poet's registry, filled by every module beside this one."""

from __future__ import annotations

import re
from functools import lru_cache

import tldextract
from web_poet import consume_modules, default_registry

from crawler.pages.generic import ItemPage
from crawler.pages.item import OfferItem


@lru_cache(1)
def _load() -> None:
    # web-poet's address rules look domains up in a list that this library would fetch by itself, unguarded, and keep
    # in the user's home; the copy that it brings along is as good here
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    consume_modules("crawler.pages")


def page_class(url: str) -> type[ItemPage]:
    """The page object of this site, where the address is that of one of its item pages; else that of any shop."""
    _load()
    chosen = default_registry.page_cls_for_item(url, OfferItem)
    if chosen is None or not issubclass(chosen, ItemPage) or not re.search(chosen.item_address, url):
        return ItemPage
    return chosen
