"""Numbers and names that a page prints beside a label: ``Art.-Nr.: 4711``, ``EAN``, ``Brand``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from crawler.extraction.document import Document, Piece
from crawler.extraction.evidence import Statement, said
from crawler.extraction.lexicon import LEXICON, Label
from domain.gtin import valid_gtin

_LONGEST_LABEL = 120
_LONGEST_CODE = 40
_SHORTEST_CODE = 3
_LONGEST_BRAND = 50
_MOST_STATEMENTS = 60
_NEAR = 3
"""Elements up from a label within which its value stands."""

_FOLDED = 0.7
"""The share of what is not shown at first."""

_MODEL = frozenset({"model", "modelo", "modell", "modello", "modele", "модель", "model no", "model code"})
_MODEL_SHARE = 0.75
"""That a model number is the shop's own one."""
_SHORTEST_MODEL = 6
"""Shorter ones are of cars, or years."""

_DIGIT = re.compile(r"\d")
_CODE = re.compile(r"[\w][\w./+#-]*(?: [\w./+#-]+)*")
_END = re.compile(r"\s*[|•·;,()\[\]\n]|\s{2,}|\s[-–]\s|\s(?=\w+:)")
_TOKEN = re.compile(r"[^\s]*\d[^\s]*")
_DIGIT_GROUPS = re.compile(r"\d{1,6}(?: \d{2,6})+")
_OF_LETTERS = re.compile(r"(?=.{3,30}$)(?:[A-Z]{3,}|[A-Z]+(?=[-_/]))(?:[-_/][A-Z]+)*")
_NOTHING = frozenset(
    {"N/A", "NA", "NONE", "NULL", "NEW", "SKU", "TBA", "TBC", "TBD", "NULO", "EAN", "UPC", "GTIN", "MPN"}
)
_BETWEEN = re.compile(r"[^\W\d][^:\d]{0,24}:\s*")
_BESIDES = re.compile(r"\s*[|•·;]\s*")
_MOST_BESIDES = 6
_OWN_WORD = re.compile(r"(?P<words>[^\W\d]{1,15}\s?[#№])\s?(?P<code>[\w./-]{5,30})")
_UPPER = re.compile(r"[A-Z0-9][A-Z0-9./+# -]*")
_NO_CODE = re.compile(r"^\d{1,2}/\d{1,2}$|\d{1,2}[./]\d{1,2}[./]\d{2,4}|\d+[.,]\d{2}\s?[€$£]|[€$£¥]|\d\s?%|https?:|@")
_NAMED = re.compile(
    r"(?:^|[-_\s\"])(?:sku|mpn|gtin|ean|upc|isbn|art(?:icle|ikel)?-?_?(?:no|nr|num(?:ber|mer)?|code|id)|item-?_?(?:no|num(?:ber)?|code|id)"
    r"|product-?_?(?:code|sku|number|ref(?:erence)?|id|no)|prod-?_?(?:code|sku|id)|model-?_?(?:no|number)?|reference|codice"
    r"|catalog(?:ue)?-?_?(?:no|number)|part-?_?(?:no|number)|style-?_?(?:no|number|code))(?:[-_\s\"]|$)",
    re.I,
)


def label_statements(document: Document) -> Iterator[Statement]:
    """What stands beside labels in the parts of the page that are about its product."""
    yield from _label_statements(document, document.pieces, 1.0)
    yield from _label_statements(document, document.folded, _FOLDED)


def _label_statements(document: Document, pieces: Sequence[Piece], weight: float) -> Iterator[Statement]:
    given = 0
    for order, piece in enumerate(pieces):
        if given >= _MOST_STATEMENTS:
            return
        if len(piece.text) > _LONGEST_LABEL or document.aside[piece.owner]:
            continue
        for label in _labels(piece.text):
            found = _value(document, pieces[order : order + 3], label)
            if found is None:
                continue
            given += 1
            value, share = found[0], weight * found[1]
            if label.field in ("sku", "mpn") and len(value) < _SHORTEST_CODE:
                continue
            if " " in value and label.field in ("sku", "mpn") and any(part.isalpha() for part in value.split()):
                share *= 0.6  # words in it: a description more often than a number
            share *= _place_share(document, piece.owner)
            where = f"label {label.words}"[:100]
            raw = f"{piece.text[:200]} {value}" if value not in piece.text else piece.text
            yield from _statements(label, value, raw, where, share)


def _labels(text: str) -> Iterator[Label]:
    """The labels in a text: several where it is a row of them, ``Model: A1 | SKU: 4711``."""
    for part in _BESIDES.split(text)[:_MOST_BESIDES]:
        if label := LEXICON.labels.read(part):
            yield label
        elif (own := _OWN_WORD.fullmatch(part)) and _DIGIT.search(own["code"]):
            # shops give their numbers their own names
            yield Label(field="sku", words=own["words"], rest=own["code"], marked=False, numbered=False)


