"""What a site says to robots: in robots.txt beyond what Scrapy obeys already, in ``X-Robots-Tag``, and in pages.

Which addresses robots.txt forbids is decided by Scrapy's RobotsTxtMiddleware with protego; read here is what else a
site wishes by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import lxml.etree
import lxml.html
from protego import Protego

from domain.settings import Settings

LONGEST_DELAY_S = 300.0
"""A ``Crawl-delay`` up to here is kept as it stands; a longer one means that the site wants no crawl at all."""

# a path that no rule is written for: only one that forbids everything covers it
_ANY_PATH = "https://site.example/4f1d0c6e-nothing-of-this-name"
_MOST_DIRECTIVES = 200
# directives of X-Robots-Tag that have a value behind a colon, which else stands behind a robot's name
_WITH_VALUE = frozenset({"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"})
_ROBOT = re.compile(r"\*|[a-z][\w.-]{0,60}", re.ASCII)  # not the hours of a date that has a comma
_RESERVED = frozenset({"noai", "noimageai"})


@dataclass(frozen=True, kw_only=True, slots=True)
class RobotsWish:
    """What a robots.txt wishes of us."""

    delay_s: float = 0.0
    """Least time between two requests; 0 where it says nothing."""
    forbids_all: bool = False
    """Whether no page may be asked for."""


def robots_token(settings: Settings) -> str:
    """The name by which robots.txt means us: the first word of the user agent, without its version."""
    return settings.user_agent.partition("/")[0].partition(" ")[0] or "Assayer"


def read_robots(body: bytes, token: str) -> RobotsWish:
    """What the bytes of a robots.txt wish of the robot called `token`.

    Where a line allows something, to whichever robot, not everything is forbidden: which pages are is decided for each.
    """
    text = body.decode("utf-8-sig", errors="ignore")
    rules = Protego.parse(text)
    lines = (line.split("#")[0].strip().lower() for line in text.splitlines())
    allows = any(line.startswith("allow") and line.partition(":")[2].strip() for line in lines)
    forbidden = not rules.can_fetch(_ANY_PATH, token) and not rules.can_fetch("https://site.example/", token)
    return RobotsWish(delay_s=rules.crawl_delay(token) or 0.0, forbids_all=forbidden and not allows)


def header_directives(value: str, token: str) -> frozenset[str]:
    """The directives of an ``X-Robots-Tag`` that mean us, lower case; several headers are joined by commas.

    A directive behind a robot's name (``otherbot: noindex, nofollow``) means that robot, and so do those after it.
    """
    meant, found = True, set()
    for part in value.lower().split(",")[:_MOST_DIRECTIVES]:
        name, colon, rest = part.partition(":")
        if colon and name.strip() not in _WITH_VALUE and _ROBOT.fullmatch(name.strip()):
            meant, part = name.strip() in (token.lower(), "*", "robots"), rest
        if meant:
            found.add(part.partition(":")[0].strip())
    return frozenset(found - {""})


def page_directives(tree: lxml.html.HtmlElement, token: str) -> frozenset[str]:
    """The directives of a page's ``<meta name="robots">``, and of one that names us; lower case."""
    names = ("robots", token.lower())
    metas = tree.xpath("//meta[@name and @content]")[:_MOST_DIRECTIVES]
    values = [str(meta.get("content")) for meta in metas if str(meta.get("name")).strip().lower() in names]
    words = (word.strip().lower() for value in values for word in value.split(",")[:_MOST_DIRECTIVES])
    return frozenset(word for word in words if word)


def forbids_following(directives: Iterable[str]) -> bool:
    """Whether a page with these directives asks not to follow its links. ``noindex`` does not forbid reading it."""
    return not {"nofollow", "none"}.isdisjoint(directives)


def reservations(headers: Mapping[str, str], body_start: bytes) -> frozenset[str]:
    """What of ``noai``, ``noimageai`` and ``tdm-reservation`` a page states, by header or in its first bytes.

    `headers` have names in lower case. See docs/manners.md for why these are recorded and the page is read.
    """
    directives = header_directives(headers.get("x-robots-tag", ""), "")
    stated = set(directives & _RESERVED)
    if headers.get("tdm-reservation", "").strip() == "1":
        stated.add("tdm-reservation")
    start = body_start.lower()
    if any(word in start for word in (b"noai", b"noimageai", b"tdm-reservation")):
        stated |= _stated_in(start)
    return frozenset(stated)


def _stated_in(start: bytes) -> set[str]:
    parser = lxml.html.HTMLParser(encoding="iso-8859-1", recover=True)
    try:
        tree = lxml.html.document_fromstring(start, parser=parser)
    except (lxml.etree.ParserError, ValueError):
        return set()
    stated = set(page_directives(tree, "") & _RESERVED)
    if tree.xpath("//meta[@name='tdm-reservation' and normalize-space(@content)='1']"):
        stated.add("tdm-reservation")
    return stated
