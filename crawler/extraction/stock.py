"""Whether the product of a page can be bought: its buy controls, and the words of stock lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from crawler.extraction.cards import is_on_card
from crawler.extraction.document import Document
from crawler.extraction.evidence import Statement, said
from crawler.extraction.lexicon import LEXICON

_LONGEST_CONTROL = 60
_LONGEST_STOCK_LINE = 140
_MOST_CONTROLS = 60
_MOST_ON_CARDS = 300
_SURE_LINE = 0.7

_NAMED_CONTROL = re.compile(
    r"add-?_?(?:item-?)?to-?_?(?:cart|basket|bag|trolley|order)|buy-?_?(?:now|btn|button|box)|(?:cart|basket|order|purchase|checkout)-?_?(?:btn|button|add|submit)"
    r"|(?:btn|button)-?_?(?:add|buy|cart|basket|order|purchase)|to-?_?cart|addtocart|addtobasket|addtobag|warenkorb|kosik|koszyk|carrello|panier|carrito|carrinho",
    re.I,
)
_CONTROL = re.compile(r"btn|button|buy|cart|basket|cta|addto", re.I)
_DISABLED = re.compile(
    r"(?:^|[-_\s])(?:disabled|is-disabled|sold-?out|unavailable|out-?of-?stock|inactive)(?:[-_\s]|$)", re.I
)
_NAMED_STOCK = re.compile(
    r"stock|avail|verf[uü]e?gbar|lieferbar|lager|disponib|dispo(?:[-_\s]|$)|dostup|sklad|zalog|inventory|soldout|sold-out|voorraad|saldo",
    re.I,
)
_STOCK_CHOICE = re.compile(
    r"swatch|variant|(?:^|[-_\s])(?:sizes?|options?|colou?rs|stores?|locations?|filters?)(?:[-_\s]|$)", re.I
)
# what is out of stock in one shop of many, or would be if
_ELSEWHERE = re.compile(
    r"\b(?:store|shop|filial|markt|if|falls|wenn|size|colou?r|some|may|können|podr[ií]a|return|notify)\b", re.I
)


_OTHER_WAY = re.compile(r"available for|collect|pick-?up|abholung|retrait|recogida|ritiro|osobn|gift", re.I)


ASSUMED = "no word of being sold out"
"""Where availability is from when nothing states it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BuyControl:
    """A button or link that buys, orders, or reaches the seller."""

    place: int
    words: str
    enabled: bool


def buy_controls(document: Document) -> list[BuyControl]:
    """Those of the page's own product, in order."""
    found: list[BuyControl] = []
    on_cards = 0
    for place, element in enumerate(document.elements):
        if len(found) == _MOST_CONTROLS or on_cards == _MOST_ON_CARDS:
            break
        if document.aside[place] or document.hidden[place]:
            continue
        tag = element.tag
        names = document.names[place]
        if tag == "input":
            kind = (element.get("type") or "").lower()
            if kind not in ("submit", "button", "image"):
                continue
        elif tag not in ("button", "a") and element.get("role") != "button" and not _is_small_control(document, place):
            continue
        if tag == "a" and not _CONTROL.search(names) and element.get("role") != "button":
            continue
        words = _control_words(document, place)
        named = _is_named_control(names)
        phrase = LEXICON.buy.find(words) or (LEXICON.add.find(words) and LEXICON.cart.find(words))
        if LEXICON.no_buy.find(words) and not named:
            continue
        # a link to the cart is called like a button that fills it
        if phrase or (named and tag in ("button", "input")):
            if is_on_card(document, place):
                on_cards += 1
                continue
            off = (
                element.get("disabled") is not None or element.get("aria-disabled") == "true" or _DISABLED.search(names)
            )
            found.append(BuyControl(place=place, words=words or names, enabled=not off and not _is_out(words)))
    return found


def _is_small_control(document: Document, place: int) -> bool:
    """Whether something that is no button is called like one that buys, and holds little else."""
    return document.end[place] - place <= 3 and _is_named_control(document.names[place])


@lru_cache(4_096)
def _is_named_control(names: str) -> bool:
    return bool(_NAMED_CONTROL.search(names))


