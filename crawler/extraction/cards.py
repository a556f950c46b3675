"""Cards of other products on a page: what stands in a link that leads away, or beside the picture or name in one."""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

from crawler.extraction.document import NAMED_TITLE, Document

_MOST_IN_CARD = 40
_PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif")
_SCRIPT = re.compile(r"\.(?:php|aspx?|cfm|jsp|do|cgi|pl|exe|dll)$|/$", re.I)
_NUMBER = re.compile(r"=(\d+)")


def leads_away(document: Document, place: int) -> bool:
    """Whether it stands in a link to another page, as the prices on cards do."""
    return any(_is_link_away(document, each) for each in document.ancestors(place, 6))


def _is_link_away(document: Document, place: int) -> bool:
    element = document.elements[place]
    link: str | None = element.get("href") if element.tag == "a" else None
    if not link or link.startswith(("#", "javascript:")):
        return False
    try:
        there, here = urlsplit(urljoin(document.url, link[:2_000])), urlsplit(document.url)
    except ValueError:
        return True
    if there.path != here.path:
        return not there.path.lower().endswith(_PICTURES)
    # one address for all pages, told apart by what follows it: index.php?product_id=12
    return bool(_SCRIPT.search(there.path)) and _numbers(there.query) != _numbers(here.query)


def _numbers(query: str) -> set[str]:
    return set(_NUMBER.findall(query))


def is_on_card(document: Document, place: int) -> bool:
    """Whether it stands beside the name or picture of another page's product, linked to that page."""
    for each in document.ancestors(place, 4):
        last = document.end[each]
        if last - each > _MOST_IN_CARD or each <= document.heading < last:
            return False
        if any(_is_link_away(document, i) and _is_of_card(document, i) for i in range(each, place)):
            return True
    return False


def _is_of_card(document: Document, link: int) -> bool:
    """Whether the link holds a picture, or is a heading or called a name."""
    if any(document.elements[each].tag == "img" for each in range(link, min(document.end[link], link + 6))):
        return True
    around = (*document.ancestors(link, 1), *range(link + 1, min(document.end[link], link + 3)))
    return any(
        document.elements[each].tag in ("h2", "h3", "h4", "h5", "h6") or NAMED_TITLE.search(document.names[each])
        for each in around
    )
