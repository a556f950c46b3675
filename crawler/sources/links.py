"""The links of a page that stay on its site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urljoin, urlsplit

import lxml.etree
import lxml.html

from crawler.finding.related import PageLink, related
from crawler.manners.canonical import same_host
from crawler.manners.robots import forbids_following, header_directives, page_directives
from crawler.sources.interface import Answer, Offer, Priority

# of pages with other parameters than these there are as many as combinations: they come last
_PAGING = frozenset({"page", "p", "pg", "start", "offset", "cursor", "after", "limit", "id"})
_LONGEST = 2_000
_LONGEST_TEXT = 200
_BASES: Any = lxml.etree.XPath("//base/@href")
_LINKS: Any = lxml.etree.XPath("//a[@href] | //area[@href]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Links:
    """What a page leads to, addresses absolute and without fragment."""

    followed: Mapping[str, int]
    """Address to priority, in the order of the page."""
    left_alone: tuple[str, ...]
    """Those that the page asks not to follow."""


def read_links(tree: lxml.html.HtmlElement, answer: Answer, offer: Offer | None, *, robot: str, most: int) -> Links:
    """The links of a parsed page on its own host, each once; at most `most` are looked at.

    `robot` is our name for a page's wishes. On the page of an offer, what leads to more of its seller, and to items
    like it, comes sooner.
    """
    wishes = header_directives(answer.headers.get("x-robots-tag", ""), robot) | page_directives(tree, robot)
    found = _links(tree, answer.url, most)
    if forbids_following(wishes):
        return Links(followed={}, left_alone=tuple(dict.fromkeys(link.url for link in found)))
    followed = {link.url: _priority(link.url) for link in found if "nofollow" not in link.rel}
    if offer:
        followed |= {each.url: each.priority for each in related(found, offer) if each.url in followed}
    left = dict.fromkeys(link.url for link in found if link.url not in followed)
    return Links(followed=followed, left_alone=tuple(left))


def _links(tree: lxml.html.HtmlElement, page_url: str, most: int) -> list[PageLink]:
    base = next((_absolute(page_url, base) for base in _BASES(tree)[:1]), "") or page_url

    @cache  # a menu stands on its page twice, and a picture and a name lead to the same item
    def own(link: str) -> str:
        url = _absolute(base, link)
        return url if url and same_host(url, page_url) else ""

    return [
        PageLink(url=url, text=_text(link), rel=tuple(link.get("rel", "").lower().split()))
        for link in _LINKS(tree)[:most]
        if (url := own(link.get("href")))
    ]


def _text(link: lxml.html.HtmlElement) -> str:
    text = "".join(link.itertext())[:_LONGEST_TEXT]
    return " ".join(text.split()) or next((str(alt) for alt in link.xpath(".//img/@alt")[:1]), "")[:_LONGEST_TEXT]


def _absolute(base: str, link: str) -> str:
    try:
        url = urljoin(base, link.strip()).partition("#")[0]
        fits = urlsplit(url).scheme in ("http", "https") and len(url) <= _LONGEST
    except ValueError:
        return ""
    return url if fits else ""


def _priority(url: str) -> int:
    if "?" not in url:
        return Priority.PAGE
    parameters = {part.partition("=")[0].lower() for part in urlsplit(url).query.split("&") if part}
    return Priority.VARIANT if parameters - _PAGING else Priority.PAGE
