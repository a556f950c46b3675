"""Whether a page was sent as an empty stage that its scripts have yet to fill."""

from __future__ import annotations

import re

import lxml.html
from lxml.etree import LxmlError, iterwalk

from crawler.sources.interface import Answer

_MOST_BYTES = 1_000_000
_MOST_TEXT = 200
"""Characters of text that an empty stage may have: a title, a notice of cookies, a word about loading."""
_HARDLY_ANY_TEXT = 20
# where frameworks put what they make: the ids and elements that their project templates begin with
_STAGES = frozenset(
    {
        "root",
        "app",
        "__next",
        "__nuxt",
        "___gatsby",
        "app-root",
        "react-root",
        "main-app",
        "q-app",
        "svelte",
        "ember-app",
    }
)
_ASKS_FOR_SCRIPTS = re.compile(r"java\s*-?script|джаваскрипт", re.IGNORECASE)
_MAKES_AN_OFFER = re.compile(
    rb"""["'](?:https?://schema\.org/)?(?:Product|ProductGroup|Offer|AggregateOffer)["']"""
    rb"""|itemprop\s*=\s*["']?price|(?:og|product):price""",
    re.IGNORECASE,
)
_UNSEEN = frozenset({"script", "style", "noscript", "template", "head", "svg"})


def looks_scripted(answer: Answer) -> bool:
    """Whether the page is likely to say what it has to say only in a browser.

    It is when it has scripts, next to no text, and nothing that tells machines of an offer, and beside that either an
    empty element of the kind that frameworks fill, a plea to enable JavaScript, or no text at all. In doubt it is not:
    a page in a browser costs its site dozens of requests. Pages over a megabyte are not judged.
    """
    if answer.content_type not in ("text/html", "application/xhtml+xml") or len(answer.body) > _MOST_BYTES:
        return False
    if _MAKES_AN_OFFER.search(answer.body):
        return False
    try:
        page = lxml.html.document_fromstring(
            answer.text.encode("utf-8", "replace"), lxml.html.HTMLParser(encoding="utf-8")
        )
    except (LxmlError, ValueError):  # ValueError: nothing but blanks
        return False
    return _is_stage(page)


def _is_stage(page: lxml.html.HtmlElement) -> bool:
    if not _has_program(page):
        return False
    text = _seen_text(page)
    if text > _MOST_TEXT:
        return False
    return text <= _HARDLY_ANY_TEXT or _has_empty_stage(page) or _asks_for_scripts(page)


def _has_program(page: lxml.html.HtmlElement) -> bool:
    """A script that runs, not one that holds data."""
    kinds = ("", "module", "text/javascript", "application/javascript")
    return any(script.get("type", "").strip().lower() in kinds for script in page.iter("script"))


def _seen_text(page: lxml.html.HtmlElement) -> int:
    """Characters that a visitor without scripts sees, blanks folded; no more are counted than matter."""
    count = 0
    walk = iterwalk(page, events=("start", "end", "comment", "pi"))
    for event, element in walk:
        if event == "start" and element.tag in _UNSEEN:
            walk.skip_subtree()
        elif event == "start":
            count += _length(element.text)
        else:  # what follows an element, or a comment, belongs to what is around it
            count += _length(element.tail)
        if count > _MOST_TEXT:
            break
    return count


def _length(text: str | None) -> int:
    return len(" ".join((text or "").split()))


def _has_empty_stage(page: lxml.html.HtmlElement) -> bool:
    return any(
        (element.get("id", "") in _STAGES or element.tag in _STAGES)
        and len(element) == 0
        and not (element.text or "").strip()
        for element in page.iter()
        if isinstance(element.tag, str)
    )


def _asks_for_scripts(page: lxml.html.HtmlElement) -> bool:
    return any(_ASKS_FOR_SCRIPTS.search(told.text_content()) for told in page.iter("noscript"))
