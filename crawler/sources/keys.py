"""What tells requests apart."""

from __future__ import annotations

from dataclasses import replace

from crawler.manners.canonical import canonical_address
from crawler.sources.interface import Ask, Reading
from domain.codec import digest


def key_of(ask: Ask) -> str:
    """Equal for requests that ask for the same thing."""
    if ask.key:
        return ask.key
    address = canonical_address(ask.url)
    return address if ask.method == "GET" else f"{address} {digest([ask.method, ask.body])[:16]}"


def keyed(reading: Reading) -> Reading:
    """The same with each request's key stated, so that the crawl's own process need not work it out."""
    return replace(reading, asks=tuple(replace(ask, key=key_of(ask)) for ask in reading.asks))
