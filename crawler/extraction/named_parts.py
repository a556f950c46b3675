"""Parts of a page that are called by what they hold: the brand beside the title, the trail of categories above it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from zyte_parsers import extract_brand_name, extract_breadcrumbs

from crawler.extraction.document import Document
from crawler.extraction.evidence import Statement, said
from crawler.extraction.lexicon import LEXICON
from crawler.extraction.text import clean

_NAMED_BRAND = re.compile(
    r"(?:^|[-_\s])(?:brand|manufacturer|marke|marque|marca|znacka|vyrobce|hersteller|designer)(?:[-_\s]|$)"
    r"|(?:product|item)-?_?(?:brand|manufacturer)|brand-?_?(?:name|link|logo)|brandName",
    re.I,
)
_TRAIL = re.compile(
    r"breadcrumb|bread-crumb|(?:^|[-_\s])(?:crumbs?|trail|fil-ariane|krumel|migas|briciole)(?:[-_\s]|$)", re.I
)
_AROUND_NAME = re.compile(
    r"^(?:visit the|shop all|shop|more from|more by|by|von|par|besuche den|visita lo)\s+|\s+(?:store|shop|brand)$", re.I
)
_MOST_BRANDS = 5
_MOST_TRAILS = 3
_LARGEST = 60
_LONGEST_BRAND = 50
_SEARCH_DEPTH = 3


def brand_in(element: Any) -> str:
    """The name in an element that holds a brand: its words, or those of its picture."""
    return clean(extract_brand_name(element, search_depth=_SEARCH_DEPTH), _LONGEST_BRAND)


def crumbs_in(element: Any, url: str) -> tuple[str, ...]:
    """The names in a trail of categories, the broadest first."""
    found = extract_breadcrumbs(element, base_url=url) or ()
    return tuple(name for crumb in found if (name := clean(crumb.name, 100)))


def brand_statements(document: Document) -> Iterator[Statement]:
    """What stands in elements that are called brand, near the heading."""
    given = 0
    heading = document.text(document.heading).casefold() if document.heading >= 0 else ""
    for place, element in enumerate(document.elements):
        names = document.names[place]
        if not names or document.hidden[place] or document.aside[place] or not _names_brand(names):
            continue
        if document.end[place] - place > _LARGEST or (document.heading >= 0 and abs(place - document.heading) > 300):
            continue
        name = brand_in(element)
        label = LEXICON.labels.read(name) if name else None
        if label and label.field == "brand":
            name = label.rest
        name = _AROUND_NAME.sub("", name).strip()
        if not 1 < len(name) <= _LONGEST_BRAND or not any(sign.isalpha() for sign in name):
            continue
        if name.casefold() == heading:
            continue  # the product's name, whatever its element is called
        yield said("brand", name, name, f"css {element.tag}.{'.'.join(names.split()[:2])}"[:100], "named")
        given += 1
        if given == _MOST_BRANDS:
            return


def read_trail(document: Document) -> tuple[str, ...]:
    """The categories above the product; the product itself, which may end the trail, is left out."""
    tried = 0
    title = document.text(document.heading).casefold() if document.heading >= 0 else ""
    for place, element in enumerate(document.elements):
        names = f"{document.names[place]} {element.get('aria-label', '')[:40]}"
        if document.hidden[place] or document.end[place] - place > 4 * _LARGEST or not _names_trail(names):
            continue
        crumbs = crumbs_in(element, document.url)
        if len(crumbs) > 1:
            return tuple(crumb for crumb in crumbs if crumb.casefold() != title)[:12]
        tried += 1
        if tried == _MOST_TRAILS:
            break
    return ()


@lru_cache(4_096)
def _names_brand(names: str) -> bool:
    return bool(_NAMED_BRAND.search(names))


@lru_cache(4_096)
def _names_trail(names: str) -> bool:
    return bool(_TRAIL.search(names))
