"""A page as a reader sees it: its elements and its visible text in order, what is hidden, and what stands beside it."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property, lru_cache

import lxml.html

from crawler.extraction.lexicon import UNSPACED
from crawler.extraction.text import MAX_TITLE, clean

_MOST_ELEMENTS = 60_000
_LONGEST_PIECE = 2_000
_LONGEST_ATTRIBUTE = 300
_MOST_HEADINGS = 5

_NEVER_SHOWN = frozenset({"script", "style", "template", "noscript", "svg", "iframe", "head", "option", "object"})
_HIDING_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)
_HIDING_CLASS = re.compile(
    r"(?:^|\s)(?:hidden|hide|d-none|is-hidden|u-hidden|ng-hide|invisible|display[-_]?none|js-hidden)(?:\s|$)"
)
_ASIDE_TAGS = frozenset({"nav", "footer", "aside"})
# what shops call the parts of a page that are not about its own product
_ASIDE = re.compile(
    r"relat(?:ed|ion)|recom+end|similar|up-?sell|cross-?sell|also-?(?:bought|view|like)|frequently|suggest|sponsor"
    r"|recent(?:ly)?-?_?(?:view|seen|prod)|last-?(?:seen|view)|history|accessor|mini-?_?(?:cart|basket|bag)|wish-?list"
    r"|compar(?:e|ison)-|mega-?menu|cookie|newsletter|testimonial|correlat|relacionad|similaire|empfehl"
    r"|aehnlich|ähnlich|zubehoer|podobn|souvisej|suvisiac|sorodn|slicn|polecan|benzer|pohozhie|flyout|modal-?cart"
    r"|(?:^|[-_\s])(?:nav|navigation|navbar|menu|footer|header|topbar|toolbar|sidebar|reviews?|comments?|ratings?"
    r"|advert\w*|ad-?slot|ad-?banner|banner|login|search|filters?|facets?|bestsellers?|teasers?|crosssell\w*|upsell\w*)(?:[-_\s]|$)",
    re.I,
)
_NAMING = frozenset(
    """class id data-testid data-test data-test-id data-qa data-qa-qualifier data-qaid data-automation
    data-automation-id data-auid data-cy data-hook data-role data-tl-id data-tid data-at data-e2e
    data-selenium data-component""".split()  # noqa: SIM905
)
_BESIDE_PRICES = frozenset({"rating", "ratings", "review", "reviews", "header", "banner"})
NAMED_TITLE = re.compile(
    r"(?:^|[-_\s])(?:name|title|titel|titulo|nazev|nazov|nome|nom)(?:[-_\s]|$)|(?:product|item)-?_?(?:name|title)", re.I
)
"""In the class or id of an element: it bears the name of an item."""
_NEVER = 2


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of visible text."""

    text: str
    """On one line."""
    owner: int
    """The element that it stands in."""
    position: tuple[int, int, int]