def stock_statements(document: Document, controls: Sequence[BuyControl], priced: bool) -> Iterator[Statement]:
    """What words and controls say of availability."""
    enabled = [control for control in controls if control.enabled]
    lines = list(_lines(document, enabled))
    # "sold out" says one thing; "available in one store" does not mean that this page sells it
    sold_out = not enabled and any(line.value == "OutOfStock" for line in lines)
    yield from (line for line in lines if line.value == "OutOfStock" or not sold_out)
    # a stock line by name says it; that nothing else does is no word against it
    surely_out = sold_out and any(line.value == "OutOfStock" and line.weight >= _SURE_LINE for line in lines)
    told_out = next((control for control in controls if not control.enabled and _is_out(control.words)), None)
    if enabled:
        near = [control for control in enabled if _is_by_heading(document, control.place)]
        first = (near or enabled)[0]
        yield said("availability", "InStock", first.words, "buy control", "visible", 0.97 if near else 0.6)
        return
    if told_out:
        yield said("availability", "OutOfStock", told_out.words, "words of the buy control", "visible", 0.9)
    elif controls:
        # more often it waits for a size to be chosen
        yield said("availability", "OutOfStock", controls[0].words, "disabled buy control", "visible", 0.3)
    if (priced or document.heading >= 0) and not told_out and not surely_out:
        yield said("availability", "InStock", "", ASSUMED, "visible", 0.4)


def _is_by_heading(document: Document, place: int) -> bool:
    return document.heading < 0 or -60 < place - document.heading < 500


def _lines(document: Document, enabled: Sequence[BuyControl]) -> Iterator[Statement]:
    """The first stock line of each kind; elements that are called stock are surer than loose words."""
    seen: set[tuple[str, bool]] = set()
    for piece in document.pieces:
        if len(piece.text) > _LONGEST_STOCK_LINE or document.aside[piece.owner]:
            continue
        out = LEXICON.out_of_stock.find(piece.text)
        notify = LEXICON.notify.find(piece.text) if not out and not enabled else ""
        # "not available" holds "available"
        within = LEXICON.in_stock.find(piece.text) if not out and not notify else ""
        if not (out or within or notify):
            continue
        if out and ((len(piece.text) > 60 and _ELSEWHERE.search(piece.text)) or _OTHER_WAY.search(piece.text)):
            continue
        names = [document.names[each] for each in document.ancestors(piece.owner, 3)]
        if any(_STOCK_CHOICE.search(name) for name in names[:2]):
            continue
        named = any(_NAMED_STOCK.search(name) for name in names)
        near = _is_near(document, piece.owner)
        value = "OutOfStock" if out or notify else "InStock"
        if (value, named) in seen or not near:
            continue
        seen.add((value, named))
        share = 1.0 if named else 0.75 if len(piece.text) <= 40 else 0.4
        if value == "InStock" and (not named or len(piece.text) > 40):
            share *= 0.6  # "available in three colors", "when it will be in stock"
        if value == "OutOfStock" and enabled:
            share *= 0.6  # one size of many
        if notify:
            share *= 0.8
        yield said("availability", value, piece.text, f"words {out or within or notify!r}", "label", share)


def _is_near(document: Document, place: int) -> bool:
    """Around the heading, not in what follows far below."""
    return document.heading < 0 or -150 < place - document.heading < 900


def _control_words(document: Document, place: int) -> str:
    element = document.elements[place]
    text = document.text(place, _LONGEST_CONTROL + 1)
    if len(text) > _LONGEST_CONTROL:
        return ""
    said_elsewhere = (element.get(name) for name in ("value", "aria-label", "title", "alt"))
    return text or next((words.strip()[:_LONGEST_CONTROL] for words in said_elsewhere if words and words.strip()), "")


def _is_out(words: str) -> bool:
    return bool(LEXICON.out_of_stock.find(words) or LEXICON.notify.find(words))


_IN = frozenset(
    {
        "instock",
        "instoreonly",
        "limitedavailability",
        "onlineonly",
        "preorder",
        "presale",
        "backorder",
        "madetoorder",
        "reserved",
        "available",
        "true",
        "yes",
        "1",
        "onstock",
        "in",
    }
)
_OUT = frozenset(
    {"outofstock", "soldout", "discontinued", "oos", "unavailable", "notavailable", "false", "0", "out", "no"}
)


def stated_availability(value: str) -> str:
    """``InStock`` or ``OutOfStock`` of a value in structured data: schema.org's in any spelling, or plain words.

    What can be ordered counts as in stock, as GoodRelations and Google's feeds sort it. Empty when it says neither.
    """
    word = re.sub(r"[^a-z0-9]", "", value.strip().rstrip("/").replace("#", "/").rpartition("/")[2].lower())
    if word in _IN:
        return "InStock"
    if word in _OUT:
        return "OutOfStock"
    if LEXICON.out_of_stock.find(value[:80]):
        return "OutOfStock"
    return "InStock" if LEXICON.in_stock.find(value[:80]) else ""
