"""The links of a page that stay on its site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import lxml.etree
import lxml.html

from crawler.sources.interface import Answer, Offer, Priority

# of pages with other parameters than these there are as many as combinations: they come last
_PAGING = frozenset({"page", "p", "pg", "start", "offset", "cursor", "after", "limit", "id"})
_LONGEST = 2_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Links:
    """What a page leads to, addresses absolute and without fragment."""

    followed: Mapping[str, int]
    """Address to priority, in the order of the page."""
    left_alone: tuple[str, ...]
    """Those that the page asks not to follow."""


def read_links(html: str, answer: Answer, offer: Offer | None, *, most: int) -> Links:
    """The links on the page's own host, each once; at most `most` are looked at."""
    try:
        parser = lxml.html.HTMLParser(encoding="utf-8")
        tree: Any = lxml.html.document_fromstring(html.encode("utf-8", "replace"), parser=parser)
    except (lxml.etree.ParserError, ValueError):
        return Links(followed={}, left_alone=())
    base, none = _base(tree, answer.url), _follows_nothing(tree, answer)
    followed: dict[str, int] = {}
    left: dict[str, None] = {}
    for link in tree.xpath("//a[@href] | //area[@href]")[:most]:
        url = _absolute(base, link.get("href"))
        if not url or not _same_host(url, answer.url):
            continue
        if none or "nofollow" in link.get("rel", "").lower().split():
            left[url] = None
        else:
            followed.setdefault(url, _priority(url))
    return Links(followed=followed, left_alone=tuple(url for url in left if url not in followed))


def _follows_nothing(tree: Any, answer: Answer) -> bool:
    """Whether the page says ``nofollow`` of all its links, by a header or in its head."""
    said = [answer.headers.get("x-robots-tag", "")]
    said += [meta.get("content", "") for meta in tree.xpath("//meta[translate(@name, 'ROBTS', 'robts')='robots']")]
    words = {word.strip().lower() for text in said for word in text.split(",")}
    return bool(words & {"nofollow", "none"})


def _base(tree: Any, url: str) -> str:
    return next((_absolute(url, base) for base in tree.xpath("//base/@href")[:1]), "") or url


def _absolute(base: str, link: str) -> str:
    try:
        url = urljoin(base, link.strip()).partition("#")[0]
        fits = urlsplit(url).scheme in ("http", "https") and len(url) <= _LONGEST
    except ValueError:
        return ""
    return url if fits else ""


def _same_host(one: str, other: str) -> bool:
    return urlsplit(one).netloc.lower() == urlsplit(other).netloc.lower()


def _priority(url: str) -> int:
    parameters = {part.partition("=")[0].lower() for part in urlsplit(url).query.split("&") if part}
    return Priority.VARIANT if parameters - _PAGING else Priority.PAGE
