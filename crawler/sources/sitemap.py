"""Sitemaps: what a site says of itself to crawlers, named in robots.txt or lying at ``/sitemap.xml``.

The format is that of sitemaps.org: XML or text, packed or not, an index of others or the pages themselves.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from urllib.parse import urljoin, urlsplit

import lxml.etree

from crawler.decoding import BodyTooLarge, BrokenBody, decoded
from crawler.manners.canonical import same_host
from crawler.sources.interface import Answer, Ask, Priority, Reading
from crawler.sources.json_answer import absolute_url, words

MOST_ENTRIES = 50_000
"""Addresses in one file, as the protocol says."""
MOST_SITEMAPS = 1_000
"""Named by one robots.txt or index."""
MOST_BYTES = 52_428_800
"""Of one file, unpacked, as the protocol says."""
MOST_LEVELS = 3
"""Indexes of indexes; the protocol knows one."""

_GZIP = b"\x1f\x8b"
_ROBOTS_LINE = re.compile(r"^[ \t]*sitemap[ \t]*:[ \t]*(\S{1,2000})", re.I | re.M)
_LONGEST_TEXT = 2_000
_TOO_MANY = f"names more than {MOST_ENTRIES} addresses; the rest was not read"
# shops name the sitemaps of their products so; those of their categories and tags may hold the same word
_PRODUCT_SITEMAP = re.compile(
    r"(?:produ[ck]t|produit|prodott)(?!\w*[_-](?:cat|tag|brand|type))|artikel|goods|tovar"
    r"|(?<![a-z])(?:items?|listings?|skus?)(?![a-z])",
    re.I,
)
# and the addresses of the products
_PRODUCT_PAGE = re.compile(
    r"/(?:products?|produkte?|produits?|productos?|produtos?|prodott[oi]|items?|itm|listings?|artikel|goods|dp|p)/[^/?]"
    r"|[-_/]p-?\d{3,}|[-_/]\d{5,}(?:\.html?)?/?$",
    re.I,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sitemap:
    """What one file says."""

    is_index: bool
    """Whether its addresses are those of other sitemaps."""
    entries: tuple[tuple[str, str], ...]
    """Address, and when that page last changed (ISO 8601 with an offset; empty when not stated)."""
    problem: str = ""
    """Why it could not be read, or not to its end."""


class SitemapSource:
    """The pages that a site names; those that look like products first."""

    name = "sitemap"

    def recognize(self, page: Answer) -> Sequence[Ask]:
        """The site's robots.txt, when the target is its front page: who names one shelf wants that shelf."""
        parts = urlsplit(page.url)
        if parts.path not in ("", "/") or parts.query:
            return ()
        return (
            Ask(
                url=urljoin(page.url, "/robots.txt"),
                source=self.name,
                priority=Priority.API,
                depth=1,
                referer=page.url,
                optional=True,
                # it may be a target, or have been asked for on behalf of manners
                key=f"sitemaps of {parts.scheme}://{parts.netloc}",
            ),
        )

    def read(self, ask: Ask, answer: Answer) -> Reading:
        """The sitemaps that robots.txt names, those of an index, or the pages of a sitemap."""
        if _is_robots(answer.url):
            return self._read_robots(ask, answer)
        found = read_sitemap(answer)
        own = [(url, changed) for url, changed in found.entries if same_host(url, answer.url)]
        problems = [found.problem] if found.problem else []
        if foreign := len(found.entries) - len(own):
            problems.append(f"{foreign} addresses lead to another site")
        if not found.is_index:
            return Reading(asks=tuple(_pages(own, ask, answer)), problems=tuple(problems))
        level = ask.context.get("level", 0)
        if not isinstance(level, int) or level >= MOST_LEVELS:
            return Reading(problems=(*problems, f"an index of sitemaps, {MOST_LEVELS} levels deep"))
        if len(own) > MOST_SITEMAPS:
            problems.append(f"names {len(own)} sitemaps; the first {MOST_SITEMAPS} are read")
        sitemaps = tuple(_sitemap_ask(url, changed, ask, answer.url, level + 1) for url, changed in own[:MOST_SITEMAPS])
        return Reading(asks=_products_first(sitemaps), problems=tuple(problems))

    def missed(self, ask: Ask) -> Reading:
        """Without a robots.txt: the place where sitemaps usually lie."""
        return Reading(asks=(_usual_place(ask, ask.url),)) if _is_robots(ask.url) else Reading()

    def _read_robots(self, ask: Ask, answer: Answer) -> Reading:
        named = dict.fromkeys(
            absolute_url(url, answer.url) for url in _ROBOTS_LINE.findall(answer.text)[:MOST_SITEMAPS]
        )
        own = [url for url in named if url and same_host(url, answer.url)]
        if not own:
            return Reading(asks=(_usual_place(ask, answer.url),))
        return Reading(asks=_products_first(tuple(_sitemap_ask(url, "", ask, answer.url, 0) for url in own)))