def named_statements(document: Document) -> Iterator[Statement]:
    """What stands in elements that the page's makers call ``sku`` and the like."""
    for place, element in enumerate(document.elements):
        names = document.names[place]
        if not names or document.hidden[place] or document.aside[place] or not _NAMED.search(names):
            continue
        text = document.text(place, _LONGEST_CODE + 30)
        label = LEXICON.labels.read(text)
        field = _named_field(names)
        value = code_in(label.rest if label and label.rest else text, whole=True)
        if value and field:
            where = f"css {element.tag}.{'.'.join((element.get('class') or '').split()[:2])}"[:100]
            yield from _named(field, value, text, where)


def _named(field: str, value: str, text: str, where: str) -> Iterator[Statement]:
    if field == "gtin":
        if gtin := valid_gtin(value):
            yield said("gtin", gtin, text, where, "named")
    else:
        yield said(field, value, text, where, "named")


def _named_field(names: str) -> str:
    names = names.casefold()
    if any(word in names for word in ("gtin", "ean", "upc", "isbn")):
        return "gtin"
    return "mpn" if "mpn" in names or "model" in names or "part" in names else "sku"


def _value(document: Document, pieces: Sequence[Piece], label: Label) -> tuple[str, float] | None:
    """What the label announces: in its own text, which is the first of these, or in the next that stands near."""
    owner = pieces[0].owner
    is_sure = label.marked or label.numbered or label.surely
    read = _brand if label.field == "brand" else _code_of_letters if label.field == "sku" and is_sure else code_in
    if label.surely and not label.marked and (between := _BETWEEN.match(label.rest)):
        label = replace(label, rest=label.rest[between.end() :], marked=True)
    if label.rest:
        # "Reference books" is no label, "Ref 4711" is one
        if not label.marked and (label.field == "brand" or not _DIGIT.search(label.rest[:20])):
            return None
        value = read(label.rest)
        return (value, 1.0 if label.marked or label.numbered else 0.7) if value else None
    near = document.ancestors(owner, _NEAR)[-1]
    for after in pieces[1:]:
        if not near <= after.owner < document.end[near]:
            return None
        text = after.text.lstrip(":#：. ").strip()
        if not text:
            continue
        if LEXICON.labels.read(text) and not _DIGIT.search(text):
            return None
        value = read(text)
        if not value:
            return None
        strong = label.marked or label.numbered or after.text.startswith(":") or _is_table(document, owner)
        return value, 1.0 if strong else 0.55
    return None


def _is_table(document: Document, place: int) -> bool:
    return any(document.elements[each].tag in ("th", "td", "dt") for each in document.ancestors(place, 2))


def _code_of_letters(text: str) -> str:
    return code_in(text) or letters_in(text)


def letters_in(text: str) -> str:
    """A text that is an article number without a digit, ``SMJOURN`` or ``COMP_CUST``; else empty."""
    text = text.strip()
    return text if _OF_LETTERS.fullmatch(text) and text not in _NOTHING else ""


def _brand(text: str) -> str:
    """A name: short, with letters."""
    name = _END.split(text, maxsplit=1)[0].strip()
    if not 1 < len(name) <= _LONGEST_BRAND or not any(letter.isalpha() for letter in name) or "@" in name:
        return ""
    # a label whose value is missing is followed by whatever comes next
    return name if len(name.split()) <= 5 and " " not in LEXICON.buy.find(name) else ""


def code_in(text: str, whole: bool = False) -> str:
    """The article number that a text consists of, or begins with; empty when it begins with something else."""
    text = _END.split(text.strip(), maxsplit=1)[0].strip(" .:#\"'")
    if not text or not _DIGIT.search(text) or _NO_CODE.search(text):
        return ""
    if len(text) > _LONGEST_CODE or (" " in text and not _one_code(text)):
        if whole:
            return ""
        first = text.split(" ", 1)[0]
        text = first if _TOKEN.fullmatch(first) else ""
    text = text.strip(" .:#\"'")
    return text if _CODE.fullmatch(text) and len(text) <= _LONGEST_CODE and _DIGIT.search(text) else ""


def _one_code(text: str) -> bool:
    """Whether the blanks belong to the number: ``504 288 06``, ``GN 570 EASY II``."""
    return bool(_DIGIT_GROUPS.fullmatch(text) or (_UPPER.fullmatch(text) and len(text.split()) <= 4))


def _place_share(document: Document, place: int) -> float:
    """A little less for what stands far from the heading: long pages name the numbers of other things below."""
    if document.heading < 0:
        return 0.9
    distance = abs(place - document.heading)
    return 1.0 if distance < 800 else 0.9 if distance < 2_000 else 0.75


def _statements(label: Label, value: str, raw: str, where: str, share: float) -> Iterator[Statement]:
    if label.field == "gtin":
        if gtin := valid_gtin(value):
            yield said("gtin", gtin, raw, where, "label", share)
        return
    yield said(label.field, value, raw, where, "label", share)
    if label.words in _MODEL and label.marked and len(value) >= _SHORTEST_MODEL:
        # shops that have one number for a product call it so
        yield said("sku", value, raw, where, "label", _MODEL_SHARE * share)
