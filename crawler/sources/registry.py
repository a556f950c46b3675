"""All sources, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from crawler.manners.robots import robots_token
from crawler.sources.interface import Answer, Ask, Reading, Source
from crawler.sources.keys import keyed
from crawler.sources.listed import is_listed
from crawler.sources.page import PageSource
from crawler.sources.shopify import ShopifySource
from crawler.sources.sitemap import SitemapSource
from crawler.sources.starts import search_sources
from crawler.sources.woocommerce import WooCommerceSource
from domain.settings import Settings


class Sources:
    """Reads answers by the source that asked for them."""

    def __init__(self, settings: Settings) -> None:
        published: tuple[Source, ...] = (ShopifySource(), WooCommerceSource(), SitemapSource())
        page = PageSource(published, robot=robots_token(settings))
        sources = (*published, page, *search_sources(settings).values())
        self._by_name: Mapping[str, Source] = {source.name: source for source in sources}

    def read(self, ask: Ask, answer: Answer) -> Reading:
        """What the answer gave, and what `ask` wants done after that."""
        return keyed(_through(ask, self._by_name[ask.source].read(ask, answer)))

    def missed(self, ask: Ask) -> Reading:
        """What is left when no answer came, and what `ask` wants done after that."""
        return keyed(_through(ask, self._by_name[ask.source].missed(ask)))


def _through(ask: Ask, reading: Reading) -> Reading:
    """What waits for `ask` waits on for the request that goes on with it, or its time has come."""
    if not ask.then:
        return reading
    asks = list(reading.asks)
    then = tuple(_told(each, {told.url: told.context for told in asks if is_listed(told)}) for each in ask.then)
    going_on = next((at for at, each in enumerate(asks) if each.source == ask.source), None)
    if going_on is None:
        asks += then
    else:
        asks[going_on] = replace(asks[going_on], then=then)
    return replace(reading, asks=tuple(asks))


def _told(ask: Ask, listed: Mapping[str, Mapping[str, Any]]) -> Ask:
    """The waiting page may be a product itself that the list tells of."""
    then = tuple(_told(each, listed) for each in ask.then)
    return replace(ask, then=then, context={**ask.context, **listed.get(ask.url, {})})