def read_sitemap(answer: Answer) -> Sitemap:
    """What a sitemap says, in any of its forms."""
    body, problem = answer.body, ""
    if body.startswith(_GZIP):
        try:
            body = decoded([body], "gzip", MOST_BYTES)
        except BodyTooLarge:
            problem = f"more than {MOST_BYTES} bytes unpacked"
        except BrokenBody as error:
            problem = str(error)
    if not problem and len(body) > MOST_BYTES:
        problem = f"more than {MOST_BYTES} bytes"
    if problem:
        return Sitemap(is_index=False, entries=(), problem=problem)
    start = body[:1_000].lstrip(b"\xef\xbb\xbf \t\r\n")
    return _read_xml(body, answer.url) if start.startswith(b"<") else _read_text(body, answer.url)


def _read_text(body: bytes, base: str) -> Sitemap:
    lines = (line.strip() for line in body.decode("utf-8-sig", "replace").splitlines())
    urls = (absolute_url(line, base) for line in lines if line.startswith(("http://", "https://")))
    found = list(islice(dict.fromkeys(filter(None, urls)), MOST_ENTRIES + 1))
    problem = _TOO_MANY if len(found) > MOST_ENTRIES else "" if found else "not a sitemap"
    return Sitemap(is_index=False, entries=tuple((url, "") for url in found[:MOST_ENTRIES]), problem=problem)


def _read_xml(body: bytes, base: str) -> Sitemap:
    entries: dict[str, str] = {}
    kinds, problem = set(), ""
    try:
        for kind, url, changed in _elements(body):
            kinds.add(kind)
            address = absolute_url(url, base)
            if len(entries) >= MOST_ENTRIES:
                problem = _TOO_MANY
                break
            if address:
                entries.setdefault(address, _moment(changed))
    except (lxml.etree.LxmlError, ValueError) as error:
        problem = f"broken XML ({words(str(error), 200)})"
    if not entries and not problem:
        problem = "not a sitemap, or an empty one"
    return Sitemap(is_index="sitemap" in kinds, entries=tuple(entries.items()), problem=problem)


def _elements(body: bytes) -> Iterator[tuple[str, str, str]]:
    """Kind (``url`` or ``sitemap``), address and date of each entry. Nothing outside the file is read for it."""
    parser = lxml.etree.iterparse(
        io.BytesIO(body),
        events=("end",),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    for _, element in parser:
        kind = _local_name(element)
        if kind in ("url", "sitemap"):
            yield kind, _child(element, "loc"), _child(element, "lastmod")
            # what has been read needs no memory any more
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]


def _child(element: Any, name: str) -> str:
    """The text of a child of the element's own vocabulary: ``image:loc`` is a picture's."""
    space = lxml.etree.QName(element).namespace
    for child in islice(element, 100):
        if isinstance(child.tag, str) and _local_name(child) == name and lxml.etree.QName(child).namespace == space:
            return "" if len(child) else (child.text or "").strip()[:_LONGEST_TEXT]
    return ""


def _local_name(element: Any) -> str:
    return lxml.etree.QName(element).localname.lower() if isinstance(element.tag, str) else ""


def _moment(text: str) -> str:
    """A W3C date and time, with its offset; UTC where it has none. Empty for a month, a year, or anything else."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return ""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()


def _pages(entries: Sequence[tuple[str, str]], ask: Ask, sitemap: Answer) -> Iterator[Ask]:
    of_products = bool(ask.context.get("products")) or _names_products(sitemap.url)
    for url, changed in entries:
        is_product = of_products or _PRODUCT_PAGE.search(url.partition("//")[2])
        yield Ask(
            url=url,
            source="page",
            context={"lastmod": changed} if changed else {},
            priority=Priority.OFFER if is_product else Priority.PAGE,
            depth=ask.depth + 1,
            referer=sitemap.url,
        )


def _sitemap_ask(url: str, changed: str, ask: Ask, referer: str, level: int) -> Ask:
    products = bool(ask.context.get("products")) or _names_products(url)
    return Ask(
        url=url,
        source=SitemapSource.name,
        context={"products": products, "level": level, **({"lastmod": changed} if changed else {})},
        priority=Priority.API if products else Priority.API - 1,
        depth=ask.depth,
        referer=referer,
    )


def _usual_place(ask: Ask, url: str) -> Ask:
    return Ask(
        url=urljoin(url, "/sitemap.xml"),
        source=SitemapSource.name,
        priority=Priority.API,
        depth=ask.depth,
        referer=ask.referer,
        optional=True,
    )


def _products_first(asks: tuple[Ask, ...]) -> tuple[Ask, ...]:
    return tuple(sorted(asks, key=lambda ask: -ask.priority))


def _names_products(url: str) -> bool:
    parts = urlsplit(url)
    return _PRODUCT_SITEMAP.search(f"{parts.path}?{parts.query}") is not None


def _is_robots(url: str) -> bool:
    return urlsplit(url).path == "/robots.txt"