class Document:
    """A parsed page. Elements are named by their place in document order; lists run parallel to it."""

    def __init__(self, tree: lxml.html.HtmlElement, url: str) -> None:
        self.tree, self.url = tree, url
        self.elements: list[lxml.html.HtmlElement] = []
        self.parent: list[int] = []
        self.end: list[int] = []
        """One past the last element inside."""
        self.depth: list[int] = []
        self._walk()
        self.hidden = bytearray(len(self.elements))
        """0 for what is shown, 1 for what waits to be shown, 2 for what never is."""
        self.aside = bytearray(len(self.elements))
        """1 for what stands in a part that is not about the page's own product."""
        self.folded: list[Piece] = []
        """Text that the page shows when it is asked to: closed tabs and the like."""
        self.pieces = self._read_text()
        self._positions = [piece.position for piece in self.pieces]
        self._mark_asides()

    def _walk(self) -> None:
        places: dict[lxml.html.HtmlElement, int] = {}
        for element in self.tree.iter("*"):
            place = len(self.elements)
            if place >= _MOST_ELEMENTS:
                break
            up = places.get(element.getparent(), -1) if place else -1
            places[element] = place
            self.elements.append(element)
            self.parent.append(up)
            self.depth.append(self.depth[up] + 1 if up >= 0 else 0)
            self.end.append(place + 1)
        for place in range(len(self.elements) - 1, 0, -1):
            up = self.parent[place]
            if up >= 0 and self.end[up] < self.end[place]:
                self.end[up] = self.end[place]

    def _read_text(self) -> list[Piece]:
        pieces: list[Piece] = []
        for place, element in enumerate(self.elements):
            up = self.parent[place]
            self.hidden[place] = max(self.hidden[up] if up >= 0 else 0, _hiding(element))
            text, tail = element.text, element.tail
            if text and self.hidden[place] != _NEVER and not text.isspace():
                (self.folded if self.hidden[place] else pieces).append(Piece(_line(text), place, (place, 0, 0)))
            if tail and up >= 0 and not self.hidden[up] and not tail.isspace():
                pieces.append(Piece(_line(tail), up, (self.end[place] - 1, 1, -self.depth[place])))
        pieces.sort(key=lambda piece: piece.position)
        return pieces

    def _mark_asides(self) -> None:
        heading, most = self.heading, 0.6 * len(self.elements)
        for place, element in enumerate(self.elements):
            up = self.parent[place]
            if up >= 0 and self.aside[up]:
                self.aside[place] = 1
                continue
            if place <= heading < self.end[place] or (heading < 0 and self.end[place] - place > most):
                continue
            if (
                element.tag in _ASIDE_TAGS
                or (element.tag == "header" and heading >= 0)
                or ((names := self.names[place]) and _names_aside(names))
            ):
                self.aside[place] = 1

    @cached_property
    def heading(self) -> int:
        """The element of the page's own heading: the h1 that the page's title repeats best; -1 where there is none."""
        title = set(self.title.casefold().split())
        best, chosen = 0.0, -1
        seen = 0
        for place, element in enumerate(self.elements):
            if element.tag != "h1" or self.hidden[place] or not (words := set(self.text(place).casefold().split())):
                continue
            fit = 0.1 + len(words & title) / len(words)
            if fit > best:
                best, chosen = fit, place
            seen += 1
            if seen == _MOST_HEADINGS:
                break
        return chosen if chosen >= 0 else self._heading_without_h1(title)

    def _heading_without_h1(self, title: set[str]) -> int:
        """The first lesser heading, or name of an item, that the page's title repeats."""
        for place, element in enumerate(self.elements):
            if element.tag not in ("h2", "h3", "h4") and not _is_called_a_name(element, self.names[place]):
                continue
            words = [] if self.hidden[place] else self.text(place, 200).casefold().split()
            if len(words) > 1 and sum(word in title or self._titled(word) for word in words) >= 0.75 * len(words):
                return place
        return -1

    def _titled(self, word: str) -> bool:
        """Whether the page's title has a word that is written without blanks."""
        return bool(UNSPACED.search(word)) and word in self.title.casefold()

    @cached_property
    def title(self) -> str:
        """What the page's head calls it."""
        found = next(iter(self.tree.iter("title")), None)
        return clean(found.text, MAX_TITLE) if found is not None and found.text else ""

    @cached_property
    def language(self) -> str:
        """Such as ``de``; empty when the page does not say."""
        return str(self.elements[0].get("lang", ""))[:2].lower() if self.elements else ""

    @cached_property
    def names(self) -> list[str]:
        """What each element is called by its makers: its class, its id, and names for their tests; often empty."""
        return [_names(element) if element.attrib else "" for element in self.elements]

    def inside(self, place: int, most: int = 50) -> list[Piece]:
        """The visible text in an element, in order; no more than `most` pieces."""
        first = bisect_left(self._positions, (place, 0, 0))
        last = bisect_left(self._positions, (self.end[place] - 1, 1, -self.depth[place]))
        return self.pieces[first : min(last, first + most)]

    def text(self, place: int, longest: int = MAX_TITLE) -> str:
        """The visible text in an element on one line."""
        return " ".join(piece.text for piece in self.inside(place))[:longest]

    def ancestors(self, place: int, most: int) -> list[int]:
        """The element itself and up to `most` of those around it, from inside out."""
        found: list[int] = []
        while place >= 0 and len(found) <= most:
            found.append(place)
            place = self.parent[place]
        return found


def _is_called_a_name(element: lxml.html.HtmlElement, names: str) -> bool:
    return element.get("itemprop") == "name" or bool(names and NAMED_TITLE.search(names))


def _hiding(element: lxml.html.HtmlElement) -> int:
    if element.tag in _NEVER_SHOWN:
        return _NEVER
    if element.get("hidden") is not None:
        return 1
    style = element.get("style")
    if style and _HIDING_STYLE.search(style[:_LONGEST_ATTRIBUTE]):
        return 1
    names = element.get("class")
    return int(bool(names and _hides(names[:_LONGEST_ATTRIBUTE])))


def _names(element: lxml.html.HtmlElement) -> str:
    # an attribute is a member of a linked list: to walk it once is cheaper than to look for each name
    return " ".join(value[:_LONGEST_ATTRIBUTE] for name, value in element.items() if name in _NAMING and value)[
        :_LONGEST_ATTRIBUTE
    ]


@lru_cache(4_096)
def _hides(names: str) -> bool:
    return bool(_HIDING_CLASS.search(names))


@lru_cache(4_096)
def _names_aside(names: str) -> bool:
    found = _ASIDE.search(names)
    # what holds the price and the stars is the product's own
    return found is not None and not ("price" in names and found[0].strip("-_ ").lower() in _BESIDE_PRICES)


def _line(text: str) -> str:
    return " ".join(text[:_LONGEST_PIECE].split())
