"""Which page object reads a page: web-poet's registry, filled by every module beside this one."""

from __future__ import annotations

from functools import lru_cache

from web_poet import consume_modules, default_registry

from crawler.pages.generic import ItemPage
from crawler.pages.item import OfferItem


@lru_cache(1)
def _load() -> None:
    consume_modules("crawler.pages")


def page_class(url: str) -> type[ItemPage]:
    """The page object whose address rules fit best, or that of any shop."""
    _load()
    chosen = default_registry.page_cls_for_item(url, OfferItem)
    return chosen if chosen is not None and issubclass(chosen, ItemPage) else ItemPage
